"""Unit costs of a scenario: presets, tables by hand, and what the network file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from scenv.errors import did_you_mean, shown
from scenv.network.network import Network
from scenv.scenario.fields import FieldError, number, number_or_named, read_model

__all__ = ["CostPreset", "CostTable", "Costs", "unit_costs_of"]

CostPreset = Literal["data", "uniform", "cs2000"]
_PRESETS = ("data", "uniform", "cs2000")

#: Chen & Samroengraja (2000): holding cost by stage, nearest the customer first; backorder cost at retailers only.
CS2000_HOLDING: Mapping[int, tuple[float, ...]] = {4: (1.0, 0.75, 0.5, 0.25), 5: (1.0, 0.8, 0.6, 0.4, 0.2)}
CS2000_BACKORDER = 10.0

PerFirm = Annotated[float | Mapping[str, float], BeforeValidator(number_or_named(number()))]


class CostTable(BaseModel):
    """Unit costs given by hand instead of a preset.

    Attributes:
        holding: cost per unit in stock and period, one number or a mapping firm -> number; the data's when left out.
        backorder: cost per unit owed and period, likewise.
        backorder_ratio: backorder cost as a multiple of the firm's holding cost; not together with `backorder`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    holding: PerFirm | None = None
    backorder: PerFirm | None = None
    backorder_ratio: Annotated[float, BeforeValidator(number())] | None = None

    @model_validator(mode="after")
    def _one_backorder(self) -> CostTable:
        if self.backorder is not None and self.backorder_ratio is not None:
            raise FieldError("give backorder or backorder_ratio, not both")
        return self


def _read_costs(value: Any) -> CostPreset | CostTable:
    if isinstance(value, str) and value in _PRESETS:
        return value  # type: ignore[return-value]
    if isinstance(value, str) or not isinstance(value, Mapping | CostTable):
        hint = did_you_mean(value, _PRESETS) if isinstance(value, str) else ""
        presets = ", ".join(map(repr, _PRESETS))
        raise FieldError(
            f"must be {presets}, or a mapping with holding, backorder or backorder_ratio; got {shown(value)}{hint}"
        )
    return read_model(CostTable, value)


Costs = Annotated[CostPreset | CostTable, BeforeValidator(_read_costs)]


def unit_costs_of(costs: CostPreset | CostTable, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Holding [N] and backorder [N] cost per unit and period (paper eq. 1: c_h, c_b).

    Raises:
        ValueError: if the network file has no costs and `costs` gives none, or a preset does not fit the network.
    """
    if costs == "uniform":
        return np.full(len(network.agents), 0.5), np.full(len(network.agents), 1.0)
    if costs == "cs2000":
        return _cs2000_costs(network)
    table = costs if isinstance(costs, CostTable) else CostTable()
    holding = _given_or(table.holding, network.holding_cost, network, "holding")
    if table.backorder_ratio is not None:
        return holding, table.backorder_ratio * holding
    return holding, _given_or(table.backorder, network.backorder_cost, network, "backorder")


def _given_or(value: Any, data: np.ndarray, network: Network, field: str) -> np.ndarray:
    """Costs by hand, [N], with the network file's where none are given."""
    costs = np.array(data, dtype=np.float64)
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in network.agents]
        if unknown:
            hint = did_you_mean(unknown[0], network.agents)
            raise ValueError(f"costs.{field} names {shown(unknown[0])}, no firm of network {network.name!r}{hint}")
        for name, cost in value.items():
            costs[network.index(name)] = cost
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
