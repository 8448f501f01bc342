"""A PettingZoo environment in a module that imports little, so that processes that make copies of it start soon."""

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv


class Drift(ParallelEnv):
    """Two agents of different sizes push a random walk; ends when it leaves -5 .. 5, or after `max_cycles`."""

    metadata = {"name": "drift"}  # noqa: RUF012

    def __init__(self, max_cycles=6):
        self.possible_agents = ["left", "right"]
        self.max_cycles = max_cycles
        self.adjacency_matrix = np.array([[0, 1], [1, 0]])

    def observation_space(self, agent):
        return Box(-np.inf, np.inf, (2 if agent == "left" else 1,))

    def action_space(self, agent):
        return Discrete(2 if agent == "left" else 3)

    def _seen(self):
        return {"left": np.array([self.x, self.t], dtype=np.float32), "right": np.array([self.x], dtype=np.float32)}

    def reset(self, seed=None, options=None):
        self.agents, self.t, self.rng = list(self.possible_agents), 0, np.random.default_rng(seed)
        self.x = self.rng.normal()
        return self._seen(), {agent: {"cost": abs(self.x)} for agent in self.agents}

    def step(self, actions):
        self.t += 1
        self.x += self.rng.normal(scale=2) + actions["right"] - actions["left"]
        over, cut = bool(abs(self.x) > 5), self.t >= self.max_cycles
        names = list(self.possible_agents)
        result = (
            self._seen(),
            dict.fromkeys(names, -abs(self.x)),
            dict.fromkeys(names, over),
            dict.fromkeys(names, cut and not over),
            {agent: {"cost": abs(self.x)} for agent in names},
        )
        if over or cut:
            self.agents = []
        return result


def _parallel_wrapper(env_class):
    """As PettingZoo makes many a `parallel_env`: a function within a function, which cannot be pickled."""

    def par_fn(**kwargs):
        return env_class(**kwargs)

    return par_fn


parallel_env = _parallel_wrapper(Drift)
