"""`scenv info`: what a network or scenario is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import rich.box
import typer
from rich.markup import escape
from rich.table import Table

from scenv.commands.console import (
    ColumnsOption,
    FirmsOption,
    ScenarioOption,
    columns_of,
    named_source,
    output_console,
)
from scenv.errors import ScenvError
from scenv.network.network import load_network
from scenv.network.stage_titles import stage_titles
from scenv.render.network_picture import network_summary
from scenv.render.source import scenario_to_show
from scenv.scenario.demand.from_network import demand_of_network
from scenv.scenario.differences import differences
from scenv.scenario.implied import demand_moments, firm_demand_moments, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.structure import build_structure

_MOST_FIRMS = 60


def info_command(
    source: Annotated[
        str | None,
        typer.Argument(
            help="bg, r1, r2, r3; a network file (.json, .cyjs, .graphml, .gexf, .csv, .tsv, .xlsx) or a folder "
            "with links.csv; or a scenario file (.yaml).",
            show_default=False,
        ),
    ] = None,
    named: ScenarioOption = None,
    all_firms: Annotated[bool, typer.Option("--all", help=f"List every firm, also beyond {_MOST_FIRMS}.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead, for programs.")] = False,
    firms: FirmsOption = None,
    columns: ColumnsOption = "",
) -> None:
    """Show a network: its size and complexity, the scenario it comes with, and every firm.

    A file is checked on the way; `scenv check` also simulates on it.

    Examples:

        scenv info r2

        scenv info my_chain.graphml --all

        scenv info r3 --json | python -m json.tool

        scenv info lanes.csv --firms sites.xlsx --columns source=From,target=To,holding_cost=EUR
    """
    scenario, has_costs = scenario_to_show(_source(named_source(source, named), firms, columns))
    rows = _firms(scenario, has_costs)
    if as_json:
        print(json.dumps(_document(scenario, has_costs, rows), indent=2, allow_nan=False))
        return
    console = output_console()
    console.print(f"[bold]{escape(scenario.network.name)}[/]  {network_summary(scenario)}")
    for key in ("description", "citation"):
        if key in scenario.network.metadata:
            console.print(f"[dim]{escape(str(scenario.network.metadata[key]))}[/]")
    console.print(_scenario_table(scenario, has_costs))
    for line in _not_used(scenario):
        console.print(f"[dim]not used: {escape(line)}[/]")
    console.print(_firm_table(scenario, rows if all_firms else rows[:_MOST_FIRMS]))
    console.print("[dim]demand: mean per period; lead: periods from order to receipt; costs: per unit and period[/]")
    if not all_firms and len(rows) > _MOST_FIRMS:
        console.print(f"[dim]… and {len(rows) - _MOST_FIRMS:,} more firms: --all lists them[/]")


def _source(name: str, firms: Path | None, columns: str) -> Any:
    """What to show: the name as it is, or the network of tables with these firms and columns."""
    if firms is None and not columns:
        return name
    if Path(name).suffix.lower() in (".yaml", ".yml"):
        raise ScenvError(f"{name}: --firms and --columns go with tables; a scenario says network: {{file, columns}}")
    return load_network(name, firms=firms, columns=columns_of(columns))


def _firms(scenario: Scenario, has_costs: bool) -> list[dict[str, Any]]:
    network = scenario.network
    mean, std = firm_demand_moments(scenario)
    lead_time = build_structure(scenario).lead_time
    holding, backorder = unit_costs(scenario) if has_costs else np.full((2, len(mean)), np.nan)
    suppliers: dict[str, list[str]] = {name: [] for name in network.agents}
    customers: dict[str, list[str]] = {name: [] for name in network.agents}
    for supplier, customer in network.edges:
        suppliers[customer].append(supplier)
        customers[supplier].append(customer)
    return [
        {
            "firm": name,
            "stage": network.stages[name],
            "suppliers": suppliers[name],
            "customers": customers[name],
            "mean_demand": float(mean[i]),
            "std_demand": float(std[i]),
            "lead_time": int(lead_time[i]),
            "holding_cost": float(holding[i]) if has_costs else None,
            "backorder_cost": float(backorder[i]) if has_costs else None,
        }
        for i, name in enumerate(network.agents)
    ]


def _document(scenario: Scenario, has_costs: bool, firms: list[dict[str, Any]]) -> dict[str, Any]:
    network = scenario.network
    fields = scenario.model_dump(mode="json", exclude={"network"})
    return {
        "network": network.name,
        "firms": len(network.agents),
        "edges": len(network.edges),
        "stages": max(network.stages.values()) + 1,
        "retailers": len(network.retailers),
        "complexity": network.complexity,
        "not_used": _not_used(scenario),
        "scenario": fields if has_costs else {**fields, "costs": None},
        "agents": firms,
    }


def _scenario_table(scenario: Scenario, has_costs: bool) -> Table:
    """The scenario in a few lines; `docs/scenario.md` has every field."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    mean, std = demand_moments(scenario)
    table.add_row("demand", f"{scenario.demand.kind}, {_span(mean)} per retailer and period, deviation {_span(std)}")
    actions = scenario.actions
    table.add_row("actions", f"order what was ordered from you {actions.low:+d} … {actions.high:+d}")
    table.add_row("episode", f"{scenario.horizon} periods, the first {scenario.warmup} do not count")
    table.add_row("lead times", f"{_span(build_structure(scenario).lead_time)} periods from order to receipt")
    costs = scenario.costs if isinstance(scenario.costs, str) else "of the scenario file"
    table.add_row("costs", costs if has_costs else "the file gives none; a scenario needs some, e.g. costs: uniform")
    table.add_row("reward", f"{scenario.reward}, allocation {scenario.allocation}")
    for phrase in differences(scenario) if has_costs else ():
        table.add_row("unusual", escape(phrase))
    for field in table.columns[0:1]:
        field.style = "dim"
    return table


