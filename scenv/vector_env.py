"""The batched environment: B copies of one scenario that advance together. It owns state, random numbers and
history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import networkx as nx
import numpy as np
from gymnasium.error import ResetNeeded

from scenv.array_ops import Array, backend_asarray
from scenv.dynamics import LocalState, State, advance, initial_state, transition
from scenv.errors import ActionError
from scenv.network import Network
from scenv.observation import LOCAL_STATE_SIZE, History
from scenv.policies.base import Policy
from scenv.random_streams import RandomStreams, Seed
from scenv.reward import ImmediateReward, RewardRule, WindowedReward
from scenv.scenario import Scenario
from scenv.scenario_files import load_scenario
from scenv.structure import build_structure

Info = dict[str, Array]
StepResult = tuple[Array, Array, np.ndarray, np.ndarray, Info]


class VectorEnv:
    """B environments of one scenario as arrays: the twin of `scenv.parallel_env` for learners and simulation studies.

    All rows start together and end together: an episode is `horizon` periods, the first of which `reset` shows, so
    `horizon` - 1 steps. The last step returns `truncated` all true (never `terminated`); the next call must be
    `reset`. There is no automatic reset.

    Row k of a batch that was reset with `seed=s` meets the demand of the k-th spawned child of
    `numpy.random.SeedSequence(s)`, whatever B is; row 0 equals `parallel_env` reset with seed s. A sequence of B seeds
    sets each row as `parallel_env` would.

    Attributes:
        scenario: the frozen scenario.
        structure: the scenario compiled to arrays.
        agents: the N firms, nearest the customer first; the order of every [.., N] array.
        adjacency_matrix: [N, N] int8, -1 where row supplies column, +1 where row is a customer of column (paper
            section 4.3).
        num_envs: B.
        num_actions: [N] int64, |A| of each firm.
        adjustments: [|A|] int64, the adjustment a that each action 0 .. |A|-1 stands for.
        horizon, warmup: periods of an episode; how many of the first do not count.
        reward_delay: [N] int64; the reward of step call s belongs to the action of step call s - reward_delay[i].
        observation_size: O = 5 (m + 1).
        observation_scale: [N] float64, each firm's mean demand: a hint for learners to divide observations by.
        last_info: the info of the latest `reset` or `step`; after `reset`, the cost of period 0.
    """

    def __init__(
        self,
        scenario: Scenario,
        num_envs: int = 64,
        *,
        backend: Literal["numpy", "torch"] = "numpy",
        device: Any = None,
        seed: Seed = None,
    ) -> None:
        """Use `scenv.vector_env`, which also loads the scenario."""
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        network = scenario.network
        self.scenario = scenario
        self._asarray = backend_asarray(backend, device)
        self.structure = build_structure(scenario, self._asarray)
        self.agents: tuple[str, ...] = network.agents
        self.adjacency_matrix: np.ndarray = network.adjacency_matrix
        self.num_envs = num_envs
        self.adjustments = scenario.actions.adjustments
        self.num_actions = np.full(len(self.agents), len(self.adjustments))
        self.horizon = scenario.horizon
        self.warmup = scenario.warmup
        self.observation_size = LOCAL_STATE_SIZE * (scenario.history + 1)
        self.observation_scale: np.ndarray = scenario.firm_demand_moments()[0]
        self._reward = _reward_rule(self)
        self.reward_delay: np.ndarray = self._reward.delay
        self._adjustments = self._asarray(self.adjustments.astype(np.float64))
        self._streams = RandomStreams(num_envs, seed)
        self._steps_left = 0
        self.last_info: Info = {}

    @property
    def local_state(self) -> LocalState:
        """The firms' local states of the period just observed, five arrays [B, N]: what a policy decides on."""
        return self._local

    @property
    def state(self) -> State:
        """The full state of the simulation at the end of the period just observed."""
        return self._state

    @property
    def period(self) -> int:
        """The period just observed, 0 after `reset`."""
        return self.horizon - 1 - self._steps_left

    @property
    def baselines(self) -> Mapping[str, Callable[[], Policy]]:
        """Classical policies by name, the yardstick first: makers of fresh policies for this scenario."""
        from scenv.policies import baselines  # policies evaluate on environments, so they are imported late

        return baselines(self.scenario)

    def reset(self, seed: Seed = None, options: Mapping[str, Any] | None = None) -> Array:
        """Start an episode: live through period 0 and return its observations, [B, N, O] float32.

        Args:
            seed: a number for fresh random streams, a sequence of B numbers, or None to go on with the present streams.
            options: not used; accepted for the interface's sake.
        """
        if seed is not None:
            self._streams = RandomStreams(self.num_envs, seed)
        self._demand = self._asarray(self._streams.demand(self.scenario))
        before = initial_state(self.structure, self.num_envs)
        self._state, self._local, cost = advance(self.structure, before, self._demand[0])
        self._steps_left = self.horizon - 1
        self._history = History(self.num_envs, len(self.agents), self.horizon, self.scenario.history, like=cost)
        self._reward.start(cost)
        self.last_info = {"cost": cost}
        return self._history.append(self._local)

    def step(self, actions: Any) -> StepResult:
        """Order max(0, d + a) everywhere and live through the next period (paper section 4.2).

        Args:
            actions: [B, N] integers 0 .. |A|-1.

        Returns:
            (observations [B, N, O] float32, rewards [B, N], terminated [B] bool, truncated [B] bool, info), where
            info["cost"] [B, N] is the cost of the period just lived through.

        Raises:
            ActionError: if actions have the wrong shape or type or are out of range.
            gymnasium.error.ResetNeeded: before the first reset and after the last period.
        """
        return self._step(self.orders_of(actions))

    def orders_of(self, actions: Any) -> Array:
        """The order quantities [B, N] that actions [B, N] mean for the period just observed: max(0, d + a).

        Raises:
            ActionError, gymnasium.error.ResetNeeded: as `step`.
        """
        self._require_running()
        adjustment = self._adjustments[self._checked_actions(actions)]
        return (self._local.demand + adjustment).clip(0)

    def step_orders(self, quantities: Any) -> StepResult:
        """Like `step`, with real order quantities [B, N] (finite, not negative) instead of actions."""
        self._require_running()
        orders = self._asarray(quantities)
        if tuple(orders.shape) != (self.num_envs, len(self.agents)):
            raise ActionError(f"orders must have shape {(self.num_envs, len(self.agents))}, got {tuple(orders.shape)}")
        if not bool(((orders >= 0) & (orders < np.inf)).all()):
            raise ActionError("orders must be finite and not negative")
        return self._step(orders)

    def _step(self, orders: Array) -> StepResult:
        demand = self._demand[self.period + 1]
        self._state, self._local, cost = transition(self.structure, self._state, orders, demand)
        self._steps_left -= 1
        self.last_info = {"cost": cost}
        ended = np.full(self.num_envs, self._steps_left == 0)
        observation = self._history.append(self._local)
        return observation, self._reward.step(cost), np.zeros(self.num_envs, dtype=bool), ended, self.last_info

    def _require_running(self) -> None:
        if self._steps_left == 0:
            raise ResetNeeded(
                f"call reset() before step(): an episode has {self.horizon - 1} steps, and none is under way"
            )

    def _checked_actions(self, actions: Any) -> Array:
        array = np.asarray(actions) if isinstance(actions, (Sequence, np.generic)) else actions
        shape = (self.num_envs, len(self.agents))
        if tuple(array.shape) != shape:
            raise ActionError(f"actions must have shape {shape}, got {tuple(array.shape)}")
        if not any(kind in str(array.dtype) for kind in ("int", "long")):
            raise ActionError(f"actions must be integers, got {array.dtype}")
        if bool(((array < 0) | (array >= len(self.adjustments))).any()):
            raise ActionError(
                f"actions must be in 0 .. {len(self.adjustments) - 1}, got {int(array.min())} .. {int(array.max())}"
            )
        return array


