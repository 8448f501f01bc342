"""Disruptions by name, for any network: what people ask about first, at the firm or link where most goods pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scenv.errors import did_you_mean, shown
from scenv.network.network import Network
from scenv.network.order_links import order_links
from scenv.scenario.disruptions import Closure, Delay, DemandShock, Disruption
from scenv.scenario.fields import FieldError
from scenv.scenario.periods import fixed, read_periods

__all__ = ["DISRUPTION_SETS", "named_disruptions"]


class DisruptionSet(NamedTuple):
    """A set of disruptions that can be asked for by name.

    Attributes:
        summary: one line for help texts and docs.
        make: (network, first period) -> the disruptions. Raises `FieldError` where the network has nothing to hit.
    """

    summary: str
    make: Callable[[Network, int], tuple[Disruption, ...]]


def named_disruptions(name: str, network: Network, horizon: int, warmup: int) -> tuple[Disruption, ...]:
    """The set of that name. What happens once begins when a fifth of the counted periods is over.

    Raises:
        FieldError: for an unknown name, or a network that has nothing of the kind to hit.
    """
    found = DISRUPTION_SETS.get(name)
    if found is None:
        hint = did_you_mean(name, DISRUPTION_SETS)
        raise FieldError(
            f"must be a list of disruptions or the name of a set ({', '.join(DISRUPTION_SETS)}), "
            f"got {shown(name)}{hint}"
        )
    return found.make(network, warmup + (horizon - warmup) // 5)


def _source_closed(network: Network, period: int) -> tuple[Disruption, ...]:
    return (Closure(firms=(_busiest(network, network.sources),), period=period, duration=fixed(5)),)


def _hub_closed(network: Network, period: int) -> tuple[Disruption, ...]:
    ends = {*network.sources.tolist(), *network.retailers.tolist()}
    between = [firm for firm in range(len(network.agents)) if firm not in ends]
    if not between:
        raise FieldError(
            f"hub-closed: network {network.name!r} has no firm that both buys from a firm and sells to one; "
            "expected another set, e.g. source-closed"
        )
    return (Closure(firms=(_busiest(network, np.array(between)),), period=period, duration=fixed(5)),)


def _link_delayed(network: Network, period: int) -> tuple[Disruption, ...]:
    links = [(supplier, customer) for supplier, customer in order_links(network) if supplier is not None]
    if not links:
        raise FieldError(f"link-delayed: network {network.name!r} has no link between two firms; expected another set")
    buyers = [customer for _, customer in links]
    flow = dict(zip(network.agents, network.demand_weights.sum(axis=1), strict=True))
    parts = [flow[buyer] / buyers.count(buyer) for buyer in buyers]
    supplier, customer = links[int(np.argmax(parts))]
    return (Delay(links=(f"{supplier} -> {customer}",), period=period, duration=fixed(5), extra=5),)


def _demand_doubled(network: Network, period: int) -> tuple[Disruption, ...]:
    return (DemandShock(period=period, duration=fixed(5), factor=2.0),)


def _frequent_short(network: Network, period: int) -> tuple[Disruption, ...]:
    return (Closure(probability=0.04, duration=read_periods({"values": [1, 2]})),)


def _rare_long(network: Network, period: int) -> tuple[Disruption, ...]:
    return (Closure(probability=0.004, duration=read_periods({"values": [10, 15]})),)


def _storm(network: Network, period: int) -> tuple[Disruption, ...]:
    window = (period, period + 10)
    return (
        Closure(between=window, duration=fixed(3), together=True),
        Delay(between=window, duration=fixed(6), together=True, extra=2),
    )


def _busiest(network: Network, firms: np.ndarray) -> str:
    """Of these firms, the one that the greatest part of all retailers' demand passes; of equals, the first."""
    flow = network.demand_weights.sum(axis=1)[firms]
    return network.agents[int(firms[int(np.argmax(flow))])]


#: In the order of help texts and docs.
DISRUPTION_SETS: dict[str, DisruptionSet] = {
    "source-closed": DisruptionSet("the busiest source closes for 5 periods", _source_closed),
    "hub-closed": DisruptionSet("the busiest firm between source and retailer closes for 5 periods", _hub_closed),
    "link-delayed": DisruptionSet("for 5 periods the busiest link takes 5 periods more", _link_delayed),
    "demand-doubled": DisruptionSet("external demand is twice the usual for 5 periods", _demand_doubled),
    "frequent-short": DisruptionSet("every firm closes in 4 % of periods, for 1 or 2", _frequent_short),
    "rare-long": DisruptionSet("every firm closes in 0.4 % of periods, for 10 or 15", _rare_long),
    "storm": DisruptionSet(
        "at a random time everybody closes for 3 periods, and in another window of 6 every link takes 2 more", _storm
    ),
}
