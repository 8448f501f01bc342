"""Everything that the report says in numbers, as one JSON document: report.json. Page and pictures are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import scenv
from pmarl_trainer.config.methods import METHODS as METHOD_TABLE
from scenv_paper.claims import judge
from scenv_paper.design import ABLATIONS, CLASSICAL, METHODS, NETWORKS
from scenv_paper.results import NEAR_OPTIMAL, PAPER_METHODS, Results, provenances
from scenv_paper.statistics import Estimate, mean, median, ratio, ratio_of_repeats

#: Policies in the order of the tables.
POLICIES = (*CLASSICAL, *PAPER_METHODS, NEAR_OPTIMAL)
FIGURE_5 = ("base-stock", "decomposition-aggregation", "pmarl")
FIGURE_6 = PAPER_METHODS
CURVES_ON = ("r3", 2)


def make_document(results: Results) -> dict[str, Any]:
    """All numbers of the report, rounded to six digits."""
    policies = (*POLICIES, *results.own_methods)
    document = {
        "policies": policies,
        "tables": {"1": _networks(), "2": _scenarios(), "3": _methods()},
        "places": [_place(results, *place) for place in results.places],
        "costs": [row for place in results.places for row in _costs(results, policies, *place)],
        "figure_5": _normalised(results, FIGURE_5, "pmarl"),
        "figure_6": _normalised(results, FIGURE_6, "fv"),
        "figure_7": _timing(results),
        "clock": None if results.timing is None else results.timing.clock,
        "figure_8": [row for method in PAPER_METHODS if (row := _curve(results, method))],
        "ablations": list(_ablations(results)),
        "claims": judge(_ratios(results), _time_ratios(results), results.seeds),
        "training": list(_training(results)),
        "provenance": _sources(results),
    }
    rounded: dict[str, Any] = _rounded(document)
    return rounded


def _networks() -> list[dict[str, Any]]:
    rows = []
    for name in NETWORKS:
        network = scenv.load_network(name)
        rows.append(
            {
                "network": name,
                "firms": len(network.agents),
                "edges": len(network.edges),
                "stages": len(set(network.stages.values())),
                "retailers": len(network.retailers),
                "complexity": network.complexity,
            }
        )
    return rows


def _scenarios() -> list[dict[str, Any]]:
    rows = []
    for name in NETWORKS:
        scenario = scenv.load_scenario(name)
        demand, _ = scenario.demand.moments(scenario.retailer_names)
        rows.append(
            {
                "network": name,
                "demand": f"{scenario.demand.kind}, mean {float(demand.mean()):.4g}",
                "actions": f"{scenario.actions.low} … {scenario.actions.high}",
                "periods": scenario.horizon,
                "warmup": scenario.warmup,
                "order_lead_time": scenario.order_lead_time,
            }
        )
    return rows


def _methods() -> list[dict[str, Any]]:
    return [{"method": name, **vars(row)} for name, row in METHOD_TABLE.items()]


def _place(results: Results, network: str, lead_time: int) -> dict[str, Any]:
    seeds = {method: [run.cell.seed for run in results.runs(network, lead_time, method)] for method in METHODS}
    classical = (network, lead_time) in results.classical
    budget = results.budget(network, lead_time)
    return {"network": network, "lead_time": lead_time, "budget": budget, "seeds": seeds, "classical": classical}


def _costs(results: Results, policies: Iterable[str], network: str, lead_time: int) -> Iterable[dict[str, Any]]:
    costs = {policy: results.costs(network, lead_time, policy) for policy in policies}
    references = {
        "to_base_stock": "base-stock",
        "to_optimised_base_stock": "optimised-base-stock",
        "to_near_optimal": NEAR_OPTIMAL,
    }
    for policy, own in costs.items():
        row: dict[str, Any] = {"network": network, "lead_time": lead_time, "policy": policy}
        row["seeds"] = results.seeds(network, lead_time, policy)
        row["mean"] = None if own is None else _triple(mean(own))
        for key, name in references.items():
            reference = costs[name]
            row[key] = None if own is None or reference is None else _triple(ratio(own, reference))
        yield row


def _ratios(results: Results) -> Callable[[str, int, str, str], Estimate | None]:
    def of(network: str, lead_time: int, policy: str, reference: str) -> Estimate | None:
        own, other = (results.costs(network, lead_time, name) for name in (policy, reference))
        return None if own is None or other is None else ratio(own, other)

    return of


def _normalised(results: Results, policies: Iterable[str], reference: str) -> list[dict[str, Any]]:
    of = _ratios(results)
    rows = []
    for network, lead_time in results.places:
        for policy in policies:
            found = of(network, lead_time, policy, reference)
            row = {"network": network, "lead_time": lead_time, "policy": policy}
            row["seeds"] = results.seeds(network, lead_time, policy)
            rows.append({**row, "ratio": None if found is None else _triple(found)})
    return rows


def _timing(results: Results) -> list[dict[str, Any]]:
    if results.timing is None:
        return []
    return [
        {
            "network": row.network,
            "nodes": row.nodes,
            "method": row.method,
            "seconds": _triple(median(np.array(row.seconds_per_episode))),
        }
        for row in results.timing.rows
    ]


def _time_ratios(results: Results) -> Callable[[str, str, str], Estimate | None]:
    rows = [] if results.timing is None else results.timing.rows
    by_key = {(row.network, row.method): np.array(row.seconds_per_episode) for row in rows}

    def of(network: str, method: str, reference: str) -> Estimate | None:
        own, other = by_key.get((network, method)), by_key.get((network, reference))
        return None if own is None or other is None else ratio_of_repeats(own, other)

    return of


def _curve(results: Results, method: str) -> dict[str, Any] | None:
    """Mean over the seeds, lowest and highest seed."""
    runs = results.runs(*CURVES_ON, method)
    if not runs:
        return None
    values = np.array([run.curve.ratio for run in runs])
    return {
        "method": method,
        "seeds": len(runs),
        "episodes": runs[0].curve.episodes,
        "mean": values.mean(axis=0).tolist(),
        "lowest": values.min(axis=0).tolist(),
        "highest": values.max(axis=0).tolist(),
    }


def _ablations(results: Results) -> Iterable[dict[str, Any]]:
    """Each beside its method's runs of the same seeds."""
    for budget, network, lead_time, method in sorted({key[:4] for key in results.trained if key[3] in ABLATIONS}):
        full_name = ABLATIONS[method][0]
        own, full = (results.runs(network, lead_time, name, budget) for name in (method, full_name))
        row = {"budget": budget, "network": network, "lead_time": lead_time, "ablation": method, "method": full_name}
        seeds = [run.cell.seed for run in own if run.cell.seed in {other.cell.seed for other in full}]
        row["seeds"] = seeds or [run.cell.seed for run in own]
        row["settings"] = ", ".join(ABLATIONS[method][1])
        row["to_method"] = None
        if seeds:
            pair = (np.array([run.costs for run in runs if run.cell.seed in seeds]) for runs in (own, full))
            row["to_method"] = _triple(ratio(*pair))
        yield row


def _training(results: Results) -> Iterable[dict[str, Any]]:
    groups = sorted({(key[0], key[1], key[3]) for key in results.trained})
    for budget, network, method in groups:
        runs = [r for k, r in results.trained.items() if (k[0], k[1], k[3]) == (budget, network, method)]
        first = runs[0].training
        minutes = sorted(run.training.seconds / 60 for run in runs)
        row = {"budget": budget, "network": network, "method": method, "runs": len(runs)}
        row |= {"rollouts": first.rollouts, "episodes": first.episodes, "updates": first.updates}
        yield {**row, "minutes": float(np.median(minutes)), "minutes_in_all": float(sum(minutes))}


def _sources(results: Results) -> dict[str, list[str]]:
    """Every commit, machine, version and day that raw files name."""
    found: dict[str, set[str]] = {}
    for source in provenances(results):
        for key, value in source.items():
            if key != "command":
                found.setdefault(key, set()).add(str(value))
    return {key: sorted(values) for key, values in sorted(found.items())}


def _triple(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}")
    return value
