"""The scenario: every number of an experiment, validated once and frozen.

A field marked [paper] is stated in Zhang et al., Sustainability 2024, 16(22), 9996; one marked [choice] is left open
there and decided here, with the reason in the field's description. `scenv.load_scenario` reads scenarios from names,
files and mappings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from scenv.errors import did_you_mean, shown
from scenv.network.network import Network
from scenv.network.order_links import order_links
from scenv.scenario.costs import Costs, unit_costs_of
from scenv.scenario.demand import Demand, PoissonDemand
from scenv.scenario.demand.from_network import demand_of_network
from scenv.scenario.disruption_sets import DISRUPTION_SETS, named_disruptions
from scenv.scenario.disruptions import Disruptions
from scenv.scenario.fields import FieldError, Switch, at, number, read_model, whole
from scenv.scenario.lead_times import (
    DEFAULT_LEAD_TIME,
    Leg,
    OrderLeadTime,
    ShipmentLeadTime,
    first_arrivals,
    link_lead_time,
)
from scenv.scenario.network_source import NETWORK_SCHEMA, network_of
from scenv.scenario.per_firm import PER_FIRM_FIELDS, UNIT_FIELDS, PerFirm, WholePerFirm, require_firms
from scenv.scenario.periods import PeriodsDistribution


def _demand_of(value: Any, info: ValidationInfo) -> Any:
    network = info.data.get("network")
    return demand_of_network(network) if isinstance(value, str) and value == "data" and network else value


def _disruptions_of(value: Any, info: ValidationInfo) -> Any:
    needed = ("network", "horizon", "warmup")
    if not isinstance(value, str) or not all(name in info.data for name in needed):  # what is wrong there comes first
        return value
    return named_disruptions(value, *(info.data[name] for name in needed))


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

    network: Annotated[
        Network,
        BeforeValidator(network_of),
        PlainSerializer(lambda network: network.name),
        WithJsonSchema(NETWORK_SCHEMA),
    ] = Field(
        description="Built-in name (bg, r1, r2, r3), network file, or a networkx DiGraph (supplier -> customer); or "
        "{file, firms_file, columns} for tables whose columns are said, e.g. of one product among several."
    )
    demand: Annotated[Demand, BeforeValidator(_demand_of)] = Field(
        default=PoissonDemand(mean=8.0),
        description="External demand per retailer and period, units; 'data' is what the "
        "network file states [paper, Table 2 for the built-in networks].",
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
    order_lead_time: OrderLeadTime = Field(
        default=DEFAULT_LEAD_TIME["order"],
        description="Periods from an order to its arrival at the supplier: a number; {values, probabilities}, drawn "
        "for each link and period; or a mapping from 'supplier -> customer' ('external -> source') to either, with "
        "'default' for the rest [choice: an order placed at the end of a period is seen in the next]. With 0, the "
        "textbooks' case, a firm orders within the period, once it knows the period's demand, and customers' orders "
        "reach it before it does.",
    )
    shipment_lead_time: ShipmentLeadTime = Field(
        default=DEFAULT_LEAD_TIME["shipment"],
        description="Periods from shipping to receipt, likewise; with 0, goods arrive in the period in which they "
        "leave, before the receiver serves. 'data' takes what the network file says of the link, else the receiving "
        "firm's stage time, with its distribution where there is one, rounded up, at least 1. The paper uses 1, 2 and "
        "3, and says that lead times vary [choice: 2].",
    )
    stage_time_per_period: Annotated[float, BeforeValidator(number(above=0))] = Field(
        default=1.0,
        description="How much of the network file's stage time is one period, for 'data': 7 turns days into weeks "
        "[choice: 1].",
    )
    order_crossing: Switch = Field(
        default=False,
        description="Whether orders and shipments with random lead times may overtake earlier ones on their link; "
        "otherwise they wait, and arrive together [choice: no].",
    )
    capacity: PerFirm | None = Field(
        default=None,
        description="Units that a firm can serve in a period, to all its customers together; what it receives and "
        "holds is not limited. A number, or a mapping firm -> units with 'default' for the rest (without it, the rest "
        "has no limit) [choice: no limit].",
    )
    lost_sales: Switch = Field(
        default=False,
        description="External demand that a retailer cannot serve at once is lost, at the cost of one period's "
        "backorder per unit, instead of owed [choice: owed, as in the paper].",
    )
    review_period: WholePerFirm = Field(
        default=1,
        description="A firm orders at the end of periods 0, k, 2k, .. only; in between it orders nothing, and the "
        "demand that it answers adds up. A number, or a mapping firm -> periods with 'default' for the rest "
        "[choice: 1, every period].",
    )
    minimum_order: PerFirm = Field(
        default=0.0,
        description="Least quantity of an order, units: a smaller one, if it is not 0, is raised to it. A number, or "
        "a mapping firm -> units with 'default' for the rest [choice: none].",
    )
    lot_size: PerFirm = Field(
        default=0.0,
        description="Orders are rounded up to a whole multiple of it, after minimum_order, units; likewise "
        "[choice: 0, any quantity].",
    )
    order_cost: PerFirm = Field(
        default=0.0,
        description="Fixed cost of an order, whatever its size, in the cost of the period that the order opens; "
        "likewise [choice: none].",
    )
    storage_capacity: PerFirm | None = Field(
        default=None,
        description="Units that fit into a firm's stock: what arrives and does not fit waits at the gate, still on "
        "order, until there is room. A number, or a mapping firm -> units with 'default' for the rest (without it, "
        "the rest has no limit) [choice: no limit].",
    )
    overflow_cost: PerFirm | None = Field(
        default=None,
        description="Cost per unit and period of what waits at the gate of a full stock; a number or mapping likewise "
        "(who is not named, and 'default' is neither, pays its holding cost) [choice: the holding cost].",
    )
    whole_units: Switch = Field(
        default=False,
        description="Everything is whole units: demand and orders are rounded to the nearest, and orders and scarce "
        "stock are split by largest remainders [choice: no, equal splits make fractions, as in the paper].",
    )
    disruptions: Annotated[Disruptions, BeforeValidator(_disruptions_of)] = Field(
        default=(),
        description="Firms that close, links that delay, demand that jumps, at given or random times; they show in "
        f"`infos`. A list, or the name of a set: {', '.join(DISRUPTION_SETS)} [choice: none].",
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
    initial_stock: PerFirm | None = Field(
        default=None,
        description="On-hand stock at the start, units, in place of initial_stock_periods: a number, or a mapping "
        "firm -> units, in which 'default' may stand for the rest [choice: none given].",
    )
    allocation: Literal["proportional", "priority"] = Field(
        default="proportional",
        description="How scarce stock is shared: in proportion to the claims [choice: fair, order-free], or by the "
        "customers' order in the network file (as other simulators do).",
    )
    reward: Literal["windowed", "cost"] = Field(
        default="windowed", description="Windowed discounted cost of eq. 11 [paper], or the immediate cost."
    )
    reward_window_end: Literal["after_arrival", "after_action"] = Field(
        default="after_arrival",
        description="Where the window of eq. 11 ends: dt periods after the action ('after_action') [paper], or dt "
        "periods after what was ordered can first arrive ('after_arrival'), so that dt means as many costs whatever "
        "the lead time [choice].",
    )
    reward_window: Annotated[int, BeforeValidator(whole(1, 1000))] = Field(
        default_factory=lambda data: 10 if data.get("reward_window_end") == "after_action" else 5,
        description="Window dt of eq. 11, periods; above the longest lead time where it ends after the action "
        "[choice: 5, and 10 where it ends after the action].",
    )
    reward_scope: Literal["own", "neighbours", "network"] = Field(
        default="own",
        description="Whose costs a firm is rewarded for: its own [paper], its own and those of its suppliers and "
        "customers, or everybody's; added in units of cost, with the firm's own window and scale.",
    )
    gamma: Annotated[float, BeforeValidator(number(0, 1, above=0))] = Field(
        default=0.95, description="Discount in eq. 11 [choice]."
    )
    reward_scale: Annotated[float, BeforeValidator(number(above=0))] = Field(
        default=0.1, description="c_r = -reward_scale / mean demand of the firm [choice]."
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Scenario:
        """A copy of what never changes is itself."""
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.warmup >= self.horizon:
            raise ValueError(f"warmup must be below horizon ({self.horizon}), got {self.warmup}")
        for field in ("order_lead_time", "shipment_lead_time"):
            self._check_links(field, getattr(self, field))
        self._check_names()
        with at("demand"):
            self.demand.moments(self.retailer_names)
        unit_costs_of(self.costs, self.network)
        self._check_window()
        return self

    def _check_window(self) -> None:
        """The window of eq. 11 begins before it ends."""
        if self.reward != "windowed" or self.reward_window_end != "after_action":
            return

        def leg(given: Any, name: Leg) -> list[PeriodsDistribution]:
            unit = self.stage_time_per_period
            return [link_lead_time(given, name, self.network, *link, unit) for link in order_links(self.network)]

        order, shipment = leg(self.order_lead_time, "order"), leg(self.shipment_lead_time, "shipment")
        longest = int(first_arrivals(self.network, order, shipment, self.order_crossing).max())
        if self.reward_window <= longest:
            raise FieldError(
                f"must exceed the longest lead time, {longest} periods from a decision to its goods' arrival, where "
                f"reward_window_end is 'after_action'; got {self.reward_window}",
                ("reward_window",),
            )

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
        """Numbers by firm and disruptions name firms, links and retailers of the network, and stage times are there."""
        for field in PER_FIRM_FIELDS:
            with at(field):
                require_firms(getattr(self, field), self.network, whole_units=self.whole_units and field in UNIT_FIELDS)
        for index, disruption in enumerate(self.disruptions):
            with at("disruptions", index):
                disruption.positions_in(self.network)
        with at("shipment_lead_time"):
            for link in order_links(self.network):
                link_lead_time(self.shipment_lead_time, "shipment", self.network, *link, self.stage_time_per_period)

    @property
    def retailer_names(self) -> tuple[str, ...]:
        """The firms that meet external demand, in agent order; the order of demand arrays [.., R]."""
        return tuple(self.network.agents[i] for i in self.network.retailers)
