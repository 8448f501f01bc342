"""`scenv evaluate`: run policies on the same demand paths and compare what they cost."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from scenv.commands.against_calm import compare_with_calm
from scenv.commands.console import (
    POLICY_NAMES,
    ScenarioOption,
    SourceArgument,
    named_source,
    output_console,
    policy_conditions,
    refuse_to_overwrite,
    write_comparisons,
)
from scenv.drawing.canvas import SUFFIXES, require_matplotlib, save
from scenv.errors import ScenvError
from scenv.evaluation.comparison import Comparison
from scenv.evaluation.plots import draw_comparison
from scenv.evaluation.result import Evaluation
from scenv.evaluation.run import evaluate
from scenv.evaluation.tables import comparison_table, stage_table
from scenv.policies.base import Policy
from scenv.policies.best_levels import best_levels
from scenv.policies.registry import COMPARED, make_policies, searches
from scenv.scenario.differences import difference_line
from scenv.scenario.disruption_sets import DISRUPTION_SETS
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario

_MOST_SEARCHED = 30  # firms; beyond, the search for the best levels has to be asked for

PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy",
        "-p",
        help=f"Policies to compare, by comma; the first is the reference. Names: {POLICY_NAMES}; a .json file of "
        "base-stock levels; a folder of pmarl-export; a .safetensors file of weights for pretrained; or "
        "module:callable. Default: " + ", ".join(COMPARED) + ".",
        show_default=False,
    ),
]


def evaluate_command(
    source: SourceArgument = None,
    scenario: ScenarioOption = None,
    policy: PolicyOption = None,
    episodes: Annotated[int, typer.Option(min=1, help="Runs per policy; all policies meet the same demand.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the demand paths.")] = 0,
    lead_times: Annotated[
        str | None, typer.Option(help="Shipment lead times to try, by comma, e.g. 1,2,3; else the scenario's own.")
    ] = None,
    by_stage: Annotated[
        bool, typer.Option("--by-stage", help="Show costs, service and bullwhip of each stage.")
    ] = False,
    disruptions: Annotated[
        str | None,
        typer.Option(help="A set of disruptions in place of the scenario's own: " + ", ".join(DISRUPTION_SETS) + "."),
    ] = None,
    against: Annotated[
        Literal["calm"] | None,
        typer.Option(help="Set every disturbed path beside the same path undisturbed: what the disruptions cost."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results to this file too.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the costs: .png, .svg or .pdf (needs matplotlib).")] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over files that exist.")] = False,
) -> None:  # the docstring, which is the help text, is put together below
    """See `_HELP`."""
    chosen = {} if disruptions is None else {"disruptions": disruptions}
    loaded = load_scenario(named_source(source, scenario, "r2"), **chosen)
    if against is not None and by_stage:
        raise ScenvError("--by-stage has no effect with --against calm; leave one of them out")
    variants = _variants(loaded, lead_times)
    made_for = variants  # with --against calm, policies meet the disruptions unwarned
    if against is not None:
        made_for = {label: load_scenario(variant, disruptions=[]) for label, variant in variants.items()}
    names = _names(policy, made_for)
    _check_outputs(json_file, plot, force)
    if against is not None:
        compare_with_calm(names, variants, _title(loaded, episodes, seed), episodes, seed, json_file, plot)
        return
    made = {label: _made(names, variant) for label, variant in variants.items()}
    failed: dict[str, str] = {}
    comparisons = {
        label: _compare(policies, variants[label], label, episodes, seed, failed) for label, policies in made.items()
    }
    _print(comparisons, _title(loaded, episodes, seed), by_stage)
    if json_file is not None:
        write_comparisons(json_file, comparisons)
    if plot is not None:
        save(draw_comparison(comparisons), plot)
    if failed:
        for message in failed.values():
            print(f"scenv: {message}", file=sys.stderr)
        raise typer.Exit(2)


_HELP = """Run policies on the same demand paths and compare their total costs.

    Intervals of 95 % stand beside every mean; ratios are to the first policy. A policy that does not suit the scenario
    is refused before anything runs; one that fails while it runs is named at the end, and the others stand (exit code
    2).

    Examples:

        scenv evaluate r2 --policy bs,da,sterman,passthrough --lead-times 1,2,3

        scenv evaluate bg -p base-stock,my_levels.json --json results.json --plot costs.png

        scenv evaluate r2 --disruptions storm --against calm --plot storm.png

    Policies:

    """
evaluate_command.__doc__ = _HELP + policy_conditions()


def _names(policy: str | None, variants: Mapping[str, Scenario]) -> list[str]:
    """The policies to compare; what is searched for is left out of the default where that takes long or cannot be."""
    if policy is not None:
        names = [name.strip() for name in policy.split(",") if name.strip()]
        if not names:
            raise ScenvError("--policy: expected at least one policy")
        return list(dict.fromkeys(names))
    unknown = [variant for variant in variants.values() if best_levels(variant) is None]
    if not unknown:
        return list(COMPARED)
    firms = len(unknown[0].network.agents)
    able = any(importlib.util.find_spec(library) for library in ("torch", "cma"))
    if able and firms <= _MOST_SEARCHED:
        print(
            "optimised-base-stock: the best constant levels of this scenario are not on record; searching for them "
            f"takes seconds to minutes ({firms} firms). --policy base-stock,... leaves it out",
            file=sys.stderr,
        )
        return list(COMPARED)
    why = f"{firms} firms would take long; --policy names it" if able else 'pip install "scenv[optimise]" brings it'
    print(f"optimised-base-stock, the best constant levels, is left out: {why}", file=sys.stderr)
    return [name for name in COMPARED if not searches(name)]


def _made(names: list[str], scenario: Scenario) -> dict[str, Policy | str]:
    """Every policy made, so that what does not suit is refused at once; those that search are left for later."""
    quick = make_policies({name: name for name in names if not searches(name)}, scenario)
    for name, policy in quick.items():
        for note in getattr(policy, "beyond", ()):
            print(f"{name}: {note}", file=sys.stderr)
    return {name: quick.get(name, name) for name in names}


def _compare(
    policies: Mapping[str, Policy | str],
    scenario: Scenario,
    label: str,
    episodes: int,
    seed: int,
    failed: dict[str, str],
) -> Comparison:
    """Evaluate each policy by itself, so that one that fails leaves the others; why goes into `failed`, by row."""
    results: dict[str, Evaluation] = {}
    for name, policy in policies.items():
        try:
            results[name] = evaluate({name: policy}, scenario, episodes=episodes, seed=seed)[name]
        except ScenvError as error:
            failed[f"{label} {name}"] = f"{label}: {error}" if label else str(error)
    if not results:
        raise ScenvError(next(iter(failed.values())))
    return Comparison(results)


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
    title = f"{scenario.network.name}: cost of {counted} periods, {episodes} runs, seed {seed} (± 95 % interval)"
    unusual = difference_line(scenario)
    return f"{title}\n{unusual}" if unusual else title


def _print(comparisons: Mapping[str, Comparison], title: str, by_stage: bool) -> None:
    console = output_console()
    console.print(comparison_table(comparisons, title))
    for label, comparison in comparisons.items() if by_stage else ():
        console.print(stage_table(comparison, label or "by stage, nearest the customer first"))
