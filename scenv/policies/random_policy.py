"""Random: an untrained learner that picks each adjustment with the same probability."""

from __future__ import annotations

from typing import Any

import numpy as np

from scenv.policies.base import AnsweredDemand, as_array_like, at_least_zero
from scenv.scenario.files import load_scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState


class RandomPolicy:
    """q_i = max(0, d_i + a), a uniform over the scenario's action set."""

    def __init__(self, scenario: Any = "r2") -> None:
        """Take the action set of the scenario."""
        loaded = load_scenario(scenario)
        self._adjustments = loaded.actions.adjustments.astype(np.float64)
        self._answered = AnsweredDemand(loaded)
        self._rng = np.random.default_rng()

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Restart the random stream where a seed is given."""
        self._answered.reset()
        if seed is not None:
            self._rng = np.random.default_rng(seed)

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]."""
        adjustment = self._rng.choice(self._adjustments, size=tuple(state.demand.shape))
        return at_least_zero(self._answered.of(state.demand) + as_array_like(adjustment, state.demand))
