"""Rewards: the windowed cost of the paper's equation 11, emitted when its window is complete, or the immediate cost."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

import array_api_compat
import numpy as np

from scenv.simulation.array_ops import Array
from scenv.simulation.structure import Structure

if TYPE_CHECKING:
    from scenv.scenario.scenario import Scenario


class RewardRule(Protocol):
    """Turns the stream of period costs into the stream of rewards.

    Attributes:
        delay: [N] int64 numpy; the reward of step call s belongs to the action of step call s - delay[i].
    """

    delay: np.ndarray

    def start(self, cost: Array) -> None:
        """Begin an episode with the cost [N, B] of period 0."""

    def step(self, cost: Array) -> Array:
        """Take the cost [N, B] of the period that a step call brought; return that call's rewards [N, B]."""


class WindowedReward:
    """r_i^t = (1/dt) sum_{t'=t+lt_i}^{t+lt_i+dt} gamma^{t'-t} c_r,i C_i^{t'} (paper eq. 11), c_r,i = -scale / mean
    demand of i.

    The sum has dt + 1 terms, taken literally. The window of the action of period t closes with period t + lt_i + dt;
    the step call that decides in that period returns the reward. So `delay[i]` = lt_i + dt, and rewards are 0 before.
    """

    def __init__(self, structure: Structure, window: int, gamma: float, scale: float) -> None:
        """Weights for a window of `window` (dt) periods at discount `gamma`."""
        xp = structure.xp
        self.delay = structure.lead_time + window
        device = array_api_compat.device(structure.mean_demand)
        lead = xp.asarray(structure.lead_time[:, None], dtype=xp.float64, device=device)
        self._coefficient = reward_coefficient(structure, scale) / window * gamma**lead
        self._terms, self._gamma = window + 1, gamma
        self._xp = xp
        self._delay_on_device = xp.asarray(self.delay[:, None], device=device)
        self._first_complete, self._all_complete = int(self.delay.min()), int(self.delay.max())
        self._discounted = DiscountedSum(self._terms, gamma)
        self._step = 0

    def start(self, cost: Array) -> None:
        """Begin an episode with the cost [N, B] of period 0."""
        self._discounted = DiscountedSum(self._terms, self._gamma)
        self._discounted.push(cost)
        self._step = 0

    def step(self, cost: Array) -> Array:
        """Rewards [N, B] of this step call, whose own cost closes a later window."""
        if self._step < self._first_complete:
            reward = self._xp.zeros_like(cost)
        else:
            reward = self._coefficient * self._discounted.value()
            if self._step < self._all_complete:
                reward = self._xp.where(self._delay_on_device <= self._step, reward, self._xp.zeros_like(reward))
        self._discounted.push(cost)
        self._step += 1
        return reward


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

    def step(self, cost: Array) -> Array:
        """Rewards [N, B] of this step call."""
        return self._coefficient * cost


def reward_coefficient(structure: Structure, scale: float) -> Array:
    """c_r,i = -scale / mean demand of i, [N, 1]; a firm that no demand reaches is scaled by 1."""
    xp, mean = structure.xp, structure.mean_demand
    return -scale / xp.where(mean > 0, mean, xp.ones_like(mean))


def reward_rule(scenario: Scenario, structure: Structure) -> RewardRule:
    """The rule that the scenario asks for, for one stream of costs."""
    if scenario.reward == "cost":
        return ImmediateReward(structure, scenario.reward_scale)
    return WindowedReward(structure, scenario.reward_window, scenario.gamma, scenario.reward_scale)
