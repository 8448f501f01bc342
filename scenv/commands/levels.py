"""`scenv levels`: the order-up-to levels of a base-stock policy, printed and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import rich.box
import typer
from rich.markup import escape
from rich.table import Table

from scenv.commands.console import ScenarioOption, SourceArgument, named_source, output_console, refuse_to_overwrite
from scenv.errors import ScenvError
from scenv.network.stage_titles import stage_titles
from scenv.policies import BaseStock, make_policy
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
            "--policy", "-p", help="Whose levels: base-stock, decomposition-aggregation, echelon-base-stock, ..."
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
    if not isinstance(made, BaseStock):
        raise ScenvError(f"--policy {policy}: orders up to no fixed level; base-stock is one that does")
    where = {"recorded": "on record", "gradient": "found by simulation", "cma": "found by simulation"}
    method = where.get(getattr(made, "method", ""), "by formula")
    output_console().print(_table(loaded, made, f"{loaded.network.name}: order-up-to levels of {policy}, {method}"))
    if out is not None:
        try:
            out.write_text(json.dumps({"levels": made.level_of}, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ScenvError(f"{out}: cannot be written ({error.strerror})") from error
        print(f"wrote {out}")


def _table(scenario: Scenario, policy: BaseStock, title: str) -> Table:
    network = scenario.network
    titles, mean = stage_titles(network), firm_demand_moments(scenario)[0]
    lead_time = build_structure(scenario).lead_time
    unusual = difference_line(scenario)
    table = Table(
        title=escape(f"{title}\n{unusual}" if unusual else title),
        title_justify="left",
        title_style="bold",
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("firm", overflow="fold")
    for column in ("level", "mean demand", "lead time", "beyond mean lead-time demand"):
        table.add_column(column, justify="right", no_wrap=True)
    stage = -1
    for i, name in enumerate(network.agents):
        if network.stages[name] != stage:
            stage = network.stages[name]
            table.add_row(f"[bold]{escape(titles[stage])}[/]")
        level = policy.level_of[name]
        table.add_row(
            f"  {escape(name)}",
            f"{level:,.1f}",
            f"{mean[i]:,.2f}",
            str(lead_time[i]),
            f"{level - mean[i] * lead_time[i]:+,.1f}",
        )
    return table
