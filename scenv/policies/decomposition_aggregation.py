"""Decomposition-aggregation (DA), the paper's second benchmark (section 5.2): base-stock levels of a whole network.

Rong, Atan & Snyder, Heuristics for base-stock levels in multi-echelon distribution networks, Production and Operations
Management 26(9), 2017, take a distribution tree apart into serial systems, find the levels of each with the newsvendor
heuristic of Shang & Song (2003), and put them together by *backorder matching*.

Theirs: the three steps, the `cost` variant's quantiles (Shang & Song, Newsvendor bounds and heuristic for optimal
policies in serial supply chains, Management Science 49(5), 2003), and matching expected backorders. Ours: a firm with
several suppliers splits its orders equally, so a path from i to r counts with weight w = product of 1 / (number of
suppliers) over its firms after i; the `service` variant, as the paper uses it, which needs no costs; the demand X_i
that a firm with several paths sees is taken as normal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import networkx as nx
import numpy as np

from scenv.errors import ScenarioError
from scenv.network.network import Network
from scenv.policies.base_stock import BaseStock, covered_periods
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.theory.lead_time_demand import NormalLeadTimeDemand, lead_time_demands

Variant = Literal["service", "cost"]
#: The paths of one firm, merged where they cannot differ: (retailer, periods from the firm to it) -> weight.
_Paths = dict[tuple[int, int], float]
#: Q: (firm, retailer, periods) -> units.
_SerialLevel = Callable[[int, int, int], float]


class DecompositionAggregation(BaseStock):
    """Base stock at the levels of the decomposition-aggregation heuristic.

    `service`: Q(i, path) is the `service_level` quantile of r's demand over all lead times on the path from i to r.
    `cost`: the mean of the quantiles at (b_r + h_p) / (b_r + h_r) and (b_r + h_p) / (b_r + h_i), with h_p the mean
    holding cost of i's suppliers (0 at a source). Their model has backorder costs at retailers only, so under costs
    like `data`, with backorder costs everywhere, it keeps too little stock upstream.

    On a serial system this is the serial heuristic itself.
    """

    def __init__(self, scenario: Any = "r2", *, variant: Variant = "service", service_level: float = 0.95) -> None:
        """Compute the levels, in time linear in the number of (firm, retailer, path length) combinations.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            variant: "service" or "cost".
            service_level: of the `service` variant, in (0, 1).

        Raises:
            ScenarioError: for an unknown variant or a service level out of range; under `cost`, if a retailer has no
                backorder cost or holding costs do not fall from every firm to each of its suppliers.
        """
        scenario = load_scenario(scenario)
        levels = decomposition_aggregation_levels(scenario, variant, service_level)
        super().__init__(scenario, levels=dict(zip(scenario.network.agents, levels.tolist(), strict=True)))


def decomposition_aggregation_levels(
    scenario: Scenario, variant: Variant = "service", service_level: float = 0.95
) -> np.ndarray:
    """S_i, [N] units. Arguments and errors as for `DecompositionAggregation`."""
    serial_level = _serial_level_rule(scenario, variant, service_level)
    demand_over = lead_time_demands(scenario)
    network, lead_time = scenario.network, covered_periods(scenario)
    mean, std = firm_demand_moments(scenario)
    paths: dict[int, _Paths] = {}
    levels = np.zeros(len(network.agents))
    for firm in _customers_first(network):
        own_lead_time = int(lead_time[firm])
        paths[firm] = defaultdict(float)
        local_levels: list[tuple[int, float, float]] = []
        for retailer, periods_after, weight, next_level in _onward_paths(network, firm, paths, serial_level):
            periods = periods_after + own_lead_time
            paths[firm][retailer, periods] += weight
            local_levels.append((retailer, weight, serial_level(firm, retailer, periods) - next_level))
        if len(local_levels) == 1 and np.isclose(local_levels[0][1], 1.0):
            levels[firm] = local_levels[0][2]  # a firm in one serial system only: nothing to put together
            continue
        backorders = sum(w * demand_over(r, own_lead_time).expected_excess(level) for r, w, level in local_levels)
        seen = NormalLeadTimeDemand(mean[firm] * own_lead_time, std[firm] * float(np.sqrt(own_lead_time)))
        levels[firm] = seen.level_of_expected_excess(backorders)
    return levels


def _onward_paths(
    network: Network, firm: int, paths: Mapping[int, _Paths], serial_level: _SerialLevel
) -> Iterator[tuple[int, int, float, float]]:
    """The paths from `firm` to its retailers: (retailer, periods after the firm's own, weight, next firm's level)."""
    if firm in network.retailers:
        yield firm, 0, 1.0, 0.0
    for customer in network.customer[network.supplier == firm].tolist():
        for (retailer, periods), weight in paths[customer].items():
            next_level = serial_level(customer, retailer, periods)
            yield retailer, periods, weight / int(network.in_degree[customer]), next_level


def _customers_first(network: Network) -> list[int]:
    """The firms in an order in which every firm comes after all its customers."""
    graph = nx.DiGraph(zip(network.customer.tolist(), network.supplier.tolist(), strict=True))
    graph.add_nodes_from(range(len(network.agents)))
    return list(nx.topological_sort(graph))


def _serial_level_rule(scenario: Scenario, variant: Variant, service_level: float) -> _SerialLevel:
    """Q: (firm, retailer, periods of the path) -> the level of all that the firm and the path after it hold."""
    if variant not in ("service", "cost"):
        raise ScenarioError(f"variant must be 'service' or 'cost', got {variant!r}")
    if not 0 < service_level < 1:
        raise ScenarioError(f"service_level must be between 0 and 1, got {service_level}")
    demand_over = lead_time_demands(scenario)
    if variant == "service":
        return lambda firm, retailer, periods: demand_over(retailer, periods).quantile(service_level)
    holding, backorder = unit_costs(scenario)
    upstream = _supplier_holding_cost(scenario, holding)

    def shang_song(firm: int, retailer: int, periods: int) -> float:
        shortage = backorder[retailer] + upstream[firm]
        lower = shortage / (backorder[retailer] + holding[retailer])
        upper = shortage / (backorder[retailer] + holding[firm])
        demand = demand_over(retailer, periods)
        return (demand.quantile(float(lower)) + demand.quantile(float(upper))) / 2

    return shang_song


def _supplier_holding_cost(scenario: Scenario, holding: np.ndarray) -> np.ndarray:
    """h_p, [N]: mean holding cost of each firm's suppliers, 0 at a source, where Shang & Song's formula applies.

    Raises:
        ScenarioError: naming the edge along which holding costs do not fall, or the retailer without backorder cost.
    """
    network = scenario.network
    rule = "the 'cost' variant of decomposition-aggregation needs"
    for supplier, customer in zip(network.supplier, network.customer, strict=True):
        if holding[supplier] >= holding[customer]:
            raise ScenarioError(
                f"network {network.name!r}: {rule} holding costs that fall upstream, but {network.agents[supplier]!r} "
                f"({holding[supplier]:g}) supplies {network.agents[customer]!r} ({holding[customer]:g}); use 'service'"
            )
    for firms, costs, kind in (
        (network.sources, holding, "holding"),
        (network.retailers, unit_costs(scenario)[1], "backorder"),
    ):
        free = [network.agents[i] for i in firms if costs[i] <= 0]
        if free:
            raise ScenarioError(f"network {network.name!r}: {rule} a {kind} cost above 0 at {free[0]!r}; use 'service'")
    total = np.bincount(network.customer, weights=holding[network.supplier], minlength=len(holding))
    return np.asarray(total / np.maximum(network.in_degree, 1))
