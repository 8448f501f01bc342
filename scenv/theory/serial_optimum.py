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
from scenv.scenario.demand import NormalDemand, PoissonDemand
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import demand_moments, extensions, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.structure import build_structure

#: Demand beyond this many units has less than this probability and is left out.
_TAIL = 1e-14
_POINTS_PER_STD = 25


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

    echelon_levels: Mapping[str, float]
    local_levels: Mapping[str, float]
    cost_per_period: float


def serial_optimum(scenario: Any = "bg", **overrides: Any) -> SerialOptimum:
    """Optimal levels and long-run cost per period of a serial scenario.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        **overrides: fields of the scenario.

    Raises:
        ScenarioError: if the network is not serial, demand is neither Poisson nor normal, a firm other than the
            retailer has a backorder cost, or holding costs do not fall from each firm to its supplier.

    Example:
        >>> round(serial_optimum("bg", costs="cs2000", shipment_lead_time=1).cost_per_period, 3)
        25.95
    """
    scenario = load_scenario(scenario, **overrides)
    chain = serial_chain(scenario.network)
    holding, backorder = _checked_costs(scenario, chain)
    lead_times = build_structure(scenario).lead_time[chain]
    mean, std = float(demand_moments(scenario)[0][0]), None
    if isinstance(scenario.demand, NormalDemand):
        mean, std = (float(part[0]) for part in scenario.demand.before_cut(scenario.retailer_names))
    levels, cost = clark_scarf(holding.tolist(), backorder, mean, lead_times.tolist(), std)
    names = [scenario.network.agents[i] for i in chain]
    return SerialOptimum(
        echelon_levels=dict(zip(names, levels, strict=True)),
        local_levels=dict(zip(names, local_from_echelon(levels), strict=True)),
        cost_per_period=cost,
    )


def clark_scarf(
    holding: Sequence[float], backorder: float, mean: float, lead_times: Sequence[int], std: float | None = None
) -> tuple[list[float], float]:
    """The dynamic program itself, from the retailer (first) upstream.

    With echelon holding costs h_j = H_j - H_{j+1} and D_j the demand over L_j periods,
        C_0*(x) = (b + H_1) x^-,   C_j(y) = E[h_j (y - D_j) + C_{j-1}*(y - D_j)],
        S_j = argmin C_j,          C_j*(x) = C_j(min(x, S_j)).
    C_J(S_J) also charges each unit in transit to j at its supplier's H_{j+1}; that part is taken off again.

    Args:
        holding: local holding costs H_j, strictly falling upstream.
        backorder: b, at the retailer.
        mean: of the demand per period, Poisson unless `std` is given.
        lead_times: L_j, order + shipment, whole periods of at least 0.
        std: then demand is normal, cut at 0; taken on a grid of `std` / 25 units.

    Returns:
        (echelon levels S_j, long-run cost per period without the goods in transit).
    """
    local = np.asarray(holding, dtype=np.float64)
    upstream = np.append(local[1:], 0.0)
    unit, demands = _demands(mean, std, lead_times)
    spans = [len(probability) - 1 for probability in demands]
    # C_j* is tabulated at the points first .. sum(spans); each stage's expectation uses up spans[j] of them.
    first = -sum(spans)
    inventory = unit * np.arange(first, sum(spans) + 1)
    cost = (backorder + local[0]) * np.maximum(-inventory, 0.0)
    levels = []
    for echelon_holding, span, probability in zip(local - upstream, spans, demands, strict=True):
        cost = np.convolve(echelon_holding * inventory + cost, probability, mode="valid")
        inventory = inventory[span:]
        best = int(np.argmin(cost))
        levels.append(inventory[best].item())
        cost = np.where(np.arange(len(cost)) < best, cost, cost[best])
    in_transit = sum(
        h * unit * float(np.arange(len(probability)) @ probability)
        for h, probability in zip(upstream, demands, strict=True)
    )
    return levels, float(cost[-1] - in_transit)


def _demands(mean: float, std: float | None, lead_times: Sequence[int]) -> tuple[float, list[np.ndarray]]:
    """(the unit of a grid, for each lead time the probabilities that its demand is 0, 1, 2, ... such units)."""
    if std is None:
        spans = [int(stats.poisson.isf(_TAIL, mean * periods)) + 1 if periods else 0 for periods in lead_times]
        poisson = [
            stats.poisson.pmf(np.arange(span + 1), mean * periods)
            for span, periods in zip(spans, lead_times, strict=True)
        ]
        return 1, [probability / probability.sum() for probability in poisson]
    unit = std / _POINTS_PER_STD
    ends = (np.arange(int(np.ceil((max(mean, 0.0) + 8 * std) / unit)) + 1) + 0.5) * unit
    below = np.append(stats.norm.cdf(ends[:-1], mean, std), 1.0)
    one, sums = np.diff(below, prepend=0.0), [np.ones(1)]
    while len(sums) <= max(lead_times):
        sums.append(np.convolve(sums[-1], one))
    return unit, [sums[periods] for periods in lead_times]


def local_from_echelon(levels: Sequence[float]) -> list[Any]:
    """Local levels of the same policy, from the retailer upstream: differences of min(S_j, S_{j+1}, ...)."""
    nested = np.minimum.accumulate(np.asarray(levels)[::-1])[::-1]
    return np.diff(nested, prepend=0).tolist()


def serial_chain(network: Network) -> list[int]:
    """The firms of a serial network from the retailer upstream, as indices into `network.agents`.

    Raises:
        ScenarioError: if a firm has more than one supplier or customer, or one that supplies others sells outside.
    """
    if len(network.selling_depots):
        depot = network.agents[int(network.selling_depots[0])]
        raise ScenarioError(
            f"network {network.name!r}: firm {depot!r} has outside customers besides its own; a serial system sells at "
            "its end only"
        )
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
    if not isinstance(scenario.demand, PoissonDemand | NormalDemand):
        raise ScenarioError(
            f"network {name!r}: the serial optimum needs Poisson or normal demand, got {scenario.demand.kind!r}"
        )
    if isinstance(scenario.demand, NormalDemand) and scenario.demand.before_cut(scenario.retailer_names)[1][0] <= 0:
        raise ScenarioError(f"network {name!r}: the serial optimum needs demand that varies, got std 0")
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
