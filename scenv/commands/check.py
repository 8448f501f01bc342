"""`scenv check`: is a network or scenario file valid, and does the environment keep its promises on it?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from scenv.commands.console import output_console
from scenv.render.network_picture import network_summary
from scenv.render.source import scenario_to_show
from scenv.testing import EnvCheckError, check_env


def check_command(
    source: Annotated[str, typer.Argument(help="A network or scenario file, or bg, r1, r2, r3.")],
    seed: Annotated[int, typer.Option(min=0, help="Of demand and actions.")] = 0,
) -> None:
    """Check a file, then simulate on it: are units conserved, seeds obeyed, interfaces kept?

    Every check lives through whole episodes with random decisions.

    Exit code 0: all is well.

    Exit code 1: a promise is broken, which is a mistake in scenv (please report it).

    Exit code 2: the file is not valid, and the message says why.

    Examples:

        scenv check my_chain.json

        scenv check scenarios/r2.yaml --seed 7
    """
    scenario, has_costs = scenario_to_show(source)
    console = output_console()
    console.print(f"[bold]{escape(scenario.network.name)}[/]  {network_summary(scenario)}")
    if not has_costs:
        console.print("[yellow]note[/]  the file gives no costs: checked with costs: uniform, as a scenario must say")
    try:
        checks = check_env(scenario, seed=seed)
    except EnvCheckError as error:
        print(f"scenv: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for check in checks:
        table.add_row("[green]ok[/]", check.name, check.promise, f"[dim]{escape(check.evidence)}[/]")
    console.print(table)
