"""`scenv evaluate`: run policies on the same demand paths and compare what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from scenv.commands.console import output_console, refuse_to_overwrite
from scenv.drawing.canvas import SUFFIXES, require_matplotlib
from scenv.errors import ScenvError
from scenv.evaluation.comparison import Comparison
from scenv.evaluation.plots import draw_comparison
from scenv.evaluation.run import evaluate
from scenv.evaluation.tables import comparison_table, stage_table
from scenv.policies import NAMED_POLICIES
from scenv.render import save
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario

ScenarioOption = Annotated[str, typer.Option("--scenario", "-s", help="bg, r1, r2, r3, or a scenario or network file.")]
PolicyOption = Annotated[
    str,
    typer.Option(
        "--policy",
        "-p",
        help="Policies to compare, by comma; the first is the reference. Names: "
        + ", ".join("/".join((policy.name, *policy.short)) for policy in NAMED_POLICIES)
        + "; a .json file of base-stock levels; a folder of pmarl-export; or module:callable.",
    ),
]


def evaluate_command(
    scenario: ScenarioOption = "r2",
    policy: PolicyOption = "base-stock,decomposition-aggregation,sterman,pass-through",
    episodes: Annotated[int, typer.Option(min=1, help="Runs per policy; all policies meet the same demand.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the demand paths.")] = 0,
    lead_times: Annotated[
        str | None, typer.Option(help="Shipment lead times to try, by comma, e.g. 1,2,3; else the scenario's own.")
    ] = None,
    by_stage: Annotated[
        bool, typer.Option("--by-stage", help="Show costs, service and bullwhip of each stage.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results to this file too.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the costs: .png, .svg or .pdf (needs matplotlib).")] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over files that exist.")] = False,
) -> None:
    """Run policies on the same demand paths and compare their total costs.

    Intervals of 95 % stand beside every mean; ratios are to the first policy.

    Examples:

        scenv evaluate --scenario r2 --policy bs,da,sterman,passthrough --lead-times 1,2,3

        scenv evaluate -s bg -p base-stock,my_levels.json --json results.json --plot costs.png
    """
    loaded = load_scenario(scenario)
    names = [name.strip() for name in policy.split(",") if name.strip()]
    if not names:
        raise ScenvError("--policy: expected at least one policy")
    variants = _variants(loaded, lead_times)
    _check_outputs(json_file, plot, force)
    comparisons = {
        label: evaluate({name: name for name in names}, variant, episodes=episodes, seed=seed)
        for label, variant in variants.items()
    }
    _print(comparisons, _title(loaded, episodes, seed), by_stage)
    if json_file is not None:
        _write_json(json_file, comparisons)
    if plot is not None:
        save(draw_comparison(comparisons), plot)


def _check_outputs(json_file: Path | None, plot: Path | None, force: bool) -> None:
    """Refuse before the work, not after it."""
    for path in (json_file, plot):
        if path is not None:
            refuse_to_overwrite(path, force)
    if plot is not None:
        require_matplotlib()
        if plot.suffix.lower() not in SUFFIXES:
            raise ScenvError(f"{plot}: a picture's name must end in one of {', '.join(SUFFIXES)}")


def _variants(scenario: Scenario, lead_times: str | None) -> dict[str, Scenario]:
    """The scenario by label: as it is (no label), or once per shipment lead time."""
    if lead_times is None:
        return {"": scenario}
    words = [word.strip() for word in lead_times.split(",") if word.strip()]
    if not words or not all(word.isdecimal() for word in words):
        raise ScenvError(f"--lead-times: expected whole periods by comma, e.g. 1,2,3, got {lead_times!r}")
    return {f"shipment lead time {int(word)}": load_scenario(scenario, shipment_lead_time=int(word)) for word in words}


def _title(scenario: Scenario, episodes: int, seed: int) -> str:
    counted = scenario.horizon - scenario.warmup
    return f"{scenario.network.name}: cost of {counted} periods, {episodes} runs, seed {seed} (± 95 % interval)"


def _print(comparisons: Mapping[str, Comparison], title: str, by_stage: bool) -> None:
    console = output_console()
    console.print(comparison_table(comparisons, title))
    for label, comparison in comparisons.items() if by_stage else ():
        console.print(stage_table(comparison, label or "by stage, nearest the customer first"))


def _write_json(path: Path, comparisons: Mapping[str, Comparison]) -> None:
    documents = [comparison.to_dict() for comparison in comparisons.values()]
    document = documents[0] if list(comparisons) == [""] else {"comparisons": documents}
    try:
        path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ScenvError(f"--json {path}: cannot be written ({error.strerror})") from error
