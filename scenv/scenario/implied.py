"""What a scenario implies: the demand that reaches each firm, its costs and capacity, the lead time of each link.

Functions beside `Scenario`, which holds fields and their validation only.
"""

from __future__ import annotations

import numpy as np

from scenv.network.order_links import order_links
from scenv.scenario.costs import unit_costs_of
from scenv.scenario.disruptions import Delay, Disruption
from scenv.scenario.lead_times import Leg, link_lead_time, mean_periods, ordering_within
from scenv.scenario.per_firm import by_firm
from scenv.scenario.periods import PeriodsDistribution
from scenv.scenario.scenario import Scenario

__all__ = [
    "capacities",
    "demand_moments",
    "extensions",
    "firm_demand_moments",
    "initial_stock",
    "lead_time_distribution",
    "lead_time_of",
    "longest_delay",
    "mean_lead_time",
    "observation_scale",
    "order_costs",
    "orders_within_period",
    "overflow_costs",
    "review_periods",
    "storage_capacities",
    "targets_of",
    "unit_costs",
]


def demand_moments(scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Mean [R] and standard deviation [R] of a period's external demand at each retailer, units: of a period picked at
    random from the `horizon` periods of an episode.
    """
    mean, std, _ = scenario.demand.episode_moments(scenario.horizon, scenario.retailer_names)
    return mean, std


def firm_demand_moments(scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Mean [N] and standard deviation [N] per period of the demand that reaches each firm, units.

    Mean sum_r W_ir mean_r, variance sum_rs W_ir W_is cov_rs over the retailers r and s, where W_ir is the share of
    r's demand that reaches firm i when every firm passes its demand on with equal split.
    """
    mean, std, covariance = scenario.demand.episode_moments(scenario.horizon, scenario.retailer_names)
    weights = scenario.network.demand_weights
    if covariance is None:
        return weights @ mean, np.sqrt(weights**2 @ std**2)
    variance = ((weights @ covariance) * weights).sum(axis=1)
    return weights @ mean, np.sqrt(np.maximum(variance, 0.0))


def observation_scale(scenario: Scenario) -> np.ndarray:
    """[N] what a learner may divide a firm's observations by: its mean demand, and 1 where no demand reaches it."""
    mean, _ = firm_demand_moments(scenario)
    return np.where(mean > 0, mean, 1.0)


def unit_costs(scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Holding [N] and backorder [N] cost per unit and period (paper eq. 1: c_h, c_b)."""
    return unit_costs_of(scenario.costs, scenario.network)


def lead_time_distribution(scenario: Scenario, leg: Leg, supplier: str | None, customer: str) -> PeriodsDistribution:
    """Lead time of one link; `supplier` None is the external supplier of a source.

    A mapping's own entry comes first, then the edge's attribute in the network file, then the default.
    """
    given = scenario.order_lead_time if leg == "order" else scenario.shipment_lead_time
    return link_lead_time(given, leg, scenario.network, supplier, customer, scenario.stage_time_per_period)


def mean_lead_time(scenario: Scenario, link: PeriodsDistribution) -> float:
    """What consignments take on average on a link, waiting for earlier ones where they may not overtake."""
    return mean_periods(link, scenario.order_crossing)


def lead_time_of(scenario: Scenario, leg: Leg, supplier: str | None, customer: str) -> int:
    """Lead time of one link in periods, of a random one its mean rounded up; see `lead_time_distribution`."""
    return int(np.ceil(mean_lead_time(scenario, lead_time_distribution(scenario, leg, supplier, customer)) - 1e-9))


def orders_within_period(scenario: Scenario) -> np.ndarray:
    """[N] whether a firm orders within a period, see `scenv.scenario.lead_times.ordering_within`."""
    links = order_links(scenario.network)
    return ordering_within(scenario.network, [lead_time_distribution(scenario, "order", *link) for link in links])


def longest_delay(scenario: Scenario) -> int:
    """Periods that disruptions can add to a lead time."""
    return sum(disruption.extra for disruption in scenario.disruptions if isinstance(disruption, Delay))


def capacities(scenario: Scenario) -> np.ndarray | None:
    """[N] units that each firm can serve in a period, infinite where it has no limit; None if nobody has one."""
    return None if scenario.capacity is None else by_firm(scenario.capacity, scenario.network, np.inf)


def storage_capacities(scenario: Scenario) -> np.ndarray | None:
    """[N] units that fit into each firm's stock, infinite where it has no limit; None if nobody has one."""
    given = scenario.storage_capacity
    return None if given is None else by_firm(given, scenario.network, np.inf)


def overflow_costs(scenario: Scenario) -> np.ndarray:
    """[N] cost per unit and period of what waits at the gate of a full stock; 0 where stock has no limit."""
    limits, holding = storage_capacities(scenario), unit_costs(scenario)[0]
    if limits is None:
        return np.zeros_like(holding)
    return np.where(np.isfinite(limits), by_firm(scenario.overflow_cost, scenario.network, holding), 0.0)


def order_costs(scenario: Scenario) -> np.ndarray:
    """[N] fixed cost of an order."""
    return by_firm(scenario.order_cost, scenario.network, 0.0)


def review_periods(scenario: Scenario) -> np.ndarray:
    """[N] int64: periods from one order of each firm to its next: it orders in periods 0, k, 2k, ..."""
    return by_firm(scenario.review_period, scenario.network, 1.0).astype(np.int64)


def initial_stock(scenario: Scenario) -> np.ndarray:
    """[N] units in stock at the start."""
    usual = scenario.initial_stock_periods * firm_demand_moments(scenario)[0]
    stock = by_firm(scenario.initial_stock, scenario.network, usual)
    return np.floor(stock + 0.5) if scenario.whole_units else stock


def targets_of(scenario: Scenario, disruption: Disruption) -> np.ndarray:
    """Positions of what a disruption hits: among the firms, the order links, or the retailers."""
    return disruption.positions_in(scenario.network)


def extensions(scenario: Scenario) -> tuple[str, ...]:
    """Fields by which a scenario goes beyond the paper's model with fixed lead times: what a formula made for that
    model does not cover.
    """

    def is_random(leg: Leg) -> bool:
        links = order_links(scenario.network)
        return not all(lead_time_distribution(scenario, leg, *link).is_fixed for link in links)

    beyond = {
        "order_lead_time": is_random("order"),
        "shipment_lead_time": is_random("shipment"),
        "capacity": scenario.capacity is not None,
        "lost_sales": scenario.lost_sales,
        "disruptions": bool(scenario.disruptions),
        "review_period": bool((review_periods(scenario) > 1).any()),
        "minimum_order": bool(by_firm(scenario.minimum_order, scenario.network, 0.0).any()),
        "lot_size": bool(by_firm(scenario.lot_size, scenario.network, 0.0).any()),
        "order_cost": bool(order_costs(scenario).any()),
        "storage_capacity": scenario.storage_capacity is not None,
        "whole_units": scenario.whole_units,
    }
    return tuple(name for name, is_so in beyond.items() if is_so)
