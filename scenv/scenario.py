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
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from scenv.costs import Costs, unit_costs
from scenv.demand import Demand, PoissonDemand
from scenv.errors import did_you_mean, shown
from scenv.field_types import FieldError, at, number, number_or_named, read_model, whole
from scenv.network import Network, load_network

LeadTime = Annotated[int | Mapping[str, int], BeforeValidator(number_or_named(whole(1, 200)))]


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
    order_lead_time: LeadTime = Field(
        default=1,
        description="Periods from an order to its arrival at the supplier; a number, or a mapping from "
        "'supplier -> customer' to a number, with 'default' for the rest [choice: an order placed at the end of a "
        "period is seen in the next].",
    )
    shipment_lead_time: LeadTime = Field(
        default=2, description="Periods from shipping to receipt, likewise; the paper uses 1, 2 and 3 [choice: 2]."
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

    @property
    def retailer_names(self) -> tuple[str, ...]:
        """The firms that meet external demand, in agent order; the order of demand arrays [.., R]."""
        return tuple(self.network.agents[i] for i in self.network.retailers)

    def lead_time_of(self, stage: Literal["order", "shipment"], supplier: str | None, customer: str) -> int:
        """Lead time of one link in periods; `supplier` None is the external supplier of a source.

        A mapping's own entry comes first, then the edge's attribute in the network file, then the default.
        """
        field = f"{stage}_lead_time"
        value = getattr(self, field)
        if isinstance(value, Mapping):
            own = value.get(f"{supplier or 'external'} -> {customer}")
            if own is not None:
                return int(own)
            value = value.get("default", type(self).model_fields[field].default)
        if supplier is not None:
            given = self.network.edge_attributes[supplier, customer][field]
            if given is not None:
                return int(given)
        return int(value)

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
