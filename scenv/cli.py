"""The command line `scenv`: look at a network, run a policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scenv.errors import ScenvError
from scenv.evaluation import Evaluation, evaluate
from scenv.network import load_network
from scenv.policies import baselines
from scenv.scenario_files import load_scenario

app = typer.Typer(
    help="Multi-echelon inventory control on real supply networks: look at a network, run classical policies on it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ScenarioOption = Annotated[str, typer.Option("--scenario", "-s", help="bg, r1, r2, r3, or a scenario or network file.")]


@app.command()
def info(
    network: Annotated[str, typer.Argument(help="bg, r1, r2, r3, or a network file (.json .graphml .csv).")],
) -> None:
    """Show a network: its size, its complexity, and every firm with its neighbours and costs."""
    net = load_network(network)
    console = Console()
    console.print(
        f"[bold]{net.name}[/]: {len(net.agents)} firms, {len(net.edges)} edges, {max(net.stages.values()) + 1} stages, "
        f"{len(net.retailers)} retailers, complexity {net.complexity:.2f} bits"
    )
    table = Table("firm", "stage", "suppliers", "customers")
    table.add_column("holding cost", justify="right")
    table.add_column("backorder cost", justify="right")
    graph = net.graph
    for i, name in enumerate(net.agents):
        suppliers = ", ".join(graph.predecessors(name)) or "(external)"
        customers = ", ".join(graph.successors(name)) or "(demand)"
        costs = (f"{net.holding_cost[i]:.3f}", f"{net.backorder_cost[i]:.3f}")
        table.add_row(name, str(net.stages[name]), suppliers, customers, *costs)
    console.print(table)


@app.command(name="evaluate")
def evaluate_command(
    scenario: ScenarioOption = "r2",
    policy: Annotated[
        str, typer.Option("--policy", "-p", help="Policies to compare, by comma: base-stock, pass-through, random.")
    ] = "base-stock,pass-through,random",
    episodes: Annotated[int, typer.Option(min=1, help="Runs per policy; all policies meet the same demand.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the demand paths.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results here too.")] = None,
) -> None:
    """Run policies on the same demand paths and compare their total costs."""
    loaded = load_scenario(scenario)
    makers = baselines(loaded)
    names = [name.strip() for name in policy.split(",") if name.strip()]
    unknown = [name for name in names if name not in makers]
    if unknown or not names:
        raise ScenvError(f"--policy: unknown policy {', '.join(unknown)!r}; expected some of {', '.join(makers)}")
    results = {name: evaluate(makers[name](), loaded, episodes=episodes, seed=seed) for name in names}
    title = (
        f"{loaded.network.name}: total cost of {loaded.horizon - loaded.warmup} periods, {episodes} runs, seed {seed}"
    )
    Console().print(_comparison(title, results))
    if json_file is not None:
        rows = {name: {"mean": r.mean, "ci95": r.ci95, "per_agent": r.per_agent} for name, r in results.items()}
        document = {"network": loaded.network.name, "episodes": episodes, "seed": seed, "policies": rows}
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _comparison(title: str, results: dict[str, Evaluation]) -> Table:
    table = Table("policy", title=title, title_justify="left")
    for column in ("mean cost", "95 % interval", "relative to the first"):
        table.add_column(column, justify="right")
    first = next(iter(results.values())).mean
    for name, result in results.items():
        low, high = result.ci95
        table.add_row(name, f"{result.mean:.1f}", f"{low:.1f} … {high:.1f}", f"{result.mean / first:.3f}")
    return table


def main() -> None:
    """Entry point: errors in the input are one line on standard error and exit code 2."""
    try:
        app(standalone_mode=True)
    except ScenvError as error:
        print(f"scenv: {error}", file=sys.stderr)
        sys.exit(2)
