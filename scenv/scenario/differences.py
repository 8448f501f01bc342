"""How a scenario differs from the usual one of its network, in words: what tables and pictures must say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenv.errors import ScenvError
from scenv.scenario.disruptions import Closure, Delay, DemandShock, Disruption
from scenv.scenario.files import load_scenario
from scenv.scenario.periods import PeriodsDistribution
from scenv.scenario.scenario import Scenario

__all__ = ["difference_line", "differences"]

_BUILT_IN = ("bg", "r1", "r2", "r3")
_MOST = 3  # entries of a mapping, or names, that are spelt out
#: Fields that say what firms meet and pay; the others are about learners and the length of an episode.
_SHOWN = (
    "demand",
    "order_lead_time",
    "shipment_lead_time",
    "stage_time_per_period",
    "order_crossing",
    "costs",
    "initial_stock_periods",
    "initial_stock",
    "allocation",
    "capacity",
    "lost_sales",
    "review_period",
    "minimum_order",
    "lot_size",
    "order_cost",
    "storage_capacity",
    "overflow_cost",
    "whole_units",
    "disruptions",
)


def differences(scenario: Scenario) -> tuple[str, ...]:
    """One phrase for each field that is not as in the network's own scenario (of a built-in one), or as by default."""
    usual = _usual(scenario)
    phrases: list[str] = []
    for field in _SHOWN:
        value = getattr(scenario, field)
        if field == "disruptions":
            phrases += [_disruption(each) for each in value]
        elif field not in usual or value != usual[field]:
            phrases.append(_phrase(field, value))
    return tuple(phrases)


def difference_line(scenario: Scenario) -> str:
    """`differences` in one line; empty where there are none."""
    return " · ".join(differences(scenario))


def _usual(scenario: Scenario) -> dict[str, Any]:
    network = scenario.network
    if network.name in _BUILT_IN:
        try:
            own = load_scenario(network.name)
        except ScenvError:  # a file of this name stands in the way
            own = None
        if own is not None and tuple(own.network.edges) == tuple(network.edges):
            return {field: getattr(own, field) for field in _SHOWN}
    # Another network has no usual demand or costs, so these are no difference.
    defaults = {field: Scenario.model_fields[field].default for field in _SHOWN}
    return {**defaults, "demand": scenario.demand, "costs": scenario.costs}


def _phrase(field: str, value: Any) -> str:
    words = field.replace("_", " ")
    if value is True:
        return words
    if value is False:
        return f"no {words}"
    if field == "demand":
        return f"demand {value.kind}"
    return f"{words} {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, PeriodsDistribution):
        return f"random, {min(value.values)} to {max(value.values)}"
    if isinstance(value, Mapping):
        entries = [f"{name} {_shown(each)}" for name, each in list(value.items())[:_MOST]]
        return ", ".join([*entries, "…"] if len(value) > _MOST else entries)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int) else "of its own"


def _disruption(disruption: Disruption) -> str:
    names = disruption.targets[1]
    whom = (
        "all"
        if names is None
        else ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" * (len(names) > _MOST))
    )
    what = {
        Closure: f"closure of {whom}",
        Delay: f"delay on {whom}" + (f" by {disruption.extra}" if isinstance(disruption, Delay) else ""),
        DemandShock: f"demand of {whom}" + (f" ×{disruption.factor:g}" if isinstance(disruption, DemandShock) else ""),
    }[type(disruption)]
    return f"{what} {_when(disruption)}"


def _when(disruption: Disruption) -> str:
    shortest, longest = min(disruption.duration.values), max(disruption.duration.values)
    lasting = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    if disruption.period is not None and shortest == longest:
        last = disruption.period + longest - 1
        return f"in period {last}" if longest == 1 else f"in periods {disruption.period} to {last}"
    if disruption.period is not None:
        return f"from period {disruption.period} for {lasting}"
    if disruption.between is not None:
        first, last = disruption.between
        return f"once in {first} to {last}, for {lasting}"
    return f"at random ({disruption.probability:g} a period, for {lasting})"
