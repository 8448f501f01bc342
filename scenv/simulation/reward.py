"""Rewards: the windowed cost of the paper's equation 11, emitted when its window is complete, or the immediate cost."""

from __future__ import annotations

import copy
from collections import deque
from typing import Any, Literal, Protocol

import array_api_compat
import numpy as np

from scenv.network.network import Network
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, Segments, concat, namespace, sum_of_firms, take
from scenv.simulation.structure import Structure

WindowEnd = Literal["after_arrival", "after_action"]


class RewardRule(Protocol):
    """Turns the stream of period costs into the stream of rewards.

    Attributes:
        delay: [N] int64 numpy; the reward of step call s belongs to the action of step call s - delay[i].
    """

    delay: np.ndarray

    def start(self, cost: Array) -> None:
        """Begin an episode with the cost [N, B] of period 0."""

    def step(self, cost: Array, order_cost: Array | None = None) -> Array:
        """Take the cost [N, B] of the period that a step call brought, and the part of it that is the fixed cost of the
        orders of that very call; return that call's rewards [N, B].
        """


class WindowedReward:
    """r_i^t = (1/dt) sum_{t'=t+lt_i}^{end_i} gamma^{t'-t} c_r,i C_i^{t'} (paper eq. 11), c_r,i = -scale / mean demand.

    The window begins when what was ordered in period t can first arrive, lt_i periods later (one more where the firm
    orders within the period to come, see `scenv.simulation.ordering`). Where it ends is `end`:

    - "after_action", the paper's: at t + dt, for every firm alike; dt - lt_i + 1 terms, so dt must exceed lt_i.
    - "after_arrival", ours: at t + lt_i + dt, so that dt means as many costs whatever the lead time; dt + 1 terms.

    The reward is emitted by the step call that brings the last cost of its window. The call that decides in period t
    brings period t + 1, so `delay[i]` is one less than the periods from the action to the window's end, and rewards
    are 0 before.

    The fixed cost of an order is paid before its window begins. It counts in the reward of the action that ordered,
    and in no other, with the weight that any cost has in all windows together: (1/dt) sum gamma^{t'-t} c_r,i over the
    terms of a window.
    """

    def __init__(
        self, structure: Structure, window: int, gamma: float, scale: float, end: WindowEnd = "after_arrival"
    ) -> None:
        """Weights for a window of `window` (dt) periods at discount `gamma`."""
        xp, device = structure.xp, array_api_compat.device(structure.mean_demand)
        first = structure.first_arrival
        last = first + window if end == "after_arrival" else np.full_like(first, window)
        if (last <= first).any():
            raise ValueError(f"window must exceed the longest lead time, {first.max()}, got {window}")
        self.delay = last - 1
        lead = xp.asarray(first[:, None], dtype=xp.float64, device=device)
        self._coefficient = reward_coefficient(structure, scale) / window * gamma**lead
        self._delay_on_device = xp.asarray(self.delay[:, None], device=device)
        self._first_complete, self._all_complete = int(self.delay.min()), int(self.delay.max())
        self._windows = Windows(last - first + 1, gamma, lambda index: xp.asarray(index, device=device))
        weights = np.array([sum(gamma**k for k in range(terms)) for terms in last - first + 1])
        self._order_weight = xp.asarray(weights[:, None], dtype=xp.float64, device=device)
        self._order_costs = Delayed(self.delay, self._delay_on_device)
        self._step = 0

    def start(self, cost: Array) -> None:
        """Begin an episode with the cost [N, B] of period 0."""
        self._windows.clear()
        self._order_costs.clear()
        self._windows.push(cost)
        self._step = 0

    def step(self, cost: Array, order_cost: Array | None = None) -> Array:
        """Rewards [N, B] of this step call, whose own cost is the last of the windows that they are of."""
        self._windows.push(cost if order_cost is None else cost - order_cost)
        if order_cost is not None:
            self._order_costs.push(order_cost)
        if self._step < self._first_complete:
            reward = namespace(cost).zeros_like(cost)
        else:
            total = self._windows.value()
            if order_cost is not None:
                total = total + self._order_weight * self._order_costs.value()
            reward = self._coefficient * total
            if self._step < self._all_complete:
                xp = namespace(cost)
                reward = xp.where(self._delay_on_device <= self._step, reward, xp.zeros_like(reward))
        self._step += 1
        return reward


