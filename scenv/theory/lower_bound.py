"""A cost that no policy can undercut, on any network: what the retailers alone must pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.scenario.disruptions import DemandShock
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import demand_moments, lead_time_distribution, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.theory.lead_time_demand import LeadTimeDemand, inexact_retailers, lead_time_demands


@dataclass(frozen=True)
class LowerBound:
    """A lower bound on the expected total cost Z of an episode, and a loose one: other firms pay nothing in it.

    Attributes:
        total: sum over retailers and counted periods.
        per_retailer: retailer -> its part.
    """

    total: float
    per_retailer: dict[str, float]


def newsvendor_bound(scenario: Any = "r2", **overrides: Any) -> LowerBound:
    """The sum of the retailers' newsvendor costs over their own lead times; retailers that supply nobody.

    Whatever reaches a retailer within L periods (its shortest order + shipment lead time) was ordered before, without
    knowledge of the demand D of these periods. So its stock less backorders is Y - D with Y independent of D, and its
    expected cost at least min_y E[h (y - D)^+ + b (D - y)^+], the newsvendor's. In the first periods of an episode
    fewer than L have passed; D then counts those.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        **overrides: fields of the scenario.

    Raises:
        ScenarioError: for demand that is not Poisson or negative binomial and independent from period to period: the
            distribution of its sums is not known exactly, or firms could foresee it. Likewise for lost sales and
            demand shocks.

    Example:
        >>> newsvendor_bound("bg").total < 2000
        True
    """
    scenario = load_scenario(scenario, **overrides)
    inexact = inexact_retailers(scenario)
    if inexact:
        raise ScenarioError(
            f"network {scenario.network.name!r}: the newsvendor bound needs Poisson or negative binomial demand, "
            f"and {inexact[0]!r} has another kind"
        )
    _require_backorders_and_usual_demand(scenario)
    holding, backorder = unit_costs(scenario)
    means, _ = demand_moments(scenario)
    demand_over = lead_time_demands(scenario)
    shortest = _shortest_lead_times(scenario)
    per_retailer = {}
    for firm, mean in zip(scenario.network.retailers.tolist(), means, strict=True):
        if firm in scenario.network.selling_depots:
            continue  # what it sends to other firms may answer its own demand
        elapsed = np.minimum(np.arange(scenario.warmup, scenario.horizon) + 1, shortest[firm])
        total = 0.0
        for periods, times in zip(*np.unique(elapsed, return_counts=True), strict=True):
            demand = demand_over(firm, int(periods))
            total += int(times) * newsvendor_cost(demand, float(mean * periods), holding[firm], backorder[firm])
        per_retailer[scenario.network.agents[firm]] = total
    return LowerBound(total=float(sum(per_retailer.values())), per_retailer=per_retailer)


def _require_backorders_and_usual_demand(scenario: Scenario) -> None:
    """Random lead times (the shortest counts), capacity, closures and delays only add to the cost; these two do not."""
    if scenario.lost_sales:
        problem = "owed demand, and here it is lost (lost_sales)"
    elif any(isinstance(disruption, DemandShock) for disruption in scenario.disruptions):
        problem = "demand of one distribution, and here disruptions change it (demand_shock)"
    else:
        return
    raise ScenarioError(f"network {scenario.network.name!r}: the newsvendor bound needs {problem}")


def newsvendor_cost(demand: LeadTimeDemand, mean: float, holding: float, backorder: float) -> float:
    """min_y E[holding (y - D)^+ + backorder (D - y)^+] for a demand D of the given mean, cost per period."""
    if holding == 0 or backorder == 0:
        return 0.0
    # The minimum lies at the critical quantile; for whole units at one of the integers about it.
    quantile = demand.quantile(backorder / (holding + backorder))
    levels = (quantile, float(np.floor(quantile)), float(np.ceil(quantile)))
    return min(holding * (y - mean) + (holding + backorder) * demand.expected_excess(y) for y in levels)


def _shortest_lead_times(scenario: Scenario) -> np.ndarray:
    """[N] the shortest order + shipment lead time of each firm's suppliers, periods."""
    agents = scenario.network.agents
    links = [*scenario.network.edges, *((None, agents[i]) for i in scenario.network.sources)]
    shortest = dict.fromkeys(agents, np.inf)
    for supplier, customer in links:
        lead_time = sum(
            lead_time_distribution(scenario, stage, supplier, customer).shortest for stage in ("order", "shipment")
        )
        shortest[customer] = min(shortest[customer], lead_time)
    return np.array(list(shortest.values()), dtype=np.int64)
