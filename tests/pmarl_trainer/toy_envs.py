"""Small batched environments whose right answers are known, behind the trainer's door."""

from __future__ import annotations

import time

import numpy as np


class ToyEnv:
    """B rows of a game without memory: every step shows a fresh signal [B, N] and pays for the actions taken on it.

    Subclasses say what is shown (`observe`) and paid (`pay`). Rewards may be paid late, by `reward_delay`.
    """

    observation_scale: np.ndarray | None

    def __init__(self, num_envs=4, seed=0, *, agents=2, actions=3, steps=8, delay=0, pause=0.0):
        self._pause = pause  # seconds that a step takes
        self.agents = tuple(f"agent_{i}" for i in range(agents))
        self.num_envs = num_envs
        self.num_actions = np.full(agents, actions)
        self.horizon = steps + 1
        self.reward_delay = np.broadcast_to(np.asarray(delay), (agents,)).copy()
        self.adjacency_matrix = np.triu(np.ones((agents, agents), dtype=int), 1)
        self.adjacency_matrix = self.adjacency_matrix.T - self.adjacency_matrix  # 0 supplies 1 supplies 2 ...
        self.observation_scale = np.ones(agents)
        self.rng = np.random.default_rng(seed)
        self.left = 0

    def reset(self, seed=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.left, self.paid = self.horizon - 1, []
        return self._show()

    def step(self, actions):
        assert self.left > 0, "step after the end"
        time.sleep(self._pause)
        assert actions.shape == (self.num_envs, len(self.agents))
        assert ((actions >= 0) & (actions < self.num_actions)).all()
        self.paid.append(np.asarray(self.pay(actions), dtype=float))
        rewards = np.zeros_like(self.paid[-1])
        for i, delay in enumerate(self.reward_delay):
            if len(self.paid) > delay:
                rewards[:, i] = self.paid[-1 - delay][:, i]
        self.left -= 1
        truncated = np.full(self.num_envs, self.left == 0)
        return self._show(), rewards, np.zeros(self.num_envs, dtype=bool), truncated, self.info()

    def info(self):
        return {}

    def _show(self):
        self.signal = self.rng.integers(self.num_actions, size=(self.num_envs, len(self.agents)))
        return self.observe(self.signal).astype(np.float32)

    def observe(self, signal):
        return np.eye(self.num_actions.max())[signal]


class IdentityGame(ToyEnv):
    """1 for repeating one's signal, else 0: the best return is N * steps."""

    def pay(self, actions):
        return actions == self.signal


class CoordinationGame(ToyEnv):
    """Two agents are paid together: 1 if both play 0, 0.6 if both play 1, else 0. Nobody sees anything."""

    def __init__(self, num_envs=4, seed=0, **kwargs):
        super().__init__(num_envs, seed, agents=2, actions=2, **kwargs)

    def observe(self, signal):
        return np.ones((*signal.shape, 1))

    def pay(self, actions):
        both = np.where((actions == 0).all(1), 1.0, np.where((actions == 1).all(1), 0.6, 0.0))
        return np.stack([both, both], axis=1)


class WordGame(ToyEnv):
    """A speaker (0) is shown a goal and says a word of 3; a step later the listener (1), shown the word, names a goal.

    The listener is paid 1 for repeating the word, the speaker 1 if the goal is named. When it is paid the speaker sees
    the goal, not what it said: to find out what its words are worth, its critic must attend to the listener.
    """

    def __init__(self, num_envs=4, seed=0, *, steps=8):
        super().__init__(num_envs, seed, agents=2, actions=3, steps=steps)

    def _show(self):
        if self.speaking:
            self.goal = self.rng.integers(3, size=self.num_envs)
        shown = np.zeros((self.num_envs, 2, 4), dtype=np.float32)  # one-hot goal or word; whether a word was said
        shown[np.arange(self.num_envs), 0, self.goal] = 1
        if not self.speaking:
            shown[np.arange(self.num_envs), 1, self.word] = 1
            shown[:, :, 3] = 1
        return shown

    @property
    def speaking(self):
        return len(self.paid) % 2 == 0

    def pay(self, actions):
        if self.speaking:
            self.word = actions[:, 0].copy()
            return np.zeros(actions.shape)
        named = actions[:, 1]
        return np.stack([named == self.goal, named == self.word], axis=1)


class Newsvendor(ToyEnv):
    """One firm stocks q = 0 .. 10 against demand uniform on 0 .. 10; overage costs 1, underage 3: the critical fractile
    3/4 makes q = 8 the best. Rewards may come late; costs come at once.
    """

    def __init__(self, num_envs=4, seed=0, *, delay=0, steps=8):
        super().__init__(num_envs, seed, agents=1, actions=11, delay=delay, steps=steps)

    def observe(self, signal):
        return np.ones((*signal.shape, 1))

    def pay(self, actions):
        self.cost = self.cost_of(actions, self.rng.integers(0, 11, size=actions.shape))
        return -self.cost / 10

    @staticmethod
    def cost_of(q, demand):
        return 1.0 * np.maximum(q - demand, 0) + 3.0 * np.maximum(demand - q, 0)

    def info(self):
        return {"cost": self.cost}

    @property
    def baselines(self):
        return {"base-stock": lambda: _Constant(8.0), "random": lambda: _Constant(3.0)}

    local_state = None

    def step_orders(self, quantities):
        return self.step(np.asarray(quantities).astype(int))


class _Constant:
    def __init__(self, quantity):
        self.quantity = quantity

    def reset(self, num_envs, seed=None):
        self.num_envs = num_envs

    def orders(self, state):
        return np.full((self.num_envs, 1), self.quantity)


class ScriptedRewards(ToyEnv):
    """The reward tells which action it belongs to: 100 t + 10 i + a for agent i's action a at step t."""

    def pay(self, actions):
        step, agent = len(self.paid), np.arange(len(self.agents))
        return 100 * step + 10 * agent + actions


class Quitting(ToyEnv):
    """One agent: to go on (0) pays `stay`, to end (1) pays `leave`, and it is the episode's real end.

    What pays best is known: for ever `stay` is worth stay / (1 - gamma), an end `leave`, or 0 where rewards come late,
    for that one is never paid.
    """

    def __init__(self, num_envs=4, seed=0, *, stay=1.0, leave=3.0, delay=0, steps=8):
        super().__init__(num_envs, seed, agents=1, actions=2, delay=delay, steps=steps)
        self.stay, self.leave = stay, leave

    def observe(self, signal):
        return np.ones((*signal.shape, 1))

    def pay(self, actions):
        return np.where(actions == 1, self.leave, self.stay)

    def step(self, actions):
        seen, rewards, _, truncated, info = super().step(actions)
        terminated = actions[:, 0] == 1
        return seen, rewards, terminated, truncated & ~terminated, info


class ForbiddenFruit(ToyEnv):
    """Action k pays k, but which may be taken changes: the best is the highest that is allowed. Nothing is seen.

    Whoever takes a forbidden one is thrown out of the test.
    """

    def __init__(self, num_envs=4, seed=0, *, agents=2, actions=4, steps=8):
        super().__init__(num_envs, seed, agents=agents, actions=actions, steps=steps)

    def _show(self):
        shape = (self.num_envs, len(self.agents), int(self.num_actions.max()))
        self.allowed = self.rng.random(shape) < 0.5
        self.allowed[..., 0] |= ~self.allowed.any(axis=2)
        self.last_info = {"action_mask": self.allowed.astype(np.int8)}
        return np.ones((*shape[:2], 1), dtype=np.float32)

    def pay(self, actions):
        assert np.take_along_axis(self.allowed, actions[..., None], axis=2).all(), "a forbidden action was taken"
        return actions

    def info(self):
        return {}

    def step(self, actions):
        *rest, _ = super().step(actions)
        return *rest, self.last_info


def not_an_env():
    return object()


class Poisoned(IdentityGame):
    """Its rewards are not numbers."""

    def pay(self, actions):
        return np.full(actions.shape, np.nan)
