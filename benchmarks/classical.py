"""All classical policies on all networks and lead times, and how the picture depends on costs and initial stock.

    python -m benchmarks.classical

writes results/classical.json (everything) and results/classical.md (tables). It takes fifteen minutes on one core, most
of them for the search for optimised base-stock levels. `--extra` adds a policy of your own to every table, e.g. a
learned one:

    python -m benchmarks.classical --extra "near-optimal=runs/{network}-{lead_time}.json"

and with the best levels on record, instead of the search for them:

    python -m benchmarks.classical --levels-from benchmarks/results/classical.json

A policy called "near-optimal" is what the reading at the end measures the others by.

The part after "=" is what `scenv.policies.make_policy` takes (a name, a .json file of levels, `module:callable`), or a
.json file with the `episode_costs` that another process found on the same seed and number of episodes. `{network}` and
`{lead_time}` are filled in; a file that does not exist leaves its cell empty.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scenv
from benchmarks.classical_report import report
from scenv.evaluation.intervals import mean_interval, paired_difference
from scenv.policies import make_policy
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
REFERENCE, BEST_LEVELS, NEAR_OPTIMAL = "base-stock", "optimised-base-stock", "near-optimal"
POLICIES = (
    REFERENCE,
    "base-stock-review",
    "decomposition-aggregation",
    "decomposition-aggregation-cost",
    BEST_LEVELS,
    "reorder-point",
    "sterman",
    "anchor-and-adjust",
    "pass-through",
    "constant",
    "random",
)
#: The policies whose standing the sensitivity table follows.
FORMULAS = (REFERENCE, "decomposition-aggregation", BEST_LEVELS)
BACKORDER_RATIOS = (2, 4, 9, 19)
INITIAL_STOCKS = (0, 1, 2)
SERIAL_POLICIES = (
    "echelon-base-stock",
    "decomposition-aggregation-cost",
    "decomposition-aggregation",
    REFERENCE,
    "sterman",
)
SERIAL_PERIODS, SERIAL_EPISODES = 2000, 1000


def cell(
    scenario: scenv.Scenario, where: Mapping[str, Any], policies: Sequence[str], extra: Mapping[str, str], args: Any
) -> dict[str, Any]:
    """Every policy on one scenario: name -> its row; what a policy cannot do is said in `refused`.

    `where` tells the cells of all tables apart: what of its levels the record is searched for.
    """
    costs: dict[str, np.ndarray] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, spec in {**{name: name for name in policies}, **extra}.items():
        began = time.perf_counter()
        try:
            found = _costs_from_file(spec, args) or _simulated(spec, scenario, where, args)
        except scenv.ScenvError as error:
            rows[name] = {"refused": str(error)}
            continue
        costs[name], rows[name] = found
        rows[name]["seconds"] = round(time.perf_counter() - began, 2)
    for name, values in costs.items():
        rows[name] |= {"mean": float(values.mean()), "ci95": list(mean_interval(values))}
        for key, reference in (("to_base_stock", REFERENCE), ("to_best_levels", BEST_LEVELS)):
            difference = paired_difference(values, costs[reference])
            rows[name][key] = {"ratio": difference.ratio, "ci95": list(difference.ratio_ci95)}
    return rows


def _simulated(
    spec: str, scenario: scenv.Scenario, where: Mapping[str, Any], args: Any
) -> tuple[np.ndarray, dict[str, Any]]:
    levels = args.levels.get(_key(where)) if spec == BEST_LEVELS else None
    if levels is not None:
        policy = scenv.policies.BaseStock(scenario, levels=levels)
    elif spec == BEST_LEVELS:  # searched for anew, never those on record in scenv, which come from here
        policy = scenv.policies.OptimisedBaseStock(scenario, method="gradient")
    else:
        policy = make_policy(spec, scenario)
    result = scenv.evaluate(policy, scenario, episodes=args.episodes, seed=args.seed)
    bullwhip = [value if np.isfinite(value) else None for value in result.bullwhip]
    row = {
        "fill_rate": result.fill_rate,
        "bullwhip": bullwhip,
        "holding": float(result.holding_costs.sum(axis=1).mean()),
    }
    if spec == BEST_LEVELS:
        row["levels"] = {name: round(level, 3) for name, level in policy.level_of.items()}
    return result.episode_costs, row


def _costs_from_file(spec: str, args: Any) -> tuple[np.ndarray, dict[str, Any]] | None:
    """Episode costs that another process found, or None if `spec` is no such file."""
    if not spec.endswith(".json"):
        return None
    try:
        document = json.loads(Path(spec).read_text(encoding="utf-8"))
    except OSError as error:
        raise scenv.ScenvError(f"{spec}: {error.strerror}") from error
    if "episode_costs" not in document:
        return None  # levels, for make_policy
    costs = np.array(document["episode_costs"], dtype=np.float64)
    if costs.shape != (args.episodes,) or document.get("seed") != args.seed:
        raise scenv.ScenvError(f"{spec}: expected {args.episodes} episode_costs of seed {args.seed}")
    return costs, {"source": spec}


def _key(where: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in where.items() if name != "policies"}, sort_keys=True)


def recorded_levels(path: Path) -> dict[str, dict[str, float]]:
    """The optimised base-stock levels of every cell in an earlier classical.json."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        entries = [*document["table"], *document["sensitivity"]]
        return {
            _key({name: value for name, value in entry.items() if name != "newsvendor_bound"}): entry["policies"][
                BEST_LEVELS
            ]["levels"]
            for entry in entries
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise scenv.ScenvError(f"--levels-from {path}: expected a classical.json of this benchmark ({error})") from None


def levels_commit(record: Path | None) -> str | None:
    """Where the search ran whose levels `record` holds; None if this run searches itself."""
    if record is None:
        return None
    document = json.loads(record.read_text(encoding="utf-8"))
    return str(document.get("levels_commit") or document["provenance"]["commit"])


def main_table(args: Any) -> list[dict[str, Any]]:
    """One entry per network and lead time, with every policy's row and the lower bound."""
    entries = []
    for network in args.networks:
        for lead_time in args.lead_times:
            scenario = scenv.load_scenario(network, shipment_lead_time=lead_time)
            filled = {
                name: spec.replace("{network}", network).replace("{lead_time}", str(lead_time))
                for name, spec in args.extra.items()
            }
            where = {"network": network, "lead_time": lead_time}
            rows = cell(scenario, where, POLICIES, filled, args)
            bound = scenv.newsvendor_bound(scenario).total
            entries.append({**where, "policies": rows, "newsvendor_bound": bound})
            print(f"{network}, shipment lead time {lead_time}: done", flush=True)
    return entries


def sensitivity_table(args: Any) -> list[dict[str, Any]]:
    """The formulas against the best levels for other backorder costs, initial stocks and the uniform costs."""
    variants: list[dict[str, Any]] = [
        {"costs": {"backorder_ratio": ratio}, "initial_stock_periods": stock}
        for ratio in BACKORDER_RATIOS
        for stock in INITIAL_STOCKS
    ]
    variants.append({"costs": "uniform", "initial_stock_periods": 1})
    entries = []
    for network in args.networks:
        for fields in variants:
            scenario = scenv.load_scenario(network, shipment_lead_time=2, **fields)
            where = {"network": network, **fields}
            entries.append({**where, "policies": cell(scenario, where, FORMULAS, {}, args)})
        print(f"{network}: sensitivity done", flush=True)
    return entries


def serial_table(args: Any) -> list[dict[str, Any]]:
    """The beer game under `cs2000`, where the optimum is known: long-run cost per period of what comes near it."""
    entries = []
    for lead_time in args.lead_times:
        fields = {"costs": "cs2000", "shipment_lead_time": lead_time, "horizon": SERIAL_PERIODS + 100, "warmup": 100}
        scenario = scenv.load_scenario("bg", **fields)
        rows: dict[str, Any] = {}
        for name in SERIAL_POLICIES:
            result = scenv.evaluate(name, scenario, episodes=SERIAL_EPISODES, seed=args.seed)
            rows[name] = {
                "mean": result.mean / SERIAL_PERIODS,
                "ci95": [bound / SERIAL_PERIODS for bound in result.ci95],
            }
        optimum = scenv.serial_optimum(scenario)
        entries.append(
            {
                "lead_time": lead_time,
                "optimal_cost": optimum.cost_per_period,
                "echelon_levels": optimum.echelon_levels,
                "policies": rows,
            }
        )
    return entries


def parse() -> Any:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="bg,r1,r2,r3", type=lambda text: text.split(","))
    parser.add_argument("--lead-times", default="1,2,3", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--episodes", default=100, type=int)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--no-sensitivity", action="store_true")
    parser.add_argument("--levels-from", type=Path, metavar="CLASSICAL.JSON", help="do not search for the best levels")
    parser.add_argument("--extra", action="append", default=[], metavar="NAME=POLICY")
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    try:
        args.levels = recorded_levels(args.levels_from) if args.levels_from else {}
    except scenv.ScenvError as error:
        parser.error(str(error))
    args.extra = dict(entry.split("=", 1) for entry in args.extra)
    return args


def main() -> None:
    """Measure, then write both files."""
    args = parse()
    document = {
        "provenance": provenance(("numpy", "torch", "cma")),
        "episodes": args.episodes,
        "seed": args.seed,
        "reference": REFERENCE,
        "best_levels": BEST_LEVELS,
        "levels_commit": levels_commit(args.levels_from),
        "near_optimal": NEAR_OPTIMAL if NEAR_OPTIMAL in args.extra else None,
        "table": main_table(args),
        "serial": serial_table(args),
        "sensitivity": [] if args.no_sensitivity else sensitivity_table(args),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "classical.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "classical.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
