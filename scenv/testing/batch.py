"""Checks of the batched environment, and of the PettingZoo environment against it."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np

from scenv.scenario.implied import capacities, overflow_costs, unit_costs
from scenv.simulation.dynamics import LocalState
from scenv.simulation.reward import reward_rule
from scenv.simulation.vector_env import VectorEnv
from scenv.testing.check import Check, MakeBatch, MakeSingle, require, require_refusal

__all__ = ["check_batch", "check_books", "check_determinism", "check_independence"]

ROWS = 3
TRIES = 5
TOLERANCE = 1e-9
"""Relative to the units that a firm handles."""


def check_books(make_batch: MakeBatch, seed: int) -> Check:
    """Units are conserved at every firm: nothing appears, nothing vanishes, nothing is negative, none is held back.
    Costs are those of the books, and rewards those of the costs.
    """
    env, rng = make_batch(ROWS), np.random.default_rng(seed)
    env.reset(seed=seed)
    (holding, backorder), overflow = unit_costs(env.scenario), overflow_costs(env.scenario)
    rule = reward_rule(env.scenario, env.structure)
    rule.start(np.array(env.last_info["cost"]).T)
    worst, before = 0.0, _copy(env.local_state)
    for period in range(1, env.horizon):
        orders = _orders_of_every_kind(env, rng)
        _, reward, _, _, info = env.step_orders(orders)
        placed, after = np.array(env.ordered), _copy(env.local_state)
        for field, values in after._asdict().items():
            require((values >= 0).all(), "books", period, _where(env, values < 0), f"{field} of at least 0")
        unmet = after.backorder + info.get("lost_sales", 0.0)
        fixed = info.get("order_cost")
        cost = backorder * unmet + holding * after.on_hand + (0.0 if fixed is None else fixed)
        cost = cost + overflow * info.get("waiting", 0.0)
        scale = 1.0 + np.maximum(before.on_order + before.on_hand, placed + before.backorder + after.demand)
        expected = rule.step(np.array(info["cost"]).T, None if fixed is None else np.array(fixed).T).T
        gaps = _unit_gaps(env, before, after, placed, unmet, info) | {
            "cost = backorder cost x owed or lost + holding cost x on hand + of orders and overflow": (
                info["cost"] - cost
            )
            / (1.0 + cost),
            "the reward that follows from the costs": (reward - expected) / (1.0 + np.abs(expected)),
        }
        for law, gap in gaps.items():
            relative = np.abs(gap) / scale
            worst = max(worst, float(relative.max()))
            where = _where(env, ~(relative <= TOLERANCE))
            require((relative <= TOLERANCE).all(), "books", period, where, f"{law} (off by {np.abs(gap).max():g})")
        before = after
    promise = "units are conserved at every firm, nothing is negative, no stock is held back from a backorder"
    return Check("books", promise, f"{ROWS} episodes, largest relative gap {worst:.0e}")


def _unit_gaps(
    env: VectorEnv, before: LocalState, after: LocalState, placed: np.ndarray, unmet: np.ndarray, info: Any
) -> dict[str, np.ndarray]:
    """By how many units [B, N] each law of conservation fails in a period."""
    limits = capacities(env.scenario)
    capacity = np.full(len(env.agents), np.inf) if limits is None else limits
    shipped = before.backorder + after.demand - unmet
    spare = np.where(info.get("closed", False), 0.0, np.minimum(after.on_hand, capacity - shipped))
    return {
        "on order = before + ordered - received": after.on_order - (before.on_order + placed - after.received),
        "on hand = before + received - shipped": after.on_hand - (before.on_hand + after.received - shipped),
        "no more shipped than the capacity": np.maximum(shipped - capacity, 0.0),
        "no stock held back while something is owed": np.minimum(spare, unmet),
    }


def check_determinism(make_batch: MakeBatch, seed: int) -> Check:
    """The same seed and actions give the same episodes to the last bit; another seed, and the next episode, differ."""

    def episode(env: VectorEnv, own_seed: int | None) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        record = [np.array(env.reset(seed=own_seed))]
        for _ in range(env.horizon - 1):
            observation, reward, _, _, info = env.step(rng.integers(env.num_actions, size=(ROWS, len(env.agents))))
            record += [np.array(observation), np.array(reward), np.array(info["cost"])]
        return record

    env = make_batch(ROWS)
    first, again = episode(env, seed), episode(make_batch(ROWS), seed)
    for index, (one, two) in enumerate(zip(first, again, strict=True)):
        require(np.array_equal(one, two), "determinism", index // 3, "all firms", "same numbers from the same seed")
    if _demand_is_random(make_batch(ROWS), seed):  # small demand may be equal once, not always
        others = any(_differ(first, episode(make_batch(ROWS), seed + 1 + k)) for k in range(TRIES))
        require(others, "determinism", 0, "all firms", "another episode from another seed")
        following = any(_differ(first, episode(env, None)) for _ in range(TRIES))
        require(following, "determinism", 0, "all firms", "another demand in the next episode")
    promise = "a seed determines the whole episode to the last bit, and another seed gives another one"
    return Check("determinism", promise, f"{ROWS} episodes, {len(first)} arrays")


def _differ(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def check_batch(make_batch: MakeBatch, make_single: MakeSingle, seed: int) -> Check:
    """Row k of a batch is the single environment with row k's seed, and is as strict as it."""
    seeds = [seed, seed + 1, seed + 7]
    batch, rng = make_batch(len(seeds)), np.random.default_rng(seed)
    shape = (len(seeds), len(batch.agents))
    singles = [make_single() for _ in seeds]
    _check_facts(batch, singles[0])
    seen = np.array(batch.reset(seed=seeds))
    for row, single in enumerate(singles):
        observations, _ = single.reset(seed=seeds[row])
        for i, name in enumerate(batch.agents):
            require(np.array_equal(observations[name], seen[row, i]), "batch", 0, name, "row like the single one")
    for period in range(1, batch.horizon):
        if period == batch.horizon // 2:
            _check_refusals(batch, period)
        actions = rng.integers(batch.num_actions, size=shape)
        seen, rewards, terminated, truncated, info = batch.step(actions)
        last = period == batch.horizon - 1
        ends = np.array_equal(terminated, np.zeros(len(seeds), bool)) and np.array_equal(
            truncated, np.full(len(seeds), last)
        )
        require(ends, "batch", period, "all rows", "end by truncation at the horizon only")
        for row, single in enumerate(singles):
            observations, own_rewards, _, _, infos = single.step(
                dict(zip(batch.agents, actions[row].tolist(), strict=True))
            )
            for i, name in enumerate(batch.agents):
                own = (own_rewards[name], infos[name]["cost"])
                same = np.allclose(own, (rewards[row, i], info["cost"][row, i]), rtol=TOLERANCE, atol=TOLERANCE)
                same &= np.array_equal(observations[name], seen[row, i])
                require(same, "batch", period, name, f"row {row} like the single environment")
    zeros = np.zeros(shape, dtype=int)
    require_refusal(partial(batch.step, zeros), "batch", batch.horizon - 1, "all rows", "a step after the end")
    return Check("batch", "row k of a batch is the single environment k", f"{len(seeds)} episodes side by side")