def _not_used(scenario: Scenario) -> list[str]:
    """What the network's source says and this scenario does not use, a line each."""
    network = scenario.network
    lines = [f"{', '.join(names)} ({part})" for part, names in network.unused.items()]
    given = ~np.isnan(network.demand_mean)
    if given.any() and not _uses_stated_demand(scenario):
        mean, std = network.demand_mean[given], network.demand_std[given & ~np.isnan(network.demand_std)]
        deviation = f", deviation {_span(std)}" if len(std) else ""
        lines.append(f"demand of the source: mean {_span(mean)}{deviation} (a scenario's demand: data takes it)")
    if not np.isnan(network.stage_time).all() and scenario.shipment_lead_time != "data":
        lines.append("stage times of the source (a scenario's shipment_lead_time: data takes them)")
    return lines


def _uses_stated_demand(scenario: Scenario) -> bool:
    if np.isnan(scenario.network.demand_mean[scenario.network.retailers]).any():
        return False
    return bool(scenario.demand == demand_of_network(scenario.network))


def _span(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if np.isclose(low, high) else f"{low:.4g} … {high:.4g}"


def _firm_table(scenario: Scenario, firms: list[dict[str, Any]]) -> Table:
    titles = stage_titles(scenario.network)
    table = Table(box=rich.box.SIMPLE_HEAD, header_style="dim", padding=(0, 1))
    table.add_column("firm", no_wrap=True)
    table.add_column("suppliers", min_width=9)
    table.add_column("customers", min_width=9)
    for column in ("demand", "lead", "holding", "backorder"):
        table.add_column(column, justify="right", no_wrap=True)
    stage = -1
    for firm in firms:
        if firm["stage"] != stage:
            stage = firm["stage"]
            table.add_row(f"[bold]{escape(titles[stage])}[/]")
        suppliers = _names(firm["suppliers"], "external")
        outside = ["demand"] if firm["customers"] and firm["firm"] in scenario.retailer_names else []
        customers = _names([*firm["customers"], *outside], "demand")
        costs = ["–" if firm[key] is None else f"{firm[key]:.3f}" for key in ("holding_cost", "backorder_cost")]
        demand, lead_time = f"{firm['mean_demand']:.2f}", str(firm["lead_time"])
        table.add_row(f"  {escape(firm['firm'])}", suppliers, customers, demand, lead_time, *costs)
    return table


def _names(names: list[str], nobody: str) -> str:
    """Names in a few characters: "dist_0–6, manu_3"; at most eight entries."""
    if not names:
        return f"[italic]{nobody}[/]"
    entries = [_run(stem, numbers) for stem, numbers in _runs(names)]
    shown = ", ".join(entries[:8])
    return escape(shown if len(entries) <= 8 else f"{shown}, … ({len(names)} in all)")


def _runs(names: list[str]) -> list[tuple[str, list[str]]]:
    """Neighbouring names that differ in a counting number only, as (stem, numbers); others as (name, [])."""
    runs: list[tuple[str, list[str]]] = []
    for name in names:
        stem, _, number = name.rpartition("_")
        if not (stem and number.isdecimal()):
            runs.append((name, []))
        elif runs and runs[-1][0] == stem and runs[-1][1] and int(number) == int(runs[-1][1][-1]) + 1:
            runs[-1][1].append(number)
        else:
            runs.append((stem, [number]))
    return runs


def _run(stem: str, numbers: list[str]) -> str:
    if not numbers:
        return stem
    return f"{stem}_{numbers[0]}" if len(numbers) == 1 else f"{stem}_{numbers[0]}–{numbers[-1]}"
