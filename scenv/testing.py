"""Checks that anyone can run on a network or scenario of their own: does the environment keep its promises there?

    scenv.testing.check_env("my_network.json")

Every check lives through whole episodes (PettingZoo's own seed test looks at one step) with random actions, orders of
every kind included, and keeps its own books from what the firms see, beside the simulator's.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scenv.envs.parallel import SupplyChainEnv
from scenv.errors import ScenvError
from scenv.network.network import Network
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import capacities
from scenv.scenario.scenario import Scenario
from scenv.simulation.dynamics import LocalState
from scenv.simulation.vector_env import VectorEnv

__all__ = ["Check", "EnvCheckError", "check_env"]

ROWS = 3
TOLERANCE = 1e-9
"""Relative to the units that a firm handles."""

MakeBatch = Callable[[int], VectorEnv]
MakeSingle = Callable[[], SupplyChainEnv]


class EnvCheckError(ScenvError, AssertionError):
    """An environment does not keep a promise; the message says which one, where and by how much."""


@dataclass(frozen=True)
class Check:
    """One check that passed.

    Attributes:
        name: short, for a table.
        promise: what holds, in a sentence.
        evidence: how much was looked at, and the largest deviation where numbers were compared.
    """

    name: str
    promise: str
    evidence: str


def check_env(
    scenario: str | Path | nx.DiGraph | Network | Scenario | dict[str, Any] = "r2", *, seed: int = 0, **overrides: Any
) -> tuple[Check, ...]:
    """Check the environment of a network or scenario from end to end, over full episodes.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        seed: of demand and actions.
        **overrides: fields of the scenario.

    Returns:
        The checks, all passed.

    Raises:
        EnvCheckError: for the first promise that is broken.
        ScenvError: where the scenario itself is not valid.

    Example:
        >>> for check in check_env("bg", horizon=20):
        ...     print(check.name)
        conformance
        episode
        books
        determinism
        batch
        independence
    """
    loaded = load_scenario(scenario, **overrides)
    return run_checks(lambda rows: VectorEnv(loaded, num_envs=rows), lambda: SupplyChainEnv(loaded), seed)


def run_checks(make_batch: MakeBatch, make_single: MakeSingle, seed: int) -> tuple[Check, ...]:
    """All checks on environments made by the two functions; see `check_env`."""
    return (
        check_conformance(make_single),
        check_episode(make_single, seed),
        check_books(make_batch, seed),
        check_determinism(make_batch, seed),
        check_batch(make_batch, make_single, seed),
        check_independence(make_batch, seed),
    )


def check_conformance(make_single: MakeSingle) -> Check:
    """PettingZoo's own test of the parallel interface passes, over more than one episode."""
    from pettingzoo.test import parallel_api_test

    cycles = min(make_single().scenario.horizon + 10, 200)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # it only warns of an observation that is missing
            parallel_api_test(make_single(), num_cycles=cycles)
    except (AssertionError, LookupError, TypeError, UserWarning) as error:
        raise EnvCheckError(f"conformance: PettingZoo's parallel_api_test fails: {error}") from error
    return Check("conformance", "PettingZoo's parallel_api_test passes", f"{cycles} cycles, 3 resets")


def check_episode(make_single: MakeSingle, seed: int) -> Check:
    """What every step returns fits the declared spaces, delays and length."""
    env, rng = make_single(), np.random.default_rng(seed)
    observations, infos = env.reset(seed=seed)
    names, steps = list(env.possible_agents), 0
    while env.agents:
        for name in names:
            _require(env.observation_space(name).contains(observations[name]), "episode", steps, name, "observation")
            _require(np.isfinite(observations[name]).all(), "episode", steps, name, "finite observation")
            _require(0 <= infos[name]["cost"] < np.inf, "episode", steps, name, "cost that is finite and not negative")
        actions = {name: int(rng.integers(env.action_space(name).n)) for name in names}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        for name in names:
            _require(np.isfinite(rewards[name]), "episode", steps, name, "finite reward")
            early = steps < env.reward_delay[name] and rewards[name] != 0
            _require(not early, "episode", steps, name, f"reward of 0 before reward_delay {env.reward_delay[name]}")
            last = steps == env.scenario.horizon - 2
            _require(truncations[name] == last and not terminations[name], "episode", steps, name, "end by truncation")
        steps += 1
    promise = "observations lie in their spaces, costs and rewards are finite, the horizon truncates"
    return Check("episode", promise, f"{steps} steps, {len(names)} firms")