def _reward_rule(env: VectorEnv) -> RewardRule:
    scenario = env.scenario
    if scenario.reward == "cost":
        return ImmediateReward(env.structure, scenario.reward_scale)
    return WindowedReward(env.structure, scenario.reward_window, scenario.gamma, scenario.reward_scale)


def vector_env(
    scenario: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2",
    num_envs: int = 64,
    *,
    backend: Literal["numpy", "torch"] = "numpy",
    device: Any = None,
    seed: Seed = None,
    **overrides: Any,
) -> VectorEnv:
    """Make `num_envs` copies of a scenario that advance together; see `VectorEnv`.

    Args:
        scenario: name (bg, r1, r2, r3), path of a scenario or network file, mapping, graph or Scenario.
        num_envs: B.
        backend: the array library; "torch" keeps everything on `device` and is differentiable with respect to orders.
        device: the torch device, e.g. "cuda".
        seed: of the random streams; None draws fresh entropy.
        **overrides: fields of the scenario, e.g. `shipment_lead_time=3`.

    Example:
        >>> env = vector_env("r2", num_envs=8, seed=0)
        >>> env.reset().shape
        (8, 22, 30)
    """
    return VectorEnv(load_scenario(scenario, **overrides), num_envs, backend=backend, device=device, seed=seed)
