"""`scenv decide`: what one firm's exported policy would order now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import rich.box
import typer
from rich.markup import escape
from rich.table import Table

from scenv.commands.console import output_console, refuse_to_overwrite, write_text
from scenv.errors import ScenvError
from scenv.policies.deciding import Decision, decide, history_template, read_firm
from scenv.simulation.observation import LOCAL_STATE_FIELDS

_MOST_ACTIONS = 5


def decide_command(
    policy: Annotated[str, typer.Argument(help="A firm's policy as pmarl-export wrote it: FOLDER/NAME.")],
    history: Annotated[
        Path | None, typer.Option(help="CSV: backorder, on_hand, on_order, received, demand; a line a period.")
    ] = None,
    template: Annotated[Path | None, typer.Option(help="Write an empty history to fill in, and stop.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead, for programs.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a template that exists.")] = False,
) -> None:
    """Say what a firm would order now, from its own last periods, what it saw, and how sure it was.

    Lines are in the order of a column period or date, oldest first where there is none. All numbers are units: owed to
    customers, in stock, ordered and not received, received in the period, demanded in the period.

    Examples:

        scenv decide policies/whole_1 --template last_periods.csv

        scenv decide policies/whole_1 --history last_periods.csv
    """
    if (history is None) == (template is None):
        raise ScenvError("give either --history FILE, or --template FILE to write an empty one")
    if template is not None:
        refuse_to_overwrite(template, force)
        write_text(template, history_template(read_firm(policy)))
        print(f"wrote {template}: fill in a line for each period, oldest first")
        return
    decision = decide(policy, history)
    if as_json:
        print(json.dumps(_document(decision), indent=2, allow_nan=False))
        return
    console = output_console()
    console.print(f"[bold]{escape(decision.agent)} orders {decision.order:g}[/]  {_because(decision)}")
    console.print(_seen(decision))
    console.print(_sure(decision))
    for back, field, deviations in decision.far_from_training[:_MOST_ACTIONS]:
        when = "now" if back == 0 else f"{back} periods ago"
        console.print(f"[yellow]note[/]  {field} {when} is {deviations:.0f} deviations from what it was trained on")


def _because(decision: Decision) -> str:
    demand, adjustment = decision.history[-1, -1], decision.adjustment
    floor = ", not below 0" if demand + adjustment < 0 else ""
    return f"demand {demand:g} {'+' if adjustment >= 0 else '-'} {abs(adjustment):g}{floor}"


def _seen(decision: Decision) -> Table:
    table = Table(title="what it saw", title_justify="left", box=rich.box.SIMPLE_HEAD)
    for name in ("periods ago", *LOCAL_STATE_FIELDS):
        table.add_column(name.replace("_", " "), justify="right")
    for k, row in enumerate(decision.history):
        table.add_row(str(len(decision.history) - 1 - k), *(f"{value:g}" for value in row))
    return table


def _sure(decision: Decision) -> Table:
    table = Table(title="how sure it was", title_justify="left", box=rich.box.SIMPLE_HEAD)
    for name in ("adjustment", "order", "probability"):
        table.add_column(name, justify="right")
    for k in np.argsort(-decision.probabilities, kind="stable")[:_MOST_ACTIONS]:
        order = max(0.0, decision.history[-1, -1] + decision.adjustments[k])
        table.add_row(f"{decision.adjustments[k]:+g}", f"{order:g}", f"{decision.probabilities[k]:.1%}")
    return table


def _document(decision: Decision) -> dict[str, object]:
    return {
        "firm": decision.agent,
        "order": decision.order,
        "adjustment": decision.adjustment,
        "probability": float(decision.probabilities.max()),
        "probabilities": {
            f"{a:g}": float(p) for a, p in zip(decision.adjustments, decision.probabilities, strict=True)
        },
        "history": [dict(zip(LOCAL_STATE_FIELDS, row, strict=True)) for row in decision.history.tolist()],
        "far_from_training": [
            {"periods_ago": back, "field": field, "deviations": value}
            for back, field, value in decision.far_from_training
        ],
    }
