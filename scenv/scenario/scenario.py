"""The scenario: every number of an experiment, validated once and frozen.

A field marked [paper] is stated in Zhang et al., Sustainability 2024, 16(22), 9996; one marked [choice] is left open
there and decided here, with the reason in the field's description. `scenv.load_scenario` reads scenarios from names,
files and mappings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import networkx as nx
import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool, model_validator

from scenv.errors import did_you_mean, shown
from scenv.network.network import Network, load_network
from scenv.scenario.costs import Costs, unit_costs
from scenv.scenario.demand import Demand, PoissonDemand
from scenv.scenario.disruptions import Closure, Delay, Disruption, Disruptions
from scenv.scenario.fields import FieldError, at, number, number_or_named, read_model, whole
from scenv.scenario.lead_times import DataLeadTimes, LeadTimes, stage_time_periods
from scenv.scenario.periods import PeriodsDistribution, fixed
from scenv.simulation.order_links import order_links

Stage = Literal["order", "shipment"]


def _read_capacity(value: Any) -> Any:
    return None if value is None else number_or_named(number())(value)


def _as_network(value: Any) -> Any:
    return load_network(value) if isinstance(value, (str, nx.Graph)) or hasattr(value, "__fspath__") else value


class ActionRange(BaseModel):
    """The finite action set A of every firm: the integers low .. high [paper, Table 2]."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    low: Annotated[int, BeforeValidator(whole(-100_000, 100_000))]
    high: Annotated[int, BeforeValidator(whole(-100_000, 100_000))]

    @model_validator(mode="after")
    def _ordered(self) -> ActionRange:
        if self.low > self.high:
            raise FieldError(f"low must not exceed high, got {self.low} > {self.high}")
        return self

    @property
    def adjustments(self) -> np.ndarray:
        """[|A|] int64: the adjustment a that each action 0 .. |A|-1 stands for."""
        return np.arange(self.low, self.high + 1)


