"""Some rows of a batch that are simulated together: few enough that all they touch in a period stays in the cache."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from scenv.scenario.scenario import Scenario
from scenv.simulation.adjoint import Passage
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import (
    USUAL,
    Conditions,
    LocalState,
    State,
    advance,
    initial_state,
    order_conditions,
    order_cost,
    transition,
)
from scenv.simulation.exogenous import RowConditions
from scenv.simulation.observation import History, empty_history
from scenv.simulation.order_rules import reviewing, unanswered
from scenv.simulation.ordering import adjusted_orders, first_orders_placed, seen_within
from scenv.simulation.reward import RewardRule, reward_rule
from scenv.simulation.structure import Structure


class RowBlock:
    """Rows `rows` of the batch, b of them, with arrays [N, b]: firms first, as `scenv.simulation.dynamics` wants them.

    Attributes:
        rows: which rows of the batch.
        state: everything that is held, owed and under way at the end of the period just observed.
        local: the firms' local states of that period.
        cost: [N, b] cost of that period.
        reward: [N, b] rewards of the latest step; zeros before the first.
        passages: the episode's steps so far, where they are kept for `order_gradients`.
        observation: [b, N, O] float32; to be read only, and only until the next period.
    """

    state: State
    local: LocalState
    cost: Array
    reward: Array
    observation: Array

    def __init__(self, scenario: Scenario, structure: Structure, rows: slice) -> None:
        self.rows = rows
        self._scenario = scenario
        self._structure = structure
        self._size = rows.stop - rows.start
        self._reward: RewardRule = reward_rule(scenario, structure)
        self._history: History
        self._demand: Array
        self._conditions: tuple[Conditions, ...] | None = None
        rules = structure.rules
        self._reviews = rules is not None and rules.review is not None
        self._unanswered: Array | None = None  # demand since each firm's last review, before the period just observed
        self.passages: list[Passage] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> RowBlock:
        """A twin with a history and a reward rule of its own; the period's arrays are never written, so shared."""
        twin = copy.copy(self)
        twin._reward = copy.deepcopy(self._reward, memo)
        if hasattr(self, "_history"):  # an episode has begun
            twin._history = copy.deepcopy(self._history, memo)
        return twin

    def start(self, demand: Array, conditions: RowConditions | None = None) -> None:
        """Live through period 0 of an episode whose external demand is `demand` [T, R, b]; without `conditions`, lead
        times are fixed and nothing is disrupted.
        """
        structure, scenario = self._structure, self._scenario
        self._demand = demand
        self._conditions = None if conditions is None else conditions.periods
        if conditions is None:
            before, first = initial_state(structure, self._size), USUAL
        else:
            before = initial_state(structure, self._size, conditions.orders_under_way, conditions.shipments_under_way)
            first = conditions.periods[0]
        before = first_orders_placed(structure, before, demand[0, ...], first)
        self.state, self.local, self.cost = advance(structure, before, demand[0, ...], first)
        self._history = empty_history(
            self._size, structure.num_firms, scenario.horizon, scenario.history, like=self.cost
        )
        self.observation = self._history.append(self.local)
        self._reward.start(self.cost)
        self.reward = structure.xp.zeros_like(self.cost)
        self._unanswered = None

    @property
    def answered(self) -> Array:
        """[N, b] the demand that an order of this period answers: since the firm's last review, the period's own."""
        return self.local.demand if self._unanswered is None else self._unanswered + self.local.demand

    def adjusted_orders(self, adjustment: Array, period: int) -> Array:
        """Orders [N, b] that adjust by `adjustment` [N, b] the demand that they answer: up to the period just observed,
        or of firms that order within the coming `period`, up to that one.
        """
        structure, before = self._structure, self._unanswered
        if structure.within is None:  # the coming period does not matter
            return adjusted_orders(structure, self.state, self.answered, adjustment, self._demand[period, ...])
        between = self._between(period)
        return adjusted_orders(structure, self.state, self.answered, adjustment, *between, unanswered=before)

    def seen_within(self, orders: Array, period: int) -> LocalState:
        """What the firms know when they order, if all order `orders` [N, b]; see `ordering.seen_within`."""
        return seen_within(self._structure, self.state, self.local, orders, *self._between(period))

    def _between(self, period: int) -> tuple[Array, Conditions, Conditions]:
        """External demand of `period`, and the conditions of the one before and of it."""
        if self._conditions is None and not self._reviews:
            return self._demand[period, ...], USUAL, USUAL
        return self._demand[period, ...], self.conditions(period - 1), self.conditions(period)

    def conditions(self, period: int) -> Conditions:
        """What the rows meet in a period."""
        drawn = USUAL if self._conditions is None else self._conditions[period]
        return drawn._replace(review=reviewing(self._structure.rules, period)) if self._reviews else drawn

    def _answer(self, before: Array, now: Conditions, following: Conditions) -> None:
        """Keep what has not been ordered for yet, after a step: `before` [N, b] is the demand of the period before."""
        assert now.review is not None
        earlier = before * 0.0 if self._unanswered is None else self._unanswered
        after, within = unanswered(earlier, before, now.review), self._structure.within
        if within is not None:
            coming = unanswered(earlier, self.local.demand, following.review)
            after = self._structure.xp.where(within.firms, coming, after)
        self._unanswered = after

    def step(self, orders: Array, period: int) -> None:
        """Place orders [N, b] and live through period `period`."""
        before, (demand, now, following) = self.state, self._between(period)
        demand_before = self.local.demand
        self.state, self.local, self.cost = transition(self._structure, before, orders, demand, now, following)
        if self._reviews:
            self._answer(demand_before, now, following)
        if self.passages is not None:
            placing = order_conditions(self._structure, now, following)
            self.passages.append(Passage(before, orders, demand, self.state, self.local, placing, following))
        self.observation = self._history.append(self.local)
        if self._structure.order_cost is None:
            self.reward = self._reward.step(self.cost)
        else:
            self.reward = self._reward.step(self.cost, order_cost(self._structure, self.state.ordered))


class NumpyOutput:
    """What a call returns of all B rows: fresh arrays, filled block by block while a block is still in the cache.

    Attributes:
        observation: [B, N, O] float32.
        reward, cost: [B, N] float64, transposed views of [N, B].
    """

    def __init__(self, num_envs: int, num_firms: int, observation_size: int) -> None:
        self.observation = np.empty((num_envs, num_firms, observation_size), dtype=np.float32)
        self.reward = np.empty((num_firms, num_envs)).T
        self.cost = np.empty((num_firms, num_envs)).T

    def take(self, block: RowBlock) -> None:
        """Copy the block's rows."""
        self.observation[block.rows] = block.observation
        self.reward[block.rows] = block.reward.T
        self.cost[block.rows] = block.cost.T


class WholeOutput:
    """The same of the only block, uncopied but for the costs, which later rewards need: gradients pass."""

    observation: Array
    reward: Array
    cost: Array

    def take(self, block: RowBlock) -> None:
        """Take the block's arrays."""
        xp = namespace(block.cost)
        self.observation = block.observation
        self.reward = xp.permute_dims(block.reward, (1, 0))
        # A sum is a copy that keeps the gradient under every torch; asarray(copy=True) drops it before torch 2.13.
        self.cost = xp.permute_dims(block.cost + 0.0, (1, 0))
