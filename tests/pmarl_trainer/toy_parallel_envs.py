"""Small PettingZoo environments whose right answers are known, behind the trainer's door."""

from __future__ import annotations

import os
import sys
import time

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete
from pettingzoo import ParallelEnv


class Countdown(ParallelEnv):
    """Two agents of different shapes: 'a' acts 1 .. 3 and sees 2 numbers, 'b' acts 0 .. 1 and sees one of 3 states.

    Ends really after `length` steps (copy by copy), or is cut after `max_cycles`.
    """

    metadata = {"name": "countdown"}  # noqa: RUF012

    def __init__(self, lengths=None, max_cycles=5):
        self.possible_agents = ["a", "b"]
        self.length, self.max_cycles = next(lengths) if lengths else 99, max_cycles
        self.adjacency_matrix = np.array([[0, -1], [1, 0]])
        self.reward_delay = {"b": 1, "a": 0}

    def observation_space(self, agent):
        return Box(-10, 10, (2,)) if agent == "a" else Discrete(3)

    def action_space(self, agent):
        return Discrete(3, start=1) if agent == "a" else Discrete(2)

    def _observations(self):
        return {"a": np.array([self.t, -self.t], dtype=np.float32), "b": self.t % 3}

    def reset(self, seed=None, options=None):
        self.agents, self.t, self.seed = ["a", "b"], 0, seed
        return self._observations(), {agent: {"cost": 0.5} for agent in self.agents}

    def step(self, actions):
        assert set(actions) == {"a", "b"}
        assert actions["a"] in (1, 2, 3)
        self.t += 1
        over, cut = self.t >= self.length, self.t >= self.max_cycles
        result = (
            self._observations(),
            {"a": float(actions["a"]), "b": -1.0},
            dict.fromkeys("ab", over),
            dict.fromkeys("ab", cut and not over),
            {agent: {"cost": 2.0} for agent in "ab"},
        )
        if over or cut:
            self.agents = []
        return result


class Party(ParallelEnv):
    """Guests who are shown one of 3 signs and paid 1 for naming it; each leaves at its own time, `stays[agent]` steps.

    `how`: a guest's leaving is a real end ("terminated"), a cut ("truncated"), or happens without a word ("silent").
    Guests of `late` come in after the first step.
    """

    metadata = {"name": "party"}  # noqa: RUF012

    def __init__(self, stays=(1, 5, 9), how="terminated", late=(), max_cycles=10, mask_in=None):
        self.possible_agents = [f"guest_{i}" for i in range(len(stays))]
        self.stays = dict(zip(self.possible_agents, stays, strict=True))
        self.how, self.late, self.max_cycles, self.mask_in = how, set(late), max_cycles, mask_in
        n = len(stays)
        self.adjacency_matrix = np.ones((n, n)) - np.eye(n)

    def observation_space(self, agent):
        signs = Box(0, 1, (3,), np.float32)
        if self.mask_in != "observation":
            return signs
        return Dict({"observation": signs, "action_mask": Box(0, 1, (3,), np.int8)})

    def action_space(self, agent):
        return Discrete(3)

    def _mask(self):
        """The sign itself is forbidden."""
        return {agent: (np.arange(3) != self.signs[agent]).astype(np.int8) for agent in self.agents}

    def _seen(self, agents):
        masks = self._mask() if self.mask_in else {}
        shown = {agent: np.eye(3, dtype=np.float32)[self.signs[agent]] for agent in agents}
        if self.mask_in == "observation":
            shown = {
                agent: {"observation": sign, "action_mask": masks.get(agent, np.zeros(3))}
                for agent, sign in shown.items()
            }
        infos = {agent: {"cost": np.array([1.0]), "note": "text"} for agent in agents}
        if self.mask_in == "infos":
            for agent in agents:
                infos[agent]["action_mask"] = masks.get(agent, np.zeros(3))
        return shown, infos

    def reset(self, seed=None, options=None):
        self.rng, self.t = np.random.default_rng(seed), 0
        self.agents = [agent for agent in self.possible_agents if agent not in self.late]
        self.signs = {agent: int(self.rng.integers(3)) for agent in self.possible_agents}
        return self._seen(self.agents)

    def step(self, actions):
        assert set(actions) == set(self.agents), "an action for who is not there"
        for agent, action in actions.items():
            assert not self.mask_in or action != self.signs[agent], "a forbidden action was taken"
        self.t += 1
        rewards = {agent: float(action == self.signs[agent]) for agent, action in actions.items()}
        acted = list(self.agents)
        leaving = {agent for agent in acted if self.t >= self.stays[agent]}
        over = self.t >= self.max_cycles
        self.agents = [] if over else [a for a in acted if a not in leaving]
        if self.t == 1 and not over:
            self.agents += sorted(self.late)
        self.signs = {agent: int(self.rng.integers(3)) for agent in self.possible_agents}
        observations, infos = self._seen(sorted({*acted, *self.agents}))
        flags = {how: {a: a in leaving and self.how == how for a in acted} for how in ("terminated", "truncated")}
        if over:
            flags["truncated"] = {a: not flags["terminated"][a] for a in acted}
        return observations, rewards, flags["terminated"], flags["truncated"], infos


class Faulty(Party):
    """A party with one fault, by name; it shows at the second step, or when and where its name says."""

    def __init__(self, fault="", **kwargs):
        super().__init__(stays=(9, 9), **kwargs)
        self.fault = fault
        if fault == "same names":
            self.possible_agents = ["guest_0", "guest_0"]
        if fault == "exit in the factory":
            raise SystemExit(0)
        if fault == "key error in the factory":
            raise KeyError("price")

    @property
    def reward_delay(self):
        if self.fault == "attribute":
            raise RuntimeError("no delay today")
        return [0, 0]

    def observation_space(self, agent):
        return Box(0, 1, (4,), np.float32) if self.fault == "space" else super().observation_space(agent)

    def reset(self, seed=None, options=None):
        result = super().reset(seed, options)
        if self.fault == "no agents":
            self.agents = []
        if self.fault == "only observations":
            return result[0]
        if self.fault == "never":
            while True:
                time.sleep(0.01)
        return result

    def step(self, actions):
        observations, rewards, terminated, truncated, infos = super().step(actions)
        if self.t < 2:
            return observations, rewards, terminated, truncated, infos
        one = "guest_1"
        match self.fault:
            case "raises":
                raise RuntimeError("out of\nstock")
            case "exits":
                sys.exit(0)
            case "dies":
                os._exit(3)
            case "hangs":
                time.sleep(60)
            case "text reward":
                rewards[one] = "much"
            case "no reward":
                rewards[one] = None
            case "two rewards":
                rewards[one] = np.ones(2)
            case "text cost":
                infos[one]["cost"] = "12"
            case "nan cost":
                infos[one]["cost"] = float("nan")
            case "text info":
                infos[one] = "cost"
            case "text flag":
                terminated[one] = "no"
            case "shape":
                observations[one] = np.zeros(2, dtype=np.float32)
            case "text observation":
                observations[one] = "sign"
            case "missing observation":
                del observations[one]
            case "stranger":
                observations["thief"] = observations[one]
            case "new agent":
                self.agents.append("thief")
            case "four things":
                return observations, rewards, terminated, infos
            case "mask without actions":
                infos[one]["action_mask"] = np.zeros(3)
            case "mask of two":
                infos[one]["action_mask"] = np.ones(2)
            case "mask of halves":
                infos[one]["action_mask"] = np.full(3, 0.5)
            case "late mask":
                infos[one]["action_mask"] = np.ones(3)
        return observations, rewards, terminated, truncated, infos