def check_books(make_batch: MakeBatch, seed: int) -> Check:
    """Units are conserved at every firm: nothing appears, nothing vanishes, nothing is negative, none is held back."""
    env, rng = make_batch(ROWS), np.random.default_rng(seed)
    env.reset(seed=seed)
    limits = capacities(env.scenario)
    capacity = np.full(len(env.agents), np.inf) if limits is None else limits
    worst, before = 0.0, _copy(env.local_state)
    while env.period < env.horizon - 1:
        orders = _orders_of_every_kind(env, rng)
        placed = np.where(env.last_info.get("closed", False), 0.0, orders)  # a closed firm orders nothing
        info = env.step_orders(orders)[4]
        after = _copy(env.local_state)
        for field, values in after._asdict().items():
            _require((values >= 0).all(), "books", env.period, _where(env, values < 0), f"{field} of at least 0")
        unmet = after.backorder + info.get("lost_sales", 0.0)
        shipped = before.backorder + after.demand - unmet
        spare = np.where(info.get("closed", False), 0.0, np.minimum(after.on_hand, capacity - shipped))
        gaps = {
            "on order = before + ordered - received": after.on_order - (before.on_order + placed - after.received),
            "on hand = before + received - shipped": after.on_hand - (before.on_hand + after.received - shipped),
            "no more shipped than the capacity": np.maximum(shipped - capacity, 0.0),
            "no stock held back while something is owed": np.minimum(spare, unmet),
        }
        scale = 1.0 + np.maximum(before.on_order + before.on_hand, orders + shipped)
        for law, gap in gaps.items():
            relative = np.abs(gap) / scale
            worst = max(worst, float(relative.max()))
            where = _where(env, relative > TOLERANCE)
            _require((relative <= TOLERANCE).all(), "books", env.period, where, f"{law} (off by {np.abs(gap).max():g})")
        before = after
    promise = "units are conserved at every firm, nothing is negative, no stock is held back from a backorder"
    return Check("books", promise, f"{ROWS} episodes, largest relative gap {worst:.0e}")


def check_determinism(make_batch: MakeBatch, seed: int) -> Check:
    """The same seed and actions give the same episode to the last bit; another seed gives another one."""

    def episode(own_seed: int) -> list[np.ndarray]:
        env, rng = make_batch(ROWS), np.random.default_rng(seed)
        record = [np.array(env.reset(seed=own_seed))]
        while env.period < env.horizon - 1:
            observation, reward, _, _, info = env.step(rng.integers(env.num_actions, size=(ROWS, len(env.agents))))
            record += [np.array(observation), np.array(reward), np.array(info["cost"])]
        return record

    first, again, other = episode(seed), episode(seed), episode(seed + 1)
    for period, (one, two) in enumerate(zip(first, again, strict=True)):
        _require(np.array_equal(one, two), "determinism", period // 3, "all firms", "same numbers from the same seed")
    differs = any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))
    expected = differs or not _demand_is_random(make_batch(ROWS), seed)
    _require(expected, "determinism", 0, "all firms", "another episode from another seed")
    promise = "a seed determines the whole episode to the last bit, and another seed gives another one"
    return Check("determinism", promise, f"{ROWS} episodes, {len(first)} arrays")


