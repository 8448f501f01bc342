"""Pass-through: order exactly what was ordered from you, the action a = 0."""

from __future__ import annotations

from typing import Any

from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState


class PassThrough:
    """q_i = d_i. It never corrects a wrong stock, so it shows what the initial state alone is worth."""

    def __init__(self, scenario: Any = "r2") -> None:
        """The scenario does not matter; it is accepted so that all policies are made alike."""

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Nothing to forget."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]: this period's demand."""
        return state.demand