class Windows:
    """Discounted sums over the last values of a stream [N, B], each firm's over a number of terms of its own."""

    def __init__(self, terms: np.ndarray, gamma: float, asarray: Any) -> None:
        """For firms with `terms` [N]; `asarray` puts index arrays on the backend's device."""
        distinct = np.unique(terms)
        firms = [np.flatnonzero(terms == count) for count in distinct]
        self._sums = [DiscountedSum(int(count), gamma) for count in distinct]
        #: Per number of terms the firms that have it, and where each firm stands among them; None where all are alike.
        self._firms = None if len(distinct) == 1 else [asarray(index) for index in firms]
        self._place = asarray(np.argsort(np.concatenate(firms)))

    def clear(self) -> None:
        """Forget all values."""
        for total in self._sums:
            total.clear()

    def push(self, value: Array) -> None:
        """Take the next value [N, B] of the stream."""
        if self._firms is None:
            self._sums[0].push(value)
            return
        for total, firms in zip(self._sums, self._firms, strict=True):
            total.push(take(value, firms))

    def value(self) -> Array:
        """The sums [N, B]; at least as many values as any firm has terms must have been pushed."""
        if self._firms is None:
            return self._sums[0].value()
        return take(concat([total.value() for total in self._sums]), self._place)


class Delayed:
    """The values of a stream [N, B] of so many steps ago, for each firm its own number; 0 before the start."""

    def __init__(self, delay: np.ndarray, on_device: Array) -> None:
        """By `delay` [N] steps, also as the backend's array [N, 1]."""
        self._distinct, self._delay = [int(steps) for steps in np.unique(delay)], on_device
        self._values: deque[Array] = deque(maxlen=self._distinct[-1] + 1)

    def __deepcopy__(self, memo: dict[int, Any]) -> Delayed:
        """Values are never written, so a copy may share them, and with them the gradient that they carry."""
        twin = copy.copy(self)
        twin._values = self._values.copy()
        return twin

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()

    def push(self, value: Array) -> None:
        """Take the next value [N, B] of the stream."""
        self._values.append(value)

    def value(self) -> Array:
        """[N, B]."""
        xp = namespace(self._values[-1])
        result = xp.zeros_like(self._values[-1])
        for steps in self._distinct:
            if steps < len(self._values):
                result = xp.where(self._delay == steps, self._values[-1 - steps], result)
        return result


class DiscountedSum:
    """sum_{k < n} gamma^k x_k over the last n values x_0 .. x_{n-1} of a stream, oldest first.

    By doubling: sums over 1, 2, 4, ... values, each from two of half its length, and the binary digits of n put them
    together. That takes about 2 log2 n additions a value instead of n, and as the sum starts anew for every value, no
    rounding error is carried along.
    """

    def __init__(self, terms: int, gamma: float) -> None:
        """Over `terms` (n) values, at least 1, discounted by `gamma`."""
        levels = range(terms.bit_length())
        self._factor = [gamma ** (1 << level) for level in levels]
        #: The levels that n is made of, smallest first, which stands for the newest values.
        self._digits = [level for level in levels if terms >> level & 1]
        #: Latest sums over 2^level values, newest last: as many as doubling looks back, or the sum does.
        self._sums: list[deque[Array]] = [deque(maxlen=(1 << level) + 1) for level in levels]
        self._sums[-1] = deque(maxlen=terms - (1 << levels[-1]) + 1)

    def __deepcopy__(self, memo: dict[int, Any]) -> DiscountedSum:
        """Values are never written, so a copy may share them, and with them the gradient that they carry."""
        twin = copy.copy(self)
        twin._sums = [sums.copy() for sums in self._sums]
        return twin

    def clear(self) -> None:
        """Forget all values."""
        for sums in self._sums:
            sums.clear()

    def push(self, value: Array) -> None:
        """Take the next value of the stream."""
        for level, sums in enumerate(self._sums):
            sums.append(value)
            if level + 1 == len(self._sums) or len(sums) <= 1 << level:
                return
            value = sums[0] + self._factor[level] * value

    def value(self) -> Array:
        """The sum over the last n values; at least n must have been pushed."""
        total, newer = None, 0
        for level in self._digits:
            older = self._sums[level][-1 - newer]
            total = older if total is None else older + self._factor[level] * total
            newer += 1 << level
        return total


