"""The command line `scenv`: look at a network, run a policy."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scenv.commands.evaluate import evaluate_command
from scenv.errors import ScenvError
from scenv.network import load_network

app = typer.Typer(
    help="Multi-echelon inventory control on real supply networks: look at a network, run classical policies on it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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


app.command(name="evaluate")(evaluate_command)


def main() -> None:
    """Entry point: errors in the input are one line on standard error and exit code 2."""
    try:
        app(standalone_mode=True)
    except ScenvError as error:
        print(f"scenv: {error}", file=sys.stderr)
        sys.exit(2)
