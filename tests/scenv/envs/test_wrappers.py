"""Wrappers: conformance of every stack, and what each one does to the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from pettingzoo import ParallelEnv
from pettingzoo.test import api_test, parallel_api_test
from pettingzoo.utils import parallel_to_aec

import scenv
from scenv.envs.wrappers import FlattenedObservations, NormalisedObservations, PerPeriodObservations, UniformSpaces
from scenv.scenario.implied import firm_demand_moments

pytestmark = [
    pytest.mark.filterwarnings("ignore:Agent's maximum observation space value is infinity"),
    pytest.mark.filterwarnings("ignore:Observation is not NumPy array"),
]

STACKS = {
    "per period": PerPeriodObservations,
    "flattened": lambda env: FlattenedObservations(PerPeriodObservations(env)),
    "normalised": NormalisedObservations,
    "clipped": lambda env: NormalisedObservations(env, clip=20.0),
    "uniform": UniformSpaces,
    "all": lambda env: UniformSpaces(PerPeriodObservations(NormalisedObservations(env, clip=9.0)), identity=True),
}


class Uneven(ParallelEnv):
    """Two agents with different spaces, for what scenv's own environments do not have."""

    metadata = {"name": "uneven", "render_modes": []}  # noqa: RUF012
    possible_agents = ["short", "long"]  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_spaces = {"short": Box(-2.0, 0.5, (2,)), "long": Box(0.0, 7.0, (2, 2))}
        self.action_spaces = {"short": Discrete(2), "long": Discrete(5)}

    def observation_space(self, agent: str) -> Box:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.agents = list(self.possible_agents)
        return self.seen(), {name: {} for name in self.agents}

    def step(self, actions: Any) -> Any:
        self.taken = actions
        flags = dict.fromkeys(self.agents, False)
        return self.seen(), dict.fromkeys(self.agents, 0.0), flags, flags, {name: {} for name in self.agents}

    def seen(self) -> dict[str, np.ndarray]:
        return {"short": np.array([-1.0, 0.25], np.float32), "long": np.array([[1, 2], [3, 4]], np.float32)}


@pytest.mark.parametrize("wrap", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("name", ["bg", "r3"])
def test_every_stack_conforms(wrap: Any, name: str) -> None:
    parallel_api_test(wrap(scenv.parallel_env(name)), num_cycles=60)
    api_test(parallel_to_aec(wrap(scenv.parallel_env(name))), num_cycles=40)


@pytest.mark.parametrize("wrap", STACKS.values(), ids=STACKS)
def test_attributes_and_the_game_stay(wrap: Any) -> None:
    env, plain = wrap(scenv.parallel_env("bg")), scenv.parallel_env("bg")
    observations, _ = env.reset(seed=1)
    plain.reset(seed=1)
    assert env.reward_delay == plain.reward_delay
    assert env.unwrapped.scenario.network.name == "bg"
    while plain.agents:
        actions = {name: 5 for name in plain.agents}
        observations, *rest = env.step(actions)
        _, *plain_rest = plain.step(actions)
        assert rest == plain_rest
        assert all(env.observation_space(name).contains(seen) for name, seen in observations.items())
    np.testing.assert_array_equal(env.state(), plain.state())


def test_per_period_has_one_row_per_period_oldest_first() -> None:
    env, plain = PerPeriodObservations(scenv.parallel_env("r1")), scenv.parallel_env("r1")
    seen, _ = env.reset(seed=0)
    flat, _ = plain.reset(seed=0)
    assert env.observation_space("ret_0").shape == (6, 5)
    assert not seen["ret_0"][:5].any()
    np.testing.assert_array_equal(seen["ret_0"][-1], flat["ret_0"][-5:])
    np.testing.assert_array_equal(
        FlattenedObservations(PerPeriodObservations(plain)).reset(seed=0)[0]["ret_0"], flat["ret_0"]
    )


def test_normalised_is_in_periods_of_the_firms_own_mean_demand() -> None:
    env, plain = NormalisedObservations(scenv.parallel_env("r2")), scenv.parallel_env("r2")
    seen, _ = env.reset(seed=0)
    raw, _ = plain.reset(seed=0)
    mean = firm_demand_moments(plain.scenario)[0]
    for i, name in enumerate(plain.agents):
        np.testing.assert_allclose(seen[name], raw[name] / mean[i], rtol=1e-6)


def test_clipping_makes_the_space_finite_and_bounds_what_is_seen() -> None:
    env = NormalisedObservations(
        scenv.parallel_env("bg"), scale=dict.fromkeys(["ret_0", "whole_0", "dist_0", "sup_0"], 1.0), clip=3.0
    )
    assert env.observation_space("ret_0").high.max() == 3.0
    assert env.reset(seed=0)[0]["ret_0"].max() == 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip": 0.0}, "clip must be positive"),
        ({"clip": np.inf}, "clip must be positive and finite"),
        ({"scale": {"ret_0": 1.0}}, "scale must name 'whole_0'"),
        ({"scale": dict.fromkeys(["ret_0", "whole_0", "dist_0", "sup_0"], 0.0)}, "scale must name 'ret_0' with a pos"),
    ],
)
def test_bad_scales_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(scenv.ScenarioError, match=message):
        NormalisedObservations(scenv.parallel_env("bg"), **arguments)


def test_uniform_spaces_pad_and_hold_actions_in_range() -> None:
    below = Uneven()
    env = UniformSpaces(below, identity=True)
    assert env.observation_space("short") is env.observation_space("long")
    assert env.action_space("short") is env.action_space("long")
    assert env.observation_space("long") == Box(-2.0, 7.0, (6,), np.float32)
    assert env.action_space("short").n == 5
    seen, _ = env.reset()
    np.testing.assert_array_equal(seen["short"], np.array([-1, 0.25, 0, 0, 1, 0], np.float32))
    np.testing.assert_array_equal(seen["long"], np.array([1, 2, 3, 4, 0, 1], np.float32))
    env.step({"short": 4, "long": 3})
    assert below.taken == {"short": 1, "long": 3}


def test_what_the_wrappers_cannot_do_is_refused() -> None:
    below = Uneven()
    with pytest.raises(scenv.ScenarioError, match="no rows of 5"):
        PerPeriodObservations(below)
    with pytest.raises(scenv.ScenarioError, match="give scale="):
        NormalisedObservations(below)
    below.action_spaces["long"] = Discrete(3, start=1)
    with pytest.raises(scenv.ScenarioError, match=r"needs Discrete\(n\) actions from 0; agent 'long'"):
        UniformSpaces(below)
    below.observation_spaces["short"] = Dict({})
    with pytest.raises(scenv.ScenarioError, match="need Box observations; agent 'short'"):
        FlattenedObservations(below)