class ImmediateReward:
    """-c_i C_i^{t+1} at once, with the same scale c_i = scale / mean demand of i; no delay."""

    def __init__(self, structure: Structure, scale: float) -> None:
        """The same scaling as the windowed reward, without a window."""
        self.delay = np.zeros(structure.num_firms, dtype=np.int64)
        self._coefficient = reward_coefficient(structure, scale)

    def start(self, cost: Array) -> None:
        """Nothing to remember."""

    def step(self, cost: Array, order_cost: Array | None = None) -> Array:
        """Rewards [N, B] of this step call; the cost of its own orders is among its cost."""
        return self._coefficient * cost


class SharedCosts:
    """Another rule, on the sum of several firms' costs: a firm's own and its neighbours', or everybody's (ours).

    Costs are added in units of cost; the window and the scale c_r,i remain the firm's own.
    """

    def __init__(self, rule: RewardRule, scope: Literal["neighbours", "network"], network: Network, asarray: Any):
        """`rule` turns the summed costs into rewards; neighbours are a firm's suppliers and customers."""
        self.delay = rule.delay
        self._rule = rule
        self._others: Array = None
        if scope == "neighbours":
            firm, other = np.nonzero(network.adjacency_matrix + np.eye(len(network.agents), dtype=np.int8))
            self._others = asarray(other)
            self._segments = Segments.build(firm, len(network.agents), asarray)

    def start(self, cost: Array) -> None:
        """Begin an episode with the cost [N, B] of period 0."""
        self._rule.start(self._shared(cost))

    def step(self, cost: Array, order_cost: Array | None = None) -> Array:
        """Rewards [N, B] of this step call."""
        return self._rule.step(self._shared(cost), None if order_cost is None else self._shared(order_cost))

    def _shared(self, cost: Array) -> Array:
        if self._others is not None:
            return self._segments.sum(take(cost, self._others))
        return sum_of_firms(cost) + namespace(cost).zeros_like(cost)


def reward_coefficient(structure: Structure, scale: float) -> Array:
    """c_r,i = -scale / mean demand of i, [N, 1]; a firm that no demand reaches is scaled by 1."""
    xp, mean = structure.xp, structure.mean_demand
    return -scale / xp.where(mean > 0, mean, xp.ones_like(mean))


def reward_rule(scenario: Scenario, structure: Structure) -> RewardRule:
    """The rule that the scenario asks for, for one stream of costs."""
    rule: RewardRule
    if scenario.reward == "cost":
        rule = ImmediateReward(structure, scenario.reward_scale)
    else:
        rule = WindowedReward(
            structure, scenario.reward_window, scenario.gamma, scenario.reward_scale, scenario.reward_window_end
        )
    if scenario.reward_scope == "own":
        return rule
    xp, device = structure.xp, array_api_compat.device(structure.mean_demand)
    return SharedCosts(rule, scenario.reward_scope, scenario.network, lambda index: xp.asarray(index, device=device))
