"""The batched environment: B copies of one scenario that advance together. It owns state, random numbers and
history."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import methodcaller
from typing import Any, Literal

import numpy as np
from gymnasium.error import ResetNeeded

from scenv.errors import ActionError
from scenv.scenario.implied import extensions, observation_scale, orders_within_period
from scenv.scenario.scenario import Scenario
from scenv.simulation.adjoint import order_gradients
from scenv.simulation.array_ops import Array, backend_asarray, firms_first
from scenv.simulation.dynamics import LocalState, State, order_cost, order_quantity
from scenv.simulation.exogenous import Exogenous, draw_exogenous
from scenv.simulation.memory import check_memory
from scenv.simulation.observation import LOCAL_STATE_SIZE
from scenv.simulation.order_rules import reviewing
from scenv.simulation.ordering import asked
from scenv.simulation.random_streams import RandomStreams, Seed, checked_rows
from scenv.simulation.reward import reward_rule
from scenv.simulation.row_block import NumpyOutput, RowBlock, WholeOutput
from scenv.simulation.structure import build_structure

Info = dict[str, Array]
StepResult = tuple[Array, Array, np.ndarray, np.ndarray, Info]

#: Rows times firms that one block holds. Smaller blocks spend their time on calls, larger ones on memory: an array of
#: so many numbers (64 kB) and those made from it stay in a core's second-level cache (about 1 MB).
BLOCK_CELLS = 8000


class VectorEnv:
    """B environments of one scenario as arrays: the twin of `scenv.parallel_env` for learners and simulation studies.

    All rows start together and end together: an episode is `horizon` periods, the first of which `reset` shows, so
    `horizon` - 1 steps. The last step returns `truncated` all true (never `terminated`); the next call must be
    `reset`. There is no automatic reset.

    Row k of a batch that was reset with `seed=s` meets the same demand whatever B is; row 0 equals `parallel_env` reset
    with seed s. A sequence of B seeds sets each row as `parallel_env` would. `reset()` without a seed goes on to the
    seed's next episode.

    Arrays are fresh at every call and belong to the caller. Those of [B, N] numbers stand firm by firm in memory (they
    are transposed views), observations row by row.

    With `backend="torch"` all of it is tensors on `device`, and rewards, costs and observations carry the gradient
    with respect to the real-valued orders of `step_orders`.

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
        gamma: the scenario's discount.
        orders_within: [N] bool, which firms order within a period, with lead time 0 (`scenv.simulation.ordering`).
        reward_delay: [N] int64; the reward of step call s belongs to the action of step call s - reward_delay[i].
        observation_size: O = 5 (m + 1).
        observation_scale: [N] float64, each firm's mean demand: a hint for learners to divide observations by.
        differentiable: whether costs, rewards, observations and local states carry the gradient with respect to the
            orders of `step_orders`: with `backend="torch"`.
        last_info: the info of the latest `reset` or `step`; after `reset`, that of period 0. Always "cost" [B, N];
            with lost sales "lost_sales" [B, N], units of the period; with disruptions "closed" (bool), "delay" (the
            most periods that any of the firm's incoming links is delayed by) and "demand_factor", with rules for
            orders "review" (bool, whether the firm orders at the end of the period), "order_cost" (of the order that
            opened it) and "waiting" (units at the gate of a full stock), each [B, N].
        baselines: classical policies by name, the reference first: makers of fresh policies for this scenario, as
            `scenv.vector_env` gives them; empty where nobody did.
        firm_env: makes the simulator of one firm of this scenario, as `scenv.firm_env` does: call it with the firm's
            name, `num_envs`, `backend` and `seed`. None where nobody gave it.
        exogenous: all that this episode brings from outside, drawn at `reset`: demand, lead times, disruptions.
    """

    exogenous: Exogenous

    def __init__(
        self,
        scenario: Scenario,
        num_envs: int = 64,
        *,
        backend: Literal["numpy", "torch"] = "numpy",
        device: Any = None,
        seed: Seed = None,
        baselines: Mapping[str, Callable[[], Any]] | None = None,
        firm_env: Callable[..., Any] | None = None,
    ) -> None:
        """Use `scenv.vector_env`, which also loads the scenario and gives the baselines."""
        self.num_envs = checked_rows(num_envs)
        check_memory(scenario, self.num_envs)
        network = scenario.network
        self.scenario = scenario
        self._asarray = backend_asarray(backend, device)
        self.structure = build_structure(scenario, self._asarray)
        self.agents: tuple[str, ...] = network.agents
        self.adjacency_matrix: np.ndarray = network.adjacency_matrix
        self.adjustments = scenario.actions.adjustments
        self.num_actions = np.full(len(self.agents), len(self.adjustments))
        self.horizon = scenario.horizon
        self.warmup = scenario.warmup
        self.gamma = scenario.gamma
        self.observation_size = LOCAL_STATE_SIZE * (scenario.history + 1)
        self.observation_scale: np.ndarray = observation_scale(scenario)
        self.reward_delay: np.ndarray = reward_rule(scenario, self.structure).delay
        self.orders_within: np.ndarray = orders_within_period(scenario)
        self._streams = RandomStreams(self.num_envs, seed)
        self._on_numpy = backend == "numpy"
        self.differentiable = backend == "torch"
        self._blocks = [RowBlock(scenario, self.structure, rows) for rows in self._block_rows()]
        self._keeps_passages = False
        self._steps_left = 0
        self._disruption_infos: dict[str, np.ndarray] = {}
        self._more_infos = bool(extensions(scenario))
        self.last_info: Info = {}
        self.baselines: Mapping[str, Callable[[], Any]] = {} if baselines is None else dict(baselines)
        self.firm_env = firm_env

    def __deepcopy__(self, memo: dict[int, Any]) -> VectorEnv:
        """A twin that goes on from here exactly as this environment would, in the middle of an episode too.

        What is never written (scenario, structure, the episode's demand) is shared. With tensors, so is the gradient
        of all that has happened so far.
        """
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        for name, value in vars(self).items():
            if name != "last_info":
                setattr(twin, name, copy.deepcopy(value, memo))
        fresh = np.copy if self._on_numpy else methodcaller("clone")  # the caller may write into them
        twin.last_info = {name: fresh(array) for name, array in self.last_info.items()}
        return twin

    def _block_rows(self) -> list[slice]:
        """Blocks of equal size as far as may be; one for all rows where the backend has caches of its own."""
        rows = self.num_envs
        count = 1 if not self._on_numpy else max(1, round(rows * len(self.agents) / BLOCK_CELLS))
        edges = [k * rows // min(count, rows) for k in range(min(count, rows) + 1)]
        return [slice(start, stop) for start, stop in itertools.pairwise(edges)]

    @property
    def local_state(self) -> LocalState:
        """The firms' local states of the period just observed, five arrays [B, N]: what a policy decides on."""
        return self._joined_local(block.local for block in self._blocks)

    @property
    def state(self) -> State:
        """The full state of the simulation at the end of the period just observed, arrays [.., B]."""
        states = [block.state for block in self._blocks]
        slots = {
            name: tuple(self._joined(slot) for slot in zip(*(getattr(s, name) for s in states), strict=True))
            for name in ("orders", "shipments")
        }
        arrays = {
            name: self._joined([getattr(s, name) for s in states])
            for name in ("on_hand", "on_order", "backorder", "owed", "claims", "ordered")
        }
        for name in ("lost", "waiting"):
            parts = [getattr(s, name) for s in states]
            arrays[name] = None if parts[0] is None else self._joined(parts)
        return State(**arrays, **slots)

    @property
    def ordered(self) -> Array:
        """[B, N] what the firms ordered in the latest step, after closures and the scenario's rules for orders."""
        return self._joined([block.state.ordered for block in self._blocks]).T

    @property
    def answered_demand(self) -> Array:
        """[B, N] the demand d that an order max(0, d + a) of this period answers: the period's, or where firms review
        every so many periods, all since the firm's last review.
        """
        return self._joined([block.answered for block in self._blocks]).T

    def _outputs(self) -> NumpyOutput | WholeOutput:
        if self._on_numpy:
            return NumpyOutput(self.num_envs, len(self.agents), self.observation_size)
        return WholeOutput()

    def _adjustment(self, actions: Array) -> Array:
        """The adjustments [N, b] that actions [b, N] stand for: low .. high without gaps."""
        return firms_first(actions) + float(self.adjustments[0])

    def _joined(self, parts: Sequence[Array]) -> Array:
        """The blocks' arrays [.., b] side by side: [.., B]."""
        return parts[0] if len(parts) == 1 else self.structure.xp.concat(parts, axis=1)

    def _joined_local(self, parts: Iterable[LocalState]) -> LocalState:
        """The blocks' local states, fields [N, b], as one with fields [B, N]."""
        return LocalState(*(self._joined(fields).T for fields in zip(*parts, strict=True)))

    @property
    def period(self) -> int:
        """The period just observed, 0 after `reset`."""
        return self.horizon - 1 - self._steps_left

    def reset(self, seed: Seed = None, options: Mapping[str, Any] | None = None) -> Array:
        """Start an episode: live through period 0 and return its observations, [B, N, O] float32.

        Args:
            seed: a number for fresh random streams, a sequence of B numbers, or None to go on with the present streams.
            options: not used; accepted for the interface's sake.
        """
        if seed is not None:
            self._streams = RandomStreams(self.num_envs, seed)
        drawn = draw_exogenous(self.scenario, self.structure, self._streams)
        self.exogenous = drawn
        self._disruption_infos = drawn.infos(self.scenario)
        self._steps_left = self.horizon - 1
        outputs = self._outputs()
        for block in self._blocks:
            block.passages = [] if self._keeps_passages else None
            demand = self._asarray(np.ascontiguousarray(drawn.demand[block.rows].transpose(1, 2, 0)))
            block.start(demand, drawn.conditions_of(block.rows, self._asarray))
            outputs.take(block)
        self.last_info = self._info(outputs.cost)
        return outputs.observation

    def step(self, actions: Any) -> StepResult:
        """Order max(0, d + a) everywhere and live through the next period (paper section 4.2).

        Args:
            actions: [B, N] integers 0 .. |A|-1.

        Returns:
            (observations [B, N, O] float32, rewards [B, N], terminated [B] bool, truncated [B] bool, info), where
            `info["cost"]` [B, N] is the cost of the period just lived through.

        Raises:
            ActionError: if actions have the wrong shape or type or are out of range.
            gymnasium.error.ResetNeeded: before the first reset and after the last period.
        """
        self._require_running()
        return self.step_checked(self._checked_actions(actions))

    def step_checked(self, actions: Array) -> StepResult:
        """`step` for a caller who has checked the actions [B, N], an array of the backend, and that an episode runs."""
        return self._step(lambda block, period: block.adjusted_orders(self._adjustment(actions[block.rows]), period))

    def step_adjustments(self, adjustments: Any) -> StepResult:
        """Like `step`, with real adjustments a [B, N] (finite) instead of actions: every firm orders max(0, d + a)."""
        self._require_running()
        given = self._checked_quantities(adjustments, "adjustments", signed=True)
        return self._step(lambda block, period: block.adjusted_orders(firms_first(given[block.rows]), period))

    def step_policy(self, policy: Any) -> StepResult:
        """Like `step_orders`, with what `policy.orders(state)` orders (`scenv.policies.Policy`).

        A firm that orders within the period to come is asked when it knows that period's demand. Customers come first,
        so the policy is asked several times, of which only the last counts: before, copies of it are asked.
        """
        self._require_running()
        within = self.structure.within
        if within is None:
            return self.step_orders(policy.orders(self.local_state))
        observed = self.local_state
        orders = self._asarray(copy.deepcopy(policy).orders(observed))
        for left in reversed(range(within.rounds)):
            period, given = self.period + 1, orders
            seen = self._joined_local(b.seen_within(firms_first(given[b.rows]), period) for b in self._blocks)
            orders = self._asarray(asked(copy.deepcopy(policy) if left else policy, observed, seen))
        return self.step_orders(orders)

    def adjustments_of(self, actions: Any) -> Array:
        """The adjustments a [B, N] that actions [B, N] stand for.

        Raises:
            ActionError, gymnasium.error.ResetNeeded: as `step`.
        """
        self._require_running()
        return self._adjustment(self._checked_actions(actions)).T

    def orders_of(self, actions: Any) -> Array:
        """The order quantities [B, N] that actions [B, N] mean for the period just observed: max(0, d + a).

        A firm that orders within the period to come (`orders_within`) answers that period's demand instead, which
        nobody knows yet; `step` does so.

        Raises:
            ActionError, gymnasium.error.ResetNeeded: as `step`.
        """
        return order_quantity(self.local_state.demand, self.adjustments_of(actions))

    def step_orders(self, quantities: Any) -> StepResult:
        """Like `step`, with real order quantities [B, N] (finite, not negative) instead of actions."""
        self._require_running()
        orders = self._checked_quantities(quantities, "orders", signed=False)
        return self._step(lambda block, _: firms_first(orders[block.rows]))

    def _checked_quantities(self, values: Any, what: str, signed: bool) -> Array:
        array = self._asarray(values)
        if tuple(array.shape) != (self.num_envs, len(self.agents)):
            raise ActionError(f"{what} must have shape {(self.num_envs, len(self.agents))}, got {tuple(array.shape)}")
        enough = array > -np.inf if signed else array >= 0
        if not bool((enough & (array < np.inf)).all()):
            raise ActionError(f"{what} must be finite" + ("" if signed else " and not negative"))
        return array

    @property
    def has_order_gradients(self) -> bool:
        """Whether `order_gradients` knows this scenario's rules: on numpy, without `allocation="priority"`,
        `review_period` and `storage_capacity`.
        """
        structure = self.structure
        reviews = structure.rules is not None and structure.rules.review is not None
        return self._on_numpy and structure.priority is None and structure.storage is None and not reviews

    def keep_passages(self) -> None:
        """Keep the steps of every episode from the next `reset` on, for `order_gradients`."""
        self._keeps_passages = True

    def order_gradients(
        self, weights: np.ndarray, by_observation: Sequence[np.ndarray], by_demand: Sequence[np.ndarray]
    ) -> np.ndarray:
        """How weighted sums of costs change with each order of the episode just played, the firms' reactions included.

        Args:
            weights: [T, K, N]; sum k counts weights[t, k, j] times the cost of firm j in period t, over rows. K = 1, or
                K = N: then each firm's orders are asked for the firm's own sum.
            by_observation: for each of the T - 1 steps [N, O, B], the derivative of a firm's order by its observation.
            by_demand: for each step [N, B], its derivative by the local state's demand beside that.

        Returns:
            [T - 1, N, B]: the gradients with respect to the quantities of each `step_orders`.

        Raises:
            ValueError: if the episode was not kept (`keep_passages`) or has not ended, or not `has_order_gradients`.
        """
        if not self.has_order_gradients or not self._keeps_passages or self._steps_left > 0:
            raise ValueError(
                "order_gradients needs a whole episode on numpy, played after keep_passages(), and has_order_gradients"
            )
        parts = []
        for block in self._blocks:
            assert block.passages is not None
            rows = block.rows
            seen = [step[:, :, rows] for step in by_observation]
            parts.append(
                order_gradients(self.structure, block.passages, weights, seen, [step[:, rows] for step in by_demand])
            )
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _step(self, orders_of_block: Callable[[RowBlock, int], Array]) -> StepResult:
        period = self.period + 1
        self._steps_left -= 1
        outputs = self._outputs()
        for block in self._blocks:
            block.step(orders_of_block(block, period), period)
            outputs.take(block)
        self.last_info = self._info(outputs.cost)
        terminated = np.zeros(self.num_envs, dtype=bool)
        truncated = np.full(self.num_envs, self._steps_left == 0)
        return outputs.observation, outputs.reward, terminated, truncated, self.last_info

    def _info(self, cost: Array) -> Info:
        """Costs [B, N], and what lost sales and disruptions do in the period just observed."""
        info = {"cost": cost}
        if not self._more_infos:
            return info
        if self.structure.lost_sales:
            info["lost_sales"] = self._joined([block.state.lost for block in self._blocks]).T
        info |= self._practice_info(cost)
        for name, path in self._disruption_infos.items():
            info[name] = self._asarray(path[:, self.period].copy())
        return info

    def _practice_info(self, cost: Array) -> Info:
        """What the scenario's rules for orders do in the period just observed, arrays [B, N]."""
        structure, info = self.structure, {}
        review = reviewing(structure.rules, self.period)
        if review is not None:
            info["review"] = (review.T + 0.0 * cost) > 0
        if structure.order_cost is not None:
            info["order_cost"] = order_cost(structure, self.ordered.T).T
        if structure.storage is not None:
            info["waiting"] = self._joined([block.state.waiting for block in self._blocks]).T
        return info

    def _require_running(self) -> None:
        if self._steps_left == 0:
            raise ResetNeeded(
                f"call reset() before step(): an episode has {self.horizon - 1} steps, and none is under way"
            )

    def _checked_actions(self, actions: Any) -> Array:
        array = self._asarray(actions)
        shape = (self.num_envs, len(self.agents))
        if tuple(array.shape) != shape:
            raise ActionError(f"actions must have shape {shape}, got {tuple(array.shape)}")
        if not self.structure.xp.isdtype(array.dtype, "integral"):
            raise ActionError(f"actions must be integers, got {array.dtype}")
        if bool(((array < 0) | (array >= len(self.adjustments))).any()):
            low, high = int(array.min()), int(array.max())
            raise ActionError(f"actions must be in 0 .. {len(self.adjustments) - 1}, got {low} .. {high}")
        return array
