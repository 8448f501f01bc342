"""Lead times as a scenario gives them, and as an episode meets them.

Fixed lead times are part of the compiled scenario (`scenv.simulation.structure`). Random ones are drawn an
episode ahead for every link, period and row, like demand: they do not depend on what the firms do, so policies meet
the same ones. A draw is the journey of whatever leaves in that period, whether much or nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator

from scenv.errors import shown
from scenv.network.network import Network
from scenv.network.order_links import order_link_buyers
from scenv.network.rows import MAX_LEAD_TIME
from scenv.scenario.fields import FieldError, at, whole
from scenv.scenario.periods import PeriodsDistribution, fixed, read_periods

__all__ = [
    "DEFAULT_LEAD_TIME",
    "LEGS",
    "Leg",
    "LinkJourneys",
    "OrderLeadTime",
    "ShipmentLeadTime",
    "draw_journeys",
    "first_arrivals",
    "link_lead_time",
    "longest_lead_times",
    "mean_periods",
    "never_overtaking",
    "ordering_within",
    "stage_time_periods",
]

#: The two legs of a firm's lead time: its order's way to the supplier, and the goods' way back.
Leg = Literal["order", "shipment"]
LEGS: tuple[Leg, ...] = ("order", "shipment")
#: Periods where neither the scenario nor the network file says otherwise.
DEFAULT_LEAD_TIME: Mapping[Leg, int] = {"order": 1, "shipment": 2}

OneLink = int | PeriodsDistribution | Literal["data"]
_period = whole(0, MAX_LEAD_TIME)


def _one_link(value: Any, data: bool) -> OneLink:
    if isinstance(value, (Mapping, PeriodsDistribution)):
        return read_periods(value, 0)
    if isinstance(value, str):
        if data and value == "data":
            return "data"
        allowed = "a whole number, 'data', or values with probabilities" if data else "a whole number of periods"
        raise FieldError(f"must be {allowed}, got {shown(value)}")
    return _period(value)


def _reader(data: bool) -> Any:
    def read(value: Any) -> Any:
        if not isinstance(value, Mapping) or "values" in value or "probabilities" in value:
            return _one_link(value, data)
        if not value:
            raise FieldError("must be a number of periods or a mapping of links to numbers, got an empty mapping")
        links = {}
        for name, entry in value.items():
            with at(name):
                links[str(name)] = _one_link(entry, data)
        return links

    return read


OrderLeadTime = Annotated[
    int | PeriodsDistribution | Mapping[str, int | PeriodsDistribution], BeforeValidator(_reader(data=False))
]
ShipmentLeadTime = Annotated[
    int | PeriodsDistribution | Literal["data"] | Mapping[str, int | PeriodsDistribution | Literal["data"]],
    BeforeValidator(_reader(data=True)),
]


@dataclass(frozen=True, eq=False)
class LinkJourneys:
    """The lead times that an episode of B rows meets on K links.

    Attributes:
        periods: [T, K, B] int32; what leaves on a link in a period arrives so many periods later.
        initial: [H, K, B] int32; of the consignments that left in the H periods before period 0, one a period, how many
            arrive in period h. H is the longest lead time.
    """

    periods: np.ndarray
    initial: np.ndarray


def link_lead_time(
    given: OneLink | Mapping[str, OneLink],
    leg: Leg,
    network: Network,
    supplier: str | None,
    customer: str,
    stage_time_per_period: float,
) -> PeriodsDistribution:
    """Lead time of one link, of what a scenario's field says; `supplier` None is the external supplier of a source.

    A mapping's own entry comes first, then the edge's attribute in the network file, then the default. Where 'data' is
    asked for and the file states lead times of links and no stage time at all, what comes from the external supplier,
    of which such a file cannot speak, takes `DEFAULT_LEAD_TIME` [choice].

    Raises:
        FieldError: if the network file has no stage time for a firm whose link asks for it.
    """
    own = None
    if isinstance(given, Mapping):
        own = given.get(f"{supplier or 'external'} -> {customer}")
        given = given.get("default", DEFAULT_LEAD_TIME[leg])
    if own is None and supplier is not None:
        own = network.edge_attributes[supplier, customer][f"{leg}_lead_time"]
    value = given if own is None else own
    if isinstance(value, PeriodsDistribution):
        return value
    if value == "data" and supplier is None and _states_links_alone(network):
        return fixed(DEFAULT_LEAD_TIME[leg])
    if value == "data":
        return stage_time_periods(network, customer, stage_time_per_period)
    return fixed(int(value))


def _states_links_alone(network: Network) -> bool:
    """Whether the source states a shipment lead time of every link, and no stage time of any firm."""
    return bool(np.isnan(network.stage_time).all() and network.edges) and all(
        edge["shipment_lead_time"] is not None for edge in network.edge_attributes.values()
    )


def mean_periods(link: PeriodsDistribution, crossing: bool) -> float:
    """What consignments take on average on a link, waiting for earlier ones where they may not overtake."""
    return link.mean if crossing else link.mean_without_crossing


def longest_lead_times(
    network: Network, order: Sequence[PeriodsDistribution], shipment: Sequence[PeriodsDistribution], crossing: bool
) -> np.ndarray:
    """[N] int64, the longest order + shipment lead time of each firm's suppliers: lt_i of the paper's equation 11, LT
    of its base-stock levels. Of random lead times the mean of the sum, rounded up.

    Args:
        network: N firms, with S+E order links.
        order, shipment: the lead times of the order links.
        crossing: whether a consignment may overtake an earlier one on its link.
    """
    mean = {link: mean_periods(link, crossing) for link in {*order, *shipment}}
    total = np.array([mean[first] + mean[second] for first, second in zip(order, shipment, strict=True)])
    longest = np.zeros(len(network.agents), dtype=np.int64)
    np.maximum.at(longest, order_link_buyers(network), np.ceil(total - 1e-9).astype(np.int64))
    return longest


def ordering_within(network: Network, order: Sequence[PeriodsDistribution]) -> np.ndarray:
    """[N] whether a firm orders within a period, when it knows the period's demand: one of its orders can reach a
    supplier with lead time 0 (`order` has the lead times of the order links). The others order at a period's end.
    """
    within = np.zeros(len(network.agents), dtype=bool)
    within[order_link_buyers(network)[[link.shortest == 0 for link in order]]] = True
    return within


def first_arrivals(
    network: Network, order: Sequence[PeriodsDistribution], shipment: Sequence[PeriodsDistribution], crossing: bool
) -> np.ndarray:
    """[N] int64, periods from a decision to when all of what is ordered then can have arrived: the longest lead time,
    and a period more where a firm orders within the period to come. Arguments as for `longest_lead_times`.
    """
    return longest_lead_times(network, order, shipment, crossing) + ordering_within(network, order)


def stage_time_periods(network: Network, firm: str, stage_time_per_period: float) -> PeriodsDistribution:
    """A firm's stage time of the network file as whole periods: rounded up, at least 1.

    What a firm orders is in its stock when the suppliers' goods have gone through its own stage, so the stage time of
    the receiving firm is the lead time of all its incoming links.

    Raises:
        FieldError: if the file has none.
    """
    if firm in network.stage_time_distribution:
        times, probabilities = network.stage_time_distribution[firm]
    else:
        times, probabilities = (float(network.stage_time[network.index(firm)]),), (1.0,)
    if np.isnan(times[0]):
        raise FieldError(
            f"'data' needs a stage_time at every firm, or a shipment_lead_time on every link, and {firm!r} of network "
            f"{network.name!r} has none"
        )
    return _whole_periods(times, probabilities, stage_time_per_period, firm)


@lru_cache(maxsize=10_000)
def _whole_periods(
    times: tuple[float, ...], probabilities: tuple[float, ...], unit: float, firm: str
) -> PeriodsDistribution:
    chances: dict[int, float] = defaultdict(float)
    for time, probability in zip(times, probabilities, strict=True):
        chances[max(1, math.ceil(time / unit - 1e-9))] += probability
    longest = max(chances)
    if longest > MAX_LEAD_TIME:
        raise FieldError(
            f"'data' gives {firm!r} a lead time of {longest} periods, more than {MAX_LEAD_TIME}; raise "
            "stage_time_per_period"
        )
    return PeriodsDistribution(values=tuple(chances), probabilities=tuple(min(p, 1.0) for p in chances.values()))


def draw_journeys(
    links: Sequence[PeriodsDistribution], uniform: np.ndarray, extra: np.ndarray | None, crossing: bool
) -> LinkJourneys:
    """Lead times by inversion.

    Args:
        links: the distribution of each of K links.
        uniform: [B, H + T, K'] numbers in [0, 1) for the K' links that are not fixed; H periods before period 0.
        extra: [B, T, K] int32 periods that disruptions add, or None.
        crossing: whether a consignment may overtake an earlier one on its link.
    """
    rows, periods, _ = uniform.shape
    journeys = np.empty((rows, periods, len(links)), dtype=np.int32)
    column = 0
    for k, link in enumerate(links):
        if link.is_fixed:
            journeys[:, :, k] = link.longest
        else:
            journeys[:, :, k] = link.quantile(uniform[:, :, column])
            column += 1
    before = max(link.longest for link in links)
    if extra is not None:
        journeys[:, before:] += extra
    if not crossing:
        journeys = never_overtaking(journeys)
    return LinkJourneys(
        periods=np.ascontiguousarray(journeys[:, before:].transpose(1, 2, 0)),
        initial=_still_under_way(journeys[:, :before].transpose(1, 2, 0)),
    )


def never_overtaking(journeys: np.ndarray) -> np.ndarray:
    """Lead times [B, T, K] lengthened so that nothing arrives before what left earlier; together is allowed."""
    departure = np.arange(journeys.shape[1], dtype=journeys.dtype)[:, None]
    return np.asarray(np.maximum.accumulate(journeys + departure, axis=1) - departure)


def _still_under_way(journeys: np.ndarray) -> np.ndarray:
    """[H, K, B]: of consignments that left in periods -H .. -1, how many arrive in period 0, 1, ... H - 1."""
    count = np.zeros_like(journeys)
    link, row = np.meshgrid(*(np.arange(size) for size in journeys.shape[1:]), indexing="ij")
    for index, lead_time in enumerate(journeys):
        arrival = index - len(journeys) + lead_time.astype(np.intp)
        coming = arrival >= 0
        count[arrival[coming], link[coming], row[coming]] += 1
    return count
