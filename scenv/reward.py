"""Rewards: the windowed cost of the paper's equation 11, emitted when its window is complete, or the immediate cost."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

import array_api_compat
import numpy as np

from scenv.array_ops import Array
from scenv.structure import Structure

if TYPE_CHECKING:
    from scenv.scenario import Scenario


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
        self._gamma = gamma
        self._xp = xp
        self._delay_on_device = xp.asarray(self.delay[:, None], device=device)
        self._first_complete, self._all_complete = int(self.delay.min()), int(self.delay.max())
        self._costs: deque[Array] = deque(maxlen=window + 1)
        self._step = 0

    def start(self, cost: Array) -> None:
        """Begin an episode with the cost [N, B] of period 0."""
        self._costs.clear()
        self._costs.append(cost)
        self._step = 0

    def step(self, cost: Array) -> Array:
        """Rewards [N, B] of this step call, whose own cost closes a later window."""
        if self._step < self._first_complete:
            reward = self._xp.zeros_like(cost)
        else:
            reward = self._coefficient * self._discounted_sum()
            if self._step < self._all_complete:
                reward = self._xp.where(self._delay_on_device <= self._step, reward, self._xp.zeros_like(reward))
        self._costs.append(cost)
        self._step += 1
        return reward

    def _discounted_sum(self) -> Array:
        """Sum of gamma^k times the k-th of the costs on record, oldest first (Horner's rule)."""
        newest_first = reversed(self._costs)
        total = next(newest_first)
        for cost in newest_first:
            total = total * self._gamma + cost
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
