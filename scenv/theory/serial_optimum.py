"""The exact optimum of a serial system: the dynamic program of Clark & Scarf (1960).

It holds where stock is costed everywhere but unmet demand only at the retailer, as in the cost preset `cs2000`. Then a
base-stock policy is optimal, and its long-run cost per period is known exactly: the honest end of the scale for a
learner on such a system, and a test of the simulator itself.

References:
    A. J. Clark, H. Scarf, Optimal policies for a multi-echelon inventory problem, Management Science 6(4), 1960.
    F. Chen, Y.-S. Zheng, Lower bounds for multi-echelon stochastic inventory systems, Management Science 40(11), 1994.
    S. Axsäter, K. Rosling, Installation vs. echelon stock policies for multilevel inventory control, Management
    Science 39(10), 1993 (from echelon to local levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from scenv.errors import ScenarioError
from scenv.network.network import Network
from scenv.scenario.demand import PoissonDemand
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import demand_moments, extensions, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.structure import build_structure

#: Demand beyond this many units has less than this probability and is left out.
_TAIL = 1e-14


@dataclass(frozen=True)
class SerialOptimum:
    """The optimal base-stock policy of a serial system.

    Attributes:
        echelon_levels: firm -> S_j, what the firm and everything downstream of it should hold and have on order,
            less what customers are owed; from the retailer upstream, units.
        local_levels: firm -> the same policy in terms of each firm's own inventory position, as `BaseStock` takes it:
            differences of the running minimum of the echelon levels (Axsäter & Rosling 1993), units.
        cost_per_period: long-run mean cost of the whole system; goods in transit cost nothing, as in our model.
    """

    echelon_levels: Mapping[str, int]
    local_levels: Mapping[str, int]
    cost_per_period: float


def serial_optimum(scenario: Any = "bg", **overrides: Any) -> SerialOptimum:
    """Optimal levels and long-run cost per period of a serial scenario.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        **overrides: fields of the scenario.

    Raises:
        ScenarioError: if the network is not serial, demand is not Poisson, a firm other than the retailer has a
            backorder cost, or holding costs do not fall from each firm to its supplier.

    Example:
        >>> round(serial_optimum("bg", costs="cs2000", shipment_lead_time=1).cost_per_period, 3)
        25.95
    """
    scenario = load_scenario(scenario, **overrides)
    chain = serial_chain(scenario.network)
    holding, backorder = _checked_costs(scenario, chain)
    lead_times = build_structure(scenario).lead_time[chain]
    mean = float(demand_moments(scenario)[0][0])
    levels, cost = clark_scarf(holding.tolist(), backorder, mean, lead_times.tolist())
    names = [scenario.network.agents[i] for i in chain]
    return SerialOptimum(
        echelon_levels=dict(zip(names, levels, strict=True)),
        local_levels=dict(zip(names, local_from_echelon(levels), strict=True)),
        cost_per_period=cost,
    )


def clark_scarf(
    holding: Sequence[float], backorder: float, mean: float, lead_times: Sequence[int]
) -> tuple[list[int], float]:
    """The dynamic program itself, from the retailer (first) upstream.

    With echelon holding costs h_j = H_j - H_{j+1} and D_j the demand over L_j periods,
        C_0*(x) = (b + H_1) x^-,   C_j(y) = E[h_j (y - D_j) + C_{j-1}*(y - D_j)],
        S_j = argmin C_j,          C_j*(x) = C_j(min(x, S_j)).
    C_J(S_J) also charges each unit in transit to j at its supplier's H_{j+1}; that part is taken off again.

    Args:
        holding: local holding costs H_j, strictly falling upstream.
        backorder: b, at the retailer.
        mean: of the Poisson demand per period.
        lead_times: L_j, order + shipment, whole periods.

    Returns:
        (echelon levels S_j, long-run cost per period without the goods in transit).
    """
    local = np.asarray(holding, dtype=np.float64)
    upstream = np.append(local[1:], 0.0)
    spans = [int(stats.poisson.isf(_TAIL, mean * periods)) + 1 for periods in lead_times]
    # C_j* is tabulated at the integers first .. sum(spans); each stage's expectation uses up spans[j] of them.
    first = -sum(spans)
    inventory = np.arange(first, sum(spans) + 1)
    cost = (backorder + local[0]) * np.maximum(-inventory, 0.0)
    levels = []
    for echelon_holding, span, periods in zip(local - upstream, spans, lead_times, strict=True):
        probability = stats.poisson.pmf(np.arange(span + 1), mean * periods)
        cost = np.convolve(echelon_holding * inventory + cost, probability / probability.sum(), mode="valid")
        inventory = inventory[span:]
        best = int(np.argmin(cost))
        levels.append(int(inventory[best]))
        cost = np.where(np.arange(len(cost)) < best, cost, cost[best])
    in_transit = float(np.sum(upstream * mean * np.asarray(lead_times)))
    return levels, float(cost[-1]) - in_transit


def local_from_echelon(levels: Sequence[float]) -> list[Any]:
    """Local levels of the same policy, from the retailer upstream: differences of min(S_j, S_{j+1}, ...)."""
    nested = np.minimum.accumulate(np.asarray(levels)[::-1])[::-1]
    return np.diff(nested, prepend=0).tolist()


def serial_chain(network: Network) -> list[int]:
    """The firms of a serial network from the retailer upstream, as indices into `network.agents`.

    Raises:
        ScenarioError: if a firm has more than one supplier or customer.
    """
    for degree, neighbours in ((network.in_degree, "suppliers"), (network.out_degree, "customers")):
        if degree.max() > 1:
            firm = int(degree.argmax())
            raise ScenarioError(
                f"network {network.name!r}: firm {network.agents[firm]!r} has {degree[firm]} {neighbours}; "
                "a serial system, one firm behind the other, is needed here"
            )
    supplier_of = dict(zip(network.customer.tolist(), network.supplier.tolist(), strict=True))
    chain = [int(network.retailers[0])]
    while chain[-1] in supplier_of:
        chain.append(supplier_of[chain[-1]])
    return chain


def _checked_costs(scenario: Scenario, chain: list[int]) -> tuple[np.ndarray, float]:
    """Holding costs along the chain and the retailer's backorder cost, where Clark & Scarf's theorem covers them."""
    name, agents = scenario.network.name, scenario.network.agents
    if extensions(scenario):
        raise ScenarioError(
            f"network {name!r}: the serial optimum needs fixed lead times, no capacity, no lost sales and no "
            f"disruptions; the scenario has {', '.join(extensions(scenario))}"
        )
    if not isinstance(scenario.demand, PoissonDemand):
        raise ScenarioError(f"network {name!r}: the serial optimum needs Poisson demand, got {scenario.demand.kind!r}")
    holding, backorder = (costs[chain] for costs in unit_costs(scenario))
    if backorder[1:].any() or backorder[0] <= 0:
        raise ScenarioError(
            f"network {name!r}: the serial optimum is known only for a backorder cost at the retailer alone "
            "(costs='cs2000'); with others no dynamic program of one dimension applies"
        )
    falls = np.diff(np.append(holding, 0.0)) < 0
    if not falls.all():
        firm = agents[chain[int(np.argmin(falls))]]
        raise ScenarioError(
            f"network {name!r}: the holding cost must fall from {firm!r} to its supplier, and end above 0"
        )
    return holding, float(backorder[0])
