"""The best constant levels on record: of the built-in networks as they come, at shipment lead times 1, 2 and 3.

`data/best_levels.json` holds them with their provenance; `benchmarks/classical.py` finds them anew.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from scenv.network.network import Network
from scenv.network.order_links import order_links
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import lead_time_distribution, unit_costs
from scenv.scenario.scenario import Scenario

__all__ = ["best_levels"]

_FILE = Path(__file__).parent / "data" / "best_levels.json"
#: Fields that no constant level depends on: what learners see, may do and are rewarded for.
_OF_LEARNERS = {
    "actions",
    "history",
    "reward",
    "reward_window",
    "reward_window_end",
    "reward_scope",
    "reward_scale",
    "gamma",
}
#: Fields that are compared by what they come to.
_BY_MEANING = {"network", "costs", "order_lead_time", "shipment_lead_time", "stage_time_per_period", "order_crossing"}


def best_levels(scenario: Scenario) -> dict[str, float] | None:
    """Firm -> level in units, where the levels of exactly this problem are on record; else None."""
    for lead_time, levels in _recorded().get(scenario.network.name, {}).items():
        if levels.keys() == set(scenario.network.agents) and _same_problem(scenario, lead_time):
            return dict(levels)
    return None


@cache
def _recorded() -> dict[str, dict[str, dict[str, float]]]:
    levels: dict[str, dict[str, dict[str, float]]] = json.loads(_FILE.read_text(encoding="utf-8"))["levels"]
    return levels


def _same_problem(scenario: Scenario, lead_time: str) -> bool:
    """Whether what firms meet and pay is that of the built-in network at this shipment lead time."""
    recorded = load_scenario(scenario.network.name, shipment_lead_time=int(lead_time))
    fields = set(Scenario.model_fields) - _OF_LEARNERS - _BY_MEANING
    return (
        all(getattr(scenario, name) == getattr(recorded, name) for name in fields)
        and _links(scenario.network) == _links(recorded.network)
        and _lead_times(scenario) == _lead_times(recorded)
        and all(
            np.array_equal(given, known)
            for given, known in zip(unit_costs(scenario), unit_costs(recorded), strict=True)
        )
    )


def _links(network: Network) -> tuple[tuple[object, ...], ...]:
    return tuple(network.agents), tuple(network.edges), tuple(network.retailers.tolist())


def _lead_times(scenario: Scenario) -> list[object]:
    links = order_links(scenario.network)
    return [lead_time_distribution(scenario, leg, *link) for leg in ("order", "shipment") for link in links]
