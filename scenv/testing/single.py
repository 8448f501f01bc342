"""Checks of the PettingZoo environment."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from scenv.envs.parallel import SupplyChainEnv
from scenv.testing.check import Check, EnvCheckError, MakeSingle, got, is_number, require, require_refusal

__all__ = ["check_conformance", "check_episode"]


def check_conformance(make_single: MakeSingle) -> Check:
    """PettingZoo's own test of the parallel interface passes, over more than one episode."""
    from pettingzoo.test import parallel_api_test

    env = make_single()
    _check_metadata(env)
    cycles = min(env.scenario.horizon + 10, 200)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # it only warns of an observation that is missing
            parallel_api_test(env, num_cycles=cycles)
    except Exception as error:  # it asserts, looks up and calls: all of that may fail
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise EnvCheckError(f"conformance: PettingZoo's parallel_api_test fails: {said}") from error
    return Check("conformance", "PettingZoo's parallel_api_test passes", f"{cycles} cycles, 3 resets")


def _check_metadata(env: SupplyChainEnv) -> None:
    modes = env.metadata.get("render_modes") if isinstance(getattr(env, "metadata", None), Mapping) else None
    require(isinstance(modes, (list, tuple)), "conformance", 0, "environment", "metadata['render_modes'], a list")
    mode = getattr(env, "render_mode", "missing")
    known = mode is None or mode in (modes or ())
    require(known, "conformance", 0, "environment", f"render_mode of None or one of {modes}, {got(mode)}")


def check_episode(make_single: MakeSingle, seed: int) -> Check:
    """What every step returns fits the declared spaces, delays and length, belongs to the caller, and nothing that
    makes no sense is passed over.
    """
    env, untouched, rng = make_single(), make_single(), np.random.default_rng(seed)
    names, steps = list(env.possible_agents), env.scenario.horizon - 1
    require_refusal(partial(env.step, _actions(env, rng)), "episode", 0, "all firms", "a step before the first reset")
    observations, infos = env.reset(seed=seed)
    first = untouched.reset(seed=seed)[0]
    for step in range(steps):
        require(list(env.agents) == names, "episode", step, "agents", f"all firms to take part, {got(env.agents)}")
        _check_seen(env, observations, infos, step)
        scaled = {name: seen * np.float32(1.5) for name, seen in observations.items()}
        for seen in observations.values():
            seen *= np.float32(1.5)  # as a learner that scales in place would
        require(_equal(observations, scaled), "episode", step, "all firms", "arrays that no two firms share")
        if step == steps // 2:
            _check_refusals(env, rng, step)
        actions = _actions(env, rng)
        earlier = observations
        observations, rewards, terminations, truncations, infos = env.step(actions)
        require(
            _equal(earlier, scaled), "episode", step + 1, "all firms", "earlier observations never to be written again"
        )
        expected = untouched.step(actions)[0]
        same = _equal(observations, expected)
        require(same, "episode", step + 1, "all firms", "to be as an untouched twin with the same seed and actions")
        _check_paid(env, rewards, step)
        _check_ends(names, terminations, truncations, step, step == steps - 1)
    _check_seen(env, observations, infos, steps)
    require(not env.agents, "episode", steps, "agents", f"no firm after the horizon, {got(env.agents)}")
    after = {name: int(env.action_space(name).start) for name in names}
    require_refusal(lambda: env.step(after), "episode", steps, "all firms", "a step after the end")
    again = _equal(env.reset(seed=seed)[0], first)
    require(again, "episode", 0, "all firms", "the same first observations after another reset with the same seed")
    promise = "observations lie in their spaces, costs and rewards are finite, the horizon truncates"
    return Check("episode", promise, f"{steps} steps, {len(names)} firms")


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def _actions(env: SupplyChainEnv, rng: np.random.Generator) -> dict[str, int]:
    return {name: int(rng.integers(env.action_space(name).n)) for name in env.possible_agents}


def _check_keys(env: SupplyChainEnv, given: Any, step: int, what: str) -> None:
    complete = isinstance(given, Mapping) and given.keys() == set(env.possible_agents)
    require(complete, "episode", step, what, "a dictionary with every firm and nobody else")


def _check_seen(env: SupplyChainEnv, observations: Any, infos: Any, step: int) -> None:
    _check_keys(env, observations, step, "observations")
    _check_keys(env, infos, step, "infos")
    for name in env.possible_agents:
        require(env.observation_space(name).contains(observations[name]), "episode", step, name, "observation in space")
        require(np.isfinite(observations[name]).all(), "episode", step, name, "finite observation")
        cost: Any = infos[name].get("cost") if isinstance(infos[name], Mapping) else None
        require(is_number(cost), "episode", step, name, f"cost that is a finite number, {got(cost)}")
        require(cost >= 0, "episode", step, name, f"cost that is not negative, {got(cost)}")
    require(env.state_space.contains(env.state()), "episode", step, "state()", "a state in state_space")


def _check_paid(env: SupplyChainEnv, rewards: Any, step: int) -> None:
    _check_keys(env, rewards, step, "rewards")
    for name, reward in rewards.items():
        require(is_number(reward), "episode", step, name, f"reward that is a finite number, {got(reward)}")
        delay = env.reward_delay[name]
        require(step >= delay or reward == 0, "episode", step, name, f"reward of 0 before reward_delay {delay}")


def _check_ends(names: list[str], terminations: Any, truncations: Any, step: int, last: bool) -> None:
    for given, expected, what in ((terminations, False, "terminations"), (truncations, last, "truncations")):
        for name in names:
            value = given.get(name) if isinstance(given, Mapping) else given
            require(isinstance(value, bool), "episode", step, name, f"{what} to be True or False, {got(value)}")
            require(value is expected, "episode", step, name, f"end by truncation at the horizon only ({what})")


def _check_refusals(env: SupplyChainEnv, rng: np.random.Generator, step: int) -> None:
    """Actions that make no sense raise an error; the next step then shows whether they have left a trace."""
    good = _actions(env, rng)
    name = env.possible_agents[0]
    count = int(env.action_space(name).n)
    bad: dict[str, dict[Any, Any]] = {
        f"action {count} of 0 .. {count - 1}": {**good, name: count},
        "action -1": {**good, name: -1},
        "action 0.5": {**good, name: 0.5},
        "an action that is text": {**good, name: "all"},
        f"actions without {name!r}": {other: action for other, action in good.items() if other != name},
        "an action of an unknown firm": {**good, "nobody": 0},
    }
    for what, actions in bad.items():
        require_refusal(partial(env.step, actions), "episode", step, name, what)
