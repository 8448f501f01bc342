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

from scenv.demand import Demand, NonNegative, PoissonDemand
from scenv.network import Network, load_network

LeadTime = Annotated[int, Field(ge=1, le=200, strict=True)]
CostPreset = Literal["data", "uniform", "cs2000"]

#: Chen & Samroengraja (2000): holding cost by stage, nearest the customer first; backorder cost at retailers only.
CS2000_HOLDING: Mapping[int, tuple[float, ...]] = {4: (1.0, 0.75, 0.5, 0.25), 5: (1.0, 0.8, 0.6, 0.4, 0.2)}
CS2000_BACKORDER = 10.0


def _as_network(value: Any) -> Any:
    return load_network(value) if isinstance(value, (str, nx.Graph)) or hasattr(value, "__fspath__") else value


class ActionRange(BaseModel):
    """The finite action set A of every firm: the integers low .. high [paper, Table 2]."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    low: Annotated[int, Field(ge=-100_000, le=100_000)]
    high: Annotated[int, Field(ge=-100_000, le=100_000)]

    @model_validator(mode="after")
    def _ordered(self) -> ActionRange:
        if self.low > self.high:
            raise ValueError(f"low must not exceed high, got {self.low} > {self.high}")
        return self

    @property
    def adjustments(self) -> np.ndarray:
        """[|A|] int64: the adjustment a that each action 0 .. |A|-1 stands for."""
        return np.arange(self.low, self.high + 1)


class CostTable(BaseModel):
    """Unit costs given by hand instead of a preset.

    Attributes:
        holding: cost per unit in stock and period, one number or a mapping firm -> number; the data's when left out.
        backorder: cost per unit owed and period, likewise.
        backorder_ratio: backorder cost as a multiple of the firm's holding cost; not together with `backorder`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    holding: NonNegative | Mapping[str, NonNegative] | None = None
    backorder: NonNegative | Mapping[str, NonNegative] | None = None
    backorder_ratio: NonNegative | None = None

    @model_validator(mode="after")
    def _one_backorder(self) -> CostTable:
        if self.backorder is not None and self.backorder_ratio is not None:
            raise ValueError("give backorder or backorder_ratio, not both")
        return self


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
    actions: ActionRange = Field(
        default=ActionRange(low=-4, high=10),
        description="Adjustments a that a learner may choose; it orders max(0, d + a) [paper, Table 2; floor: choice].",
    )
    horizon: int = Field(default=50, ge=2, le=100_000, description="Periods of an episode, a truncation [paper].")
    warmup: int = Field(default=5, ge=0, description="First periods that do not count in the total cost [paper].")
    history: int = Field(default=5, ge=0, le=1000, description="m: an observation holds m + 1 periods [paper: 5].")
    order_lead_time: LeadTime | Mapping[str, LeadTime] = Field(
        default=1,
        description="Periods from an order to its arrival at the supplier; a number, or a mapping from "
        "'supplier -> customer' to a number, with 'default' for the rest [choice: an order placed at the end of a "
        "period is seen in the next].",
    )
    shipment_lead_time: LeadTime | Mapping[str, LeadTime] = Field(
        default=2, description="Periods from shipping to receipt, likewise; the paper uses 1, 2 and 3 [choice: 2]."
    )
    costs: CostPreset | CostTable = Field(
        default="data",
        description="'data' (the network file's), 'uniform' (0.5 and 1), 'cs2000' (Chen & Samroengraja's "
        "beer game), or {holding, backorder, backorder_ratio} [choice: the paper prints none].",
    )
    initial_stock_periods: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
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
    reward_window: int = Field(default=5, ge=1, le=1000, description="Window dt of eq. 11, periods [choice].")
    gamma: float = Field(default=0.95, gt=0, le=1, description="Discount in eq. 11 [choice].")
    reward_scale: float = Field(
        default=0.1, gt=0, allow_inf_nan=False, description="c_r = -reward_scale / mean demand of the firm [choice]."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.warmup >= self.horizon:
            raise ValueError(f"warmup must be below horizon ({self.horizon}), got {self.warmup}")
        known = {"default", *(f"{u} -> {v}" for u, v in self.network.edges)}
        known |= {f"external -> {self.network.agents[i]}" for i in self.network.sources}
        for field in ("order_lead_time", "shipment_lead_time"):
            value = getattr(self, field)
            unknown = sorted(set(value) - known) if isinstance(value, Mapping) else []
            if unknown:
                raise ValueError(
                    f"{field} names {unknown[0]!r}, which is no edge of network {self.network.name!r}; "
                    "write 'supplier -> customer', 'external -> source' or 'default'"
                )
        self.demand.moments(self.retailer_names)
        self.unit_costs()
        return self

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

        For retailers r with independent demand: mean sum_r W_ir mean_r, variance sum_r W_ir^2 var_r, where W_ir is the
        share of r's demand that reaches firm i when every firm passes its demand on with equal split.
        """
        mean, std = self.demand.moments(self.retailer_names)
        weights = self.network.demand_weights
        return weights @ mean, np.sqrt(weights**2 @ std**2)

    def unit_costs(self) -> tuple[np.ndarray, np.ndarray]:
        """Holding [N] and backorder [N] cost per unit and period (paper eq. 1: c_h, c_b).

        Raises:
            ValueError: if the network file has no costs and `costs` gives none, or a preset does not fit the network.
        """
        if self.costs == "uniform":
            return np.full(len(self.network.agents), 0.5), np.full(len(self.network.agents), 1.0)
        if self.costs == "cs2000":
            return _cs2000_costs(self.network)
        table = self.costs if isinstance(self.costs, CostTable) else CostTable()
        holding = _given_or(table.holding, self.network.holding_cost, self.network, "holding")
        if table.backorder_ratio is not None:
            return holding, table.backorder_ratio * holding
        return holding, _given_or(table.backorder, self.network.backorder_cost, self.network, "backorder")


def _given_or(value: Any, data: np.ndarray, network: Network, field: str) -> np.ndarray:
    """Costs by hand, [N], with the network file's where none are given."""
    costs = np.array(data, dtype=np.float64)
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in network.agents]
        if unknown:
            raise ValueError(f"costs.{field} names {unknown[0]!r}, which is no firm of network {network.name!r}")
        for name, cost in value.items():
            costs[network.agents.index(name)] = cost
    elif value is not None:
        costs[:] = value
    missing = np.flatnonzero(np.isnan(costs))
    if len(missing):
        raise ValueError(
            f"firm {network.agents[missing[0]]!r} of network {network.name!r} has no {field} cost; "
            "give holding_cost or stage_cost in the network file, or costs='uniform'"
        )
    return costs


def _cs2000_costs(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Chen & Samroengraja's costs: holding falls upstream by stage, backorders cost at retailers only."""
    stages = np.array([network.stages[name] for name in network.agents])
    holding = CS2000_HOLDING.get(int(stages.max()) + 1)
    if holding is None:
        raise ValueError(
            f"costs='cs2000' is defined for 4 or 5 stages; network {network.name!r} has {stages.max() + 1}"
        )
    backorder = np.zeros(len(stages))
    backorder[network.retailers] = CS2000_BACKORDER
    return np.array(holding)[stages], backorder
