"""What a policy is: it sees each firm's local state and says how much each firm orders."""

from __future__ import annotations

from typing import Protocol

from scenv.array_ops import Array
from scenv.dynamics import LocalState


class Policy(Protocol):
    """A rule that every firm follows. Write your own in ten lines: a class with these two methods.

    Example:
        >>> class OrderUpTo100:
        ...     def reset(self, num_envs, seed=None):
        ...         pass
        ...     def orders(self, state):
        ...         position = state.on_hand + state.on_order - state.backorder
        ...         return (100.0 - position).clip(0)
    """

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forget the past: `num_envs` episodes begin."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N], finite and not negative, for the period just observed."""
