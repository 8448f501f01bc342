"""Pass-through: order exactly what was ordered from you, the action a = 0."""

from __future__ import annotations

from typing import Any

from scenv.policies.base import AnsweredDemand
from scenv.scenario.files import load_scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState


class PassThrough:
    """q_i = d_i. It never corrects a wrong stock, so it shows what the initial state alone is worth."""

    def __init__(self, scenario: Any = "r2") -> None:
        """Take the scenario's review periods: after one, a firm orders what was ordered from it since the last."""
        self._answered = AnsweredDemand(load_scenario(scenario))

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forget the demand since the last review."""
        self._answered.reset()

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]: this period's demand, with a review period all since the last review."""
        return self._answered.of(state.demand)
