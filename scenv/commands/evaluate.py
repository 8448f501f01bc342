"""`scenv evaluate`: run policies on the same demand paths and compare what they cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scenv.errors import ScenvError
from scenv.evaluation import Evaluation, evaluate
from scenv.policies import baselines
from scenv.scenario_files import load_scenario

ScenarioOption = Annotated[str, typer.Option("--scenario", "-s", help="bg, r1, r2, r3, or a scenario or network file.")]


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
