"""`scenv levels`: the order-up-to levels of a base-stock policy, printed and saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import rich.box
import typer
from rich.markup import escape
from rich.table import Table

from scenv.commands.console import ScenarioOption, SourceArgument, named_source, output_console, refuse_to_overwrite
from scenv.errors import ScenvError
from scenv.network.stage_titles import stage_titles
from scenv.policies import BaseStock, ReorderPoint, make_policy
from scenv.policies.base_stock import covered_periods
from scenv.scenario.differences import difference_line
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments
from scenv.scenario.scenario import Scenario
from scenv.simulation.structure import build_structure


def levels_command(
    source: SourceArgument = None,
    scenario: ScenarioOption = None,
    policy: Annotated[
        str,
        typer.Option(
            "--policy", "-p", help="Whose levels: base-stock, decomposition-aggregation, reorder-point (s and S), ..."
        ),
    ] = "optimised-base-stock",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Save them as .json, for --policy FILE of other commands.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that exists.")] = False,
) -> None:
    """Show the order-up-to level of each firm: it orders what lifts stock + on order - backorders to this level.

    By default the best constant levels: on record for bg, r1, r2 and r3 at shipment lead times 1, 2 and 3, elsewhere
    found by simulation, in seconds (four firms) to minutes (27 firms).

    Examples:

        scenv levels r2

        scenv levels my_chain.yaml --out my_levels.json

        scenv evaluate my_chain.yaml --policy base-stock,my_levels.json
    """
    loaded = load_scenario(named_source(source, scenario))
    if out is not None:
        if out.suffix.lower() != ".json":
            raise ScenvError(f"{out}: a file of levels must end in .json")
        refuse_to_overwrite(out, force)
    made = make_policy(policy, loaded)
    if not isinstance(made, BaseStock | ReorderPoint):
        raise ScenvError(f"--policy {policy}: orders up to no fixed level; base-stock and reorder-point do")
    where = {"recorded": "on record", "gradient": "found by simulation", "cma": "found by simulation"}
    method = where.get(getattr(made, "method", ""), "by formula")
    levels = (
        {"level": made.level_of}
        if isinstance(made, BaseStock)
        else {"reorder point": made.levels_by_kind["reorder_point"], "order up to": made.levels_by_kind["order_up_to"]}
    )
    title = f"{loaded.network.name}: order-up-to levels of {policy}, {method}"
    output_console().print(_table(loaded, levels, title))
    if out is not None:
        try:
            made.save(out)
        except OSError as error:
            raise ScenvError(f"{out}: cannot be written ({error.strerror})") from error
        print(f"wrote {out}")


def _table(scenario: Scenario, levels: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A column for each kind of level, the last of which is what is ordered up to."""
    network = scenario.network
    titles, mean = stage_titles(network), firm_demand_moments(scenario)[0]
    lead_time, covered = build_structure(scenario).lead_time, covered_periods(scenario)
    reviews = bool((covered != lead_time).any())
    unusual = difference_line(scenario)
    table = Table(
        title=escape(f"{title}\n{unusual}" if unusual else title),
        title_justify="left",
        title_style="bold",
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("firm", overflow="fold")
    last = "beyond mean demand of them" if reviews else "beyond mean lead-time demand"
    for column in (*levels, "mean demand", "lead time", *(["periods to cover"] if reviews else []), last):
        table.add_column(column, justify="right", no_wrap=True)
    stage = -1
    for i, name in enumerate(network.agents):
        if network.stages[name] != stage:
            stage = network.stages[name]
            table.add_row(f"[bold]{escape(titles[stage])}[/]")
        table.add_row(
            f"  {escape(name)}",
            *(f"{own[name]:,.1f}" for own in levels.values()),
            f"{mean[i]:,.2f}",
            str(lead_time[i]),
            *([str(covered[i])] if reviews else []),
            f"{list(levels.values())[-1][name] - mean[i] * covered[i]:+,.1f}",
        )
    return table