def check_batch(make_batch: MakeBatch, make_single: MakeSingle, seed: int) -> Check:
    """Row k of a batch is the single environment with row k's seed."""
    seeds = [seed, seed + 1, seed + 7]
    batch, rng = make_batch(len(seeds)), np.random.default_rng(seed)
    singles = [make_single() for _ in seeds]
    seen = np.array(batch.reset(seed=seeds))
    for row, single in enumerate(singles):
        observations, _ = single.reset(seed=seeds[row])
        for i, name in enumerate(batch.agents):
            _require(np.array_equal(observations[name], seen[row, i]), "batch", 0, name, "row like the single one")
    while batch.period < batch.horizon - 1:
        actions = rng.integers(batch.num_actions, size=(len(seeds), len(batch.agents)))
        seen, rewards, _, _, info = batch.step(actions)
        for row, single in enumerate(singles):
            observations, own_rewards, _, _, infos = single.step(
                dict(zip(batch.agents, actions[row].tolist(), strict=True))
            )
            for i, name in enumerate(batch.agents):
                own = (own_rewards[name], infos[name]["cost"])
                same = np.allclose(own, (rewards[row, i], info["cost"][row, i]), rtol=TOLERANCE, atol=TOLERANCE)
                same &= np.array_equal(observations[name], seen[row, i])
                _require(same, "batch", batch.period, name, f"row {row} like the single environment")
    return Check("batch", "row k of a batch is the single environment k", f"{len(seeds)} episodes side by side")


def check_independence(make_batch: MakeBatch, seed: int) -> Check:
    """What was returned is never written again, and writing into it changes nothing."""
    env, untouched = make_batch(ROWS), make_batch(ROWS)
    rng = np.random.default_rng(seed)
    kept, copies = [env.reset(seed=seed)], []
    untouched.reset(seed=seed)
    copies.append(np.array(kept[0]))
    while env.period < env.horizon - 1:
        actions = rng.integers(env.num_actions, size=(ROWS, len(env.agents)))
        observation, reward, _, _, info = env.step(actions)
        expected = untouched.step(actions)[0]
        _require(np.array_equal(observation, expected), "independence", env.period, "all firms", "untouched future")
        for array in (observation, reward, info["cost"]):
            kept.append(array)
            copies.append(np.array(array))
        for array in kept[-3:]:
            array *= 1.5  # as a learner that scales in place would
        copies[-3:] = [np.array(array) for array in kept[-3:]]
    for before, after in zip(copies, kept, strict=True):
        _require(np.array_equal(before, np.asarray(after)), "independence", env.period, "all firms", "untouched past")
    return Check("independence", "returned arrays belong to the caller", f"{len(kept)} arrays")


def _orders_of_every_kind(env: VectorEnv, rng: np.random.Generator) -> np.ndarray:
    """[B, N]: nothing, about the mean demand, fractions, floods."""
    mean = np.maximum(env.observation_scale, 1.0)
    return mean * rng.choice([0.0, 0.5, 1.0, 1.0 / 3.0, 7.0], size=(env.num_envs, len(env.agents)))


def _demand_is_random(env: VectorEnv, seed: int) -> bool:
    """Whether the rows of a batch meet different external demand in any period."""
    env.reset(seed=seed)
    retailers = env.scenario.network.retailers
    while True:
        demand = np.asarray(env.local_state.demand)[:, retailers]
        if (demand != demand[0]).any():
            return True
        if env.period == env.horizon - 1:
            return False
        env.step_orders(np.zeros((env.num_envs, len(env.agents))))


def _copy(local: LocalState) -> LocalState:
    return LocalState(*(np.array(values, dtype=np.float64) for values in local))


def _where(env: VectorEnv, broken: np.ndarray) -> str:
    """The first firm (of any row) where something is broken."""
    firms = np.flatnonzero(broken.any(axis=0))
    return env.agents[firms[0]] if len(firms) else "all firms"


def _require(holds: Any, check: str, period: int, where: str, promise: str) -> None:
    if not holds:
        raise EnvCheckError(f"{check}: period {period}, {where}: expected {promise}")
