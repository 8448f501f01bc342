"""Mixed: each firm follows a policy of its own, learned or classical."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scenv.errors import ScenarioError, did_you_mean
from scenv.policies.base import Policy, as_array_like
from scenv.scenario.files import load_scenario
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import LocalState
from scenv.simulation.ordering import asked


class Mixed:
    """Some firms follow one policy, some another: what a learner is worth when its neighbours do not learn.

    Example:
        >>> from scenv.policies import BaseStock, Mixed, Sterman
        >>> policy = Mixed("bg", {"ret_0": Sterman("bg")}, others=BaseStock("bg"))
    """

    def __init__(self, scenario: Any, policies: Mapping[str, Policy], *, others: Policy | None = None) -> None:
        """Assign policies, each made for the whole scenario; only its own firms' orders are used.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            policies: firm -> policy. The same object may serve several firms.
            others: the policy of every firm that `policies` does not name.

        Raises:
            ScenarioError: for an unknown firm, or a firm without a policy.
        """
        agents = load_scenario(scenario).network.agents
        for name in policies:
            if name not in agents:
                raise ScenarioError(f"policies: unknown firm {name!r}{did_you_mean(name, agents)}")
        followed: dict[int, tuple[Policy, np.ndarray]] = {}
        for i, name in enumerate(agents):
            policy = policies.get(name, others)
            if policy is None:
                raise ScenarioError(f"policies: firm {name!r} has no policy; name it or give `others`")
            followed.setdefault(id(policy), (policy, np.zeros(len(agents), dtype=bool)))[1][i] = True
        self._followed = tuple(followed.values())

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Reset every policy."""
        for policy, _ in self._followed:
            policy.reset(num_envs, seed)

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]: each firm's column from its own policy."""
        return self._columns(state, lambda policy: policy.orders(state))

    def orders_within(self, observed: LocalState, seen: LocalState) -> Array:
        """The same where firms order within a period, see `Policy`."""
        return self._columns(seen, lambda policy: asked(policy, observed, seen))

    def _columns(self, state: LocalState, ask: Callable[[Policy], Array]) -> Array:
        xp = namespace(state.demand)
        orders = xp.zeros_like(state.demand)
        for policy, mine in self._followed:
            own = as_array_like(mine, state.demand) > 0
            orders = xp.where(own, ask(policy), orders)
        return orders