def _check_facts(batch: VectorEnv, single: Any) -> None:
    """What both say of the network and the episode is the same, and is true of the network."""
    network = batch.scenario.network
    facts: dict[str, tuple[Any, ...]] = {
        "agents": (tuple(single.possible_agents), tuple(batch.agents), tuple(network.agents)),
        "adjacency_matrix": (single.adjacency_matrix, batch.adjacency_matrix, network.adjacency_matrix),
        "reward_delay": ([single.reward_delay[name] for name in network.agents], batch.reward_delay),
        "num_actions": ([single.action_space(name).n for name in network.agents], batch.num_actions),
        "horizon": (single.scenario.horizon, batch.horizon),
    }
    for fact, (one, *others) in facts.items():
        same = all(np.array_equal(one, other) for other in others)
        require(same, "batch", 0, "environment", f"the same {fact} in both environments")


def _check_refusals(env: VectorEnv, period: int) -> None:
    """Actions and orders that make no sense raise an error; the next step then shows whether they have left a trace."""
    shape, count = (env.num_envs, len(env.agents)), int(env.num_actions[0])
    zeros = np.zeros(shape, dtype=int)
    bad_actions = {
        f"action {count} of 0 .. {count - 1}": zeros + count,
        "action -1": zeros - 1,
        "action 0.5": zeros + 0.5,
        "actions of another shape": zeros[:, :-1],
    }
    for what, actions in bad_actions.items():
        require_refusal(partial(env.step, actions), "batch", period, "all rows", what)
    for quantity in (-1.0, np.nan, np.inf):
        orders = np.full(shape, quantity)
        require_refusal(partial(env.step_orders, orders), "batch", period, "all rows", f"orders of {quantity}")