class Scenario(BaseModel):
    """An experiment: a network, its demand, its costs and lead times, what firms may order and what they are rewarded
    for.

    Frozen; make a variant with `scenv.load_scenario(scenario, horizon=100)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    network: Annotated[Network, BeforeValidator(_as_network), PlainSerializer(lambda network: network.name)] = Field(
        description="Built-in name (bg, r1, r2, r3), network file, or a networkx DiGraph (supplier -> customer)."
    )
    demand: Demand = Field(
        default=PoissonDemand(mean=8.0),
        description="External demand per retailer and period, units [paper, Table 2 for the built-in networks].",
    )
    actions: Annotated[ActionRange, BeforeValidator(lambda value: read_model(ActionRange, value))] = Field(
        default=ActionRange(low=-4, high=10),
        description="Adjustments a that a learner may choose; it orders max(0, d + a) [paper, Table 2; floor: choice].",
    )
    horizon: Annotated[int, BeforeValidator(whole(2, 100_000))] = Field(
        default=50, description="Periods of an episode, a truncation [paper]."
    )
    warmup: Annotated[int, BeforeValidator(whole(0, 100_000))] = Field(
        default=5, description="First periods that do not count in the total cost [paper]."
    )
    history: Annotated[int, BeforeValidator(whole(0, 1000))] = Field(
        default=5, description="m: an observation holds m + 1 periods [paper: 5]."
    )
    order_lead_time: LeadTimes = Field(
        default=1,
        description="Periods from an order to its arrival at the supplier: a number; {values, probabilities}, drawn "
        "for each link and period; or a mapping from 'supplier -> customer' ('external -> source') to either, with "
        "'default' for the rest [choice: an order placed at the end of a period is seen in the next].",
    )
    shipment_lead_time: DataLeadTimes = Field(
        default=2,
        description="Periods from shipping to receipt, likewise; 'data' takes the receiving firm's stage time of the "
        "network file, with its distribution where there is one, rounded up, at least 1. The paper uses 1, 2 and 3, "
        "and says that lead times vary [choice: 2].",
    )
    stage_time_per_period: Annotated[float, BeforeValidator(number(above=0))] = Field(
        default=1.0,
        description="How much of the network file's stage time is one period, for 'data': 7 turns days into weeks "
        "[choice: 1].",
    )
    order_crossing: StrictBool = Field(
        default=False,
        description="Whether orders and shipments with random lead times may overtake earlier ones on their link; "
        "otherwise they wait, and arrive together [choice: no].",
    )
    capacity: Annotated[float | Mapping[str, float] | None, BeforeValidator(_read_capacity)] = Field(
        default=None,
        description="Units that a firm can serve in a period, to all its customers together; what it receives and "
        "holds is not limited. A number, or a mapping firm -> units with 'default' for the rest (without it, the rest "
        "has no limit) [choice: no limit].",
    )
    lost_sales: StrictBool = Field(
        default=False,
        description="External demand that a retailer cannot serve at once is lost, at the cost of one period's "
        "backorder per unit, instead of owed [choice: owed, as in the paper].",
    )
    disruptions: Disruptions = Field(
        default=(),
        description="Firms that close, links that delay, demand that jumps, at given or random times; they show in "
        "`infos` [choice: none].",
    )
    costs: Costs = Field(
        default="data",
        description="'data' (the network file's), 'uniform' (0.5 and 1), 'cs2000' (Chen & Samroengraja's "
        "beer game), or {holding, backorder, backorder_ratio} [choice: the paper prints none].",
    )
    initial_stock_periods: Annotated[float, BeforeValidator(number(0, 1e6))] = Field(
        default=1.0,
        description="On-hand stock at the start, in periods of the firm's mean demand [choice].",
    )
    allocation: Literal["proportional", "priority"] = Field(
        default="proportional",
        description="How scarce stock is shared: in proportion to the claims [choice: fair, order-free], or by the "
        "customers' order in the network file (as other simulators do).",
    )
    reward: Literal["windowed", "cost"] = Field(
        default="windowed", description="Windowed discounted cost of eq. 11 [paper], or the immediate cost."
    )
    reward_window: Annotated[int, BeforeValidator(whole(1, 1000))] = Field(
        default=5, description="Window dt of eq. 11, periods [choice]."
    )
    gamma: Annotated[float, BeforeValidator(number(0, 1, above=0))] = Field(
        default=0.95, description="Discount in eq. 11 [choice]."
    )
    reward_scale: Annotated[float, BeforeValidator(number(above=0))] = Field(
        default=0.1, description="c_r = -reward_scale / mean demand of the firm [choice]."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.warmup >= self.horizon:
            raise ValueError(f"warmup must be below horizon ({self.horizon}), got {self.warmup}")
        for field in ("order_lead_time", "shipment_lead_time"):
            self._check_links(field, getattr(self, field))
        self._check_names()
        with at("demand"):
            self.demand.moments(self.retailer_names)
        self.unit_costs()
        return self

    def _check_links(self, field: str, value: Any) -> None:
        """The keys of a mapping by link are links of the network."""
        if not isinstance(value, Mapping):
            return
        known = {"default", *(f"{u} -> {v}" for u, v in self.network.edges)}
        known |= {f"external -> {self.network.agents[i]}" for i in self.network.sources}
        for name in value:
            if name not in known:
                hint = did_you_mean(name, known) if len(known) <= 5000 else ""
                raise ValueError(
                    f"{field} names {shown(name)}, which is no edge of network {self.network.name!r}{hint}; "
                    "write 'supplier -> customer', 'external -> source' or 'default'"
                )

    def _check_names(self) -> None:
        """Capacities and disruptions name firms, links and retailers of this network, and stage times are there."""
        if isinstance(self.capacity, Mapping):
            for name in self.capacity:
                if name not in self.network.agents and name != "default":
                    hint = did_you_mean(name, self.network.agents)
                    raise FieldError(f"{shown(name)} is no firm of network {self.network.name!r}{hint}", ("capacity",))
        for index, disruption in enumerate(self.disruptions):
            with at("disruptions", index):
                self.disrupted(disruption)
        with at("shipment_lead_time"):
            for link in order_links(self.network):
                self.lead_time_distribution("shipment", *link)

    @property
    def retailer_names(self) -> tuple[str, ...]:
        """The firms that meet external demand, in agent order; the order of demand arrays [.., R]."""
        return tuple(self.network.agents[i] for i in self.network.retailers)

    def lead_time_distribution(self, stage: Stage, supplier: str | None, customer: str) -> PeriodsDistribution:
        """Lead time of one link; `supplier` None is the external supplier of a source.

        A mapping's own entry comes first, then the edge's attribute in the network file, then the default.

        Raises:
            FieldError: if the network file has no stage time for a firm whose link asks for it.
        """
        field = f"{stage}_lead_time"
        value = getattr(self, field)
        if isinstance(value, Mapping):
            own = value.get(f"{supplier or 'external'} -> {customer}")
            if own is not None:
                return self._periods(own, customer)
            value = value.get("default", type(self).model_fields[field].default)
        if supplier is not None:
            given = self.network.edge_attributes[supplier, customer][field]
            if given is not None:
                return fixed(int(given))
        return self._periods(value, customer)

    def _periods(self, value: int | PeriodsDistribution | str, customer: str) -> PeriodsDistribution:
        if isinstance(value, PeriodsDistribution):
            return value
        if value != "data":
            return fixed(int(value))
        return stage_time_periods(self.network, customer, self.stage_time_per_period)

    def mean_lead_time(self, link: PeriodsDistribution) -> float:
        """What consignments take on average on a link, waiting for earlier ones where they may not overtake."""
        return link.mean if self.order_crossing else link.mean_without_crossing

    def lead_time_of(self, stage: Stage, supplier: str | None, customer: str) -> int:
        """Lead time of one link in periods, of a random one its mean rounded up; see `lead_time_distribution`."""
        return int(np.ceil(self.mean_lead_time(self.lead_time_distribution(stage, supplier, customer)) - 1e-9))

    def capacities(self) -> np.ndarray | None:
        """[N] units that each firm can serve in a period, infinite where it has no limit; None if nobody has one."""
        if self.capacity is None:
            return None
        if not isinstance(self.capacity, Mapping):
            return np.full(len(self.network.agents), float(self.capacity))
        rest = self.capacity.get("default", np.inf)
        return np.array([float(self.capacity.get(name, rest)) for name in self.network.agents])

    def disrupted(self, disruption: Disruption) -> np.ndarray:
        """Positions of what a disruption hits: among the firms, the order links, or the retailers.

        Raises:
            FieldError: for a name that is none of them.
        """
        if isinstance(disruption, Delay):
            names = [f"{supplier or 'external'} -> {customer}" for supplier, customer in order_links(self.network)]
        else:
            names = list(self.network.agents if isinstance(disruption, Closure) else self.retailer_names)
        return disruption.positions(names)

    @property
    def longest_delay(self) -> int:
        """Periods that disruptions can add to a lead time."""
        return sum(disruption.extra for disruption in self.disruptions if isinstance(disruption, Delay))

    @property
    def extensions(self) -> tuple[str, ...]:
        """Fields by which this scenario goes beyond the paper's model with fixed lead times: what a formula made for
        that model does not cover.
        """
        beyond = {
            "order_lead_time": self._is_random("order"),
            "shipment_lead_time": self._is_random("shipment"),
            "capacity": self.capacity is not None,
            "lost_sales": self.lost_sales,
            "disruptions": bool(self.disruptions),
        }
        return tuple(name for name, is_so in beyond.items() if is_so)

    def _is_random(self, stage: Stage) -> bool:
        return not all(self.lead_time_distribution(stage, *link).is_fixed for link in order_links(self.network))

    def firm_demand_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean [N] and standard deviation [N] per period of the demand that reaches each firm.

        Mean sum_r W_ir mean_r, variance sum_rs W_ir W_is cov_rs over the retailers r and s, where W_ir is the share of
        r's demand that reaches firm i when every firm passes its demand on with equal split.
        """
        mean, std = self.demand.moments(self.retailer_names)
        covariance = self.demand.covariance(self.retailer_names)
        weights = self.network.demand_weights
        if covariance is None:
            return weights @ mean, np.sqrt(weights**2 @ std**2)
        variance = ((weights @ covariance) * weights).sum(axis=1)
        return weights @ mean, np.sqrt(np.maximum(variance, 0.0))

    def unit_costs(self) -> tuple[np.ndarray, np.ndarray]:
        """Holding [N] and backorder [N] cost per unit and period (paper eq. 1: c_h, c_b).

        Raises:
            ValueError: if the network file has no costs and `costs` gives none, or a preset does not fit the network.
        """
        return unit_costs(self.costs, self.network)
