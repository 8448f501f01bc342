"""Base stock (BS), the paper's first benchmark (section 5.2): order up to a fixed level of the inventory position."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from scenv.array_ops import Array, namespace
from scenv.dynamics import LocalState
from scenv.scenario import Scenario
from scenv.structure import build_structure


def base_stock_levels(scenario: Scenario, service_level: float = 0.95) -> np.ndarray:
    """S_i = D_i LT_i + z std(D_i) sqrt(LT_i), [N] units (paper section 5.2).

    D_i and std(D_i) are the mean and standard deviation of the demand that reaches firm i when every firm passes
    demand on with equal split; LT_i is its longest order + shipment lead time; z is the standard normal quantile of
    `service_level`.
    """
    mean, std = scenario.firm_demand_moments()
    lead_time = build_structure(scenario).lead_time
    return mean * lead_time + NormalDist().inv_cdf(service_level) * std * np.sqrt(lead_time)


class BaseStock:
    """Order what lifts the inventory position IL + OO - BO to the level S_i, never less than 0.

    Attributes:
        levels: [N] units.
    """

    def __init__(
        self, scenario: Any = "r2", *, levels: Mapping[str, float] | None = None, service_level: float = 0.95
    ) -> None:
        """Levels by the paper's formula at `service_level`, or given for every firm.

        Raises:
            ValueError: if `levels` misses a firm, names an unknown one or is not finite, or `service_level` is not in
                (0, 1).
        """
        from scenv.scenario_files import load_scenario

        scenario = load_scenario(scenario)
        if not 0 < service_level < 1:
            raise ValueError(f"service_level must be between 0 and 1, got {service_level}")
        self.levels = (
            base_stock_levels(scenario, service_level)
            if levels is None
            else _levels_of(levels, scenario.network.agents)
        )

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Nothing to forget: the rule looks at the present only."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]: max(0, S_i - (IL + OO - BO))."""
        xp = namespace(state.on_hand)
        position = state.on_hand + state.on_order - state.backorder
        return xp.clip(xp.asarray(self.levels, device=getattr(position, "device", None)) - position, 0.0, None)


def _levels_of(levels: Mapping[str, float], agents: tuple[str, ...]) -> np.ndarray:
    missing = [name for name in agents if name not in levels]
    unknown = [name for name in levels if name not in agents]
    if missing or unknown:
        raise ValueError(f"levels must name every firm once; missing {missing}, unknown {unknown}")
    values = np.array([float(levels[name]) for name in agents])
    if not np.isfinite(values).all():
        raise ValueError("levels must be finite")
    return values