def check_independence(make_batch: MakeBatch, seed: int) -> Check:
    """What was returned is never written again, and writing into it changes nothing; a copy goes on by itself."""
    env, untouched = make_batch(ROWS), make_batch(ROWS)
    rng = np.random.default_rng(seed)
    kept, copies = [env.reset(seed=seed)], []
    untouched.reset(seed=seed)
    copies.append(np.array(kept[0]))
    twin = None
    for period in range(1, env.horizon):
        actions = rng.integers(env.num_actions, size=(ROWS, len(env.agents)))
        if period == env.horizon // 2:
            twin = copy.deepcopy(env)
        observation, reward, _, _, info = env.step(actions)
        expected = untouched.step(actions)[0]
        require(np.array_equal(observation, expected), "independence", period, "all firms", "untouched future")
        if twin is not None:
            like = np.array_equal(twin.step(actions)[0], expected)
            require(like, "independence", period, "all firms", "a deep copy to go on like the original")
        for array in (observation, reward, info["cost"]):
            kept.append(array)
            copies.append(np.array(array))
        for array in kept[-3:]:
            array *= 1.5  # as a learner that scales in place would
        copies[-3:] = [np.array(array) for array in kept[-3:]]
    for before, after in zip(copies, kept, strict=True):
        require(np.array_equal(before, np.asarray(after)), "independence", env.period, "all firms", "untouched past")
    return Check("independence", "returned arrays belong to the caller", f"{len(kept)} arrays")


def _orders_of_every_kind(env: VectorEnv, rng: np.random.Generator) -> np.ndarray:
    """[B, N]: nothing, about the mean demand, fractions, floods."""
    mean = np.maximum(env.observation_scale, 1.0)
    return mean * rng.choice([0.0, 0.5, 1.0, 1.0 / 3.0, 7.0], size=(env.num_envs, len(env.agents)))


def _demand_is_random(env: VectorEnv, seed: int) -> bool:
    """Whether the rows of a batch meet different external demand in any period."""
    env.reset(seed=seed)
    retailers = env.scenario.network.retailers
    for period in range(env.horizon):
        demand = np.asarray(env.local_state.demand)[:, retailers]
        if (demand != demand[0]).any():
            return True
        if period < env.horizon - 1:
            env.step_orders(np.zeros((env.num_envs, len(env.agents))))
    return False


def _copy(local: LocalState) -> LocalState:
    return LocalState(*(np.array(values, dtype=np.float64) for values in local))


def _where(env: VectorEnv, broken: np.ndarray) -> str:
    """The first firm (of any row) where something is broken."""
    firms = np.flatnonzero(broken.any(axis=0))
    return env.agents[firms[0]] if len(firms) else "all firms"
