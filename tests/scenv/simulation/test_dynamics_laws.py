"""Laws that hold for any network, lead times (fixed or random), capacity, lost sales, disruptions, demand and orders
(MODEL.md section 2, invariants).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.scenario.implied import capacities, overflow_costs, storage_capacities, unit_costs
from scenv.simulation.dynamics import State
from tests.scenv.strategies import scenarios

TOLERANCE = 1e-9
LAWS = settings(max_examples=50, deadline=None)


def random_orders(env: scenv.VectorEnv, rng: np.random.Generator) -> np.ndarray:
    """Orders [B, N] of every kind: nothing, whole numbers, fractions, floods."""
    shape = (env.num_envs, len(env.agents))
    return rng.choice([0.0, 1.0, 7.0, 50.0], size=shape) * rng.choice([1.0, rng.random()], size=shape)


def is_closed(env: scenv.VectorEnv) -> np.ndarray:
    """[B, N] whether each firm is closed in the period just observed."""
    return np.asarray(env.last_info.get("closed", np.zeros((env.num_envs, len(env.agents)), dtype=bool)))


def received_on_links(env: scenv.VectorEnv, before: State, placed: np.ndarray) -> np.ndarray:
    """[S+E, B] goods received in the latest period: those due, and those that left and arrived in it; at the gate of a
    closed firm, goods wait.
    """
    structure, after, sources = env.structure, env.state, env.structure.num_sources
    links, buyers = structure.num_edges, structure.buyers.firm
    left = np.zeros((sources + links, env.num_envs))
    left[:sources] = sum(slot[:sources] for slot in before.orders) - sum(slot[:sources] for slot in after.orders)
    left[:sources] += (placed[buyers] * structure.share)[:sources]
    left[sources:] = (before.backorder + after.claims - after.backorder)[:links]
    drawn = env.exogenous.shipments
    longest = np.array([[link.longest] for link in structure.shipment_lead.links])
    journey = longest if drawn is None else drawn.periods[env.period]
    return (before.shipments[0] + left * (journey == 0)) * ~is_closed(env).T[buyers]


def lost_sales(env: scenv.VectorEnv) -> np.ndarray:
    """[B, N] external demand lost in the period just observed."""
    return np.asarray(env.last_info.get("lost_sales", np.zeros((env.num_envs, len(env.agents)))))


def held_or_in_transit(state: State) -> np.ndarray:
    """All units inside the network, [B]: stock and goods under way."""
    return state.on_hand.sum(axis=0) + sum(slot.sum(axis=0) for slot in state.shipments)


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_units_are_conserved(scenario: scenv.Scenario, seed: int) -> None:
    """Received from outside - delivered to customers = change of everything held or in transit."""
    env, rng = scenv.VectorEnv(scenario, num_envs=3, seed=seed), np.random.default_rng(seed)
    env.reset()
    while env.period < scenario.horizon - 1:
        before, outside = env.state, slice(env.structure.num_edges, None)
        env.step_orders(random_orders(env, rng))
        placed = env.ordered.T
        # The external supplier hands over what the sources have ordered and is no longer on its way to it.
        sources = slice(0, env.structure.num_sources)
        orders_before, orders_after = (
            sum(slot[sources].sum(axis=0) for slot in state.orders) for state in (before, env.state)
        )
        supplied = orders_before + placed[scenario.network.sources].sum(axis=0) - orders_after
        owed, still = (state.backorder[outside].sum(axis=0) for state in (before, env.state))
        delivered = owed + env.exogenous.demand[:, env.period].sum(axis=1) - still - lost_sales(env).sum(axis=1)
        assert (delivered >= -TOLERANCE).all()
        change = held_or_in_transit(env.state) - held_or_in_transit(before)
        np.testing.assert_allclose(supplied - delivered, change, atol=TOLERANCE)


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_on_order_is_what_is_under_way_or_owed_on_every_link(scenario: scenv.Scenario, seed: int) -> None:
    env, rng = scenv.VectorEnv(scenario, num_envs=2, seed=seed), np.random.default_rng(seed)
    env.reset()
    structure = env.structure
    # On order per link, kept by this test's own books: orders placed less goods received.
    share = structure.share
    buyers = structure.buyers.firm
    total = sum(env.state.orders) + sum(env.state.shipments)
    total[structure.num_sources :] += env.state.backorder[: structure.num_edges]
    while env.period < scenario.horizon - 1:
        before = env.state
        env.step_orders(random_orders(env, rng))
        placed = env.ordered.T
        total = total + placed[buyers] * share - received_on_links(env, before, placed)
        state = env.state
        on_link = sum(state.orders) + sum(state.shipments)
        on_link[structure.num_sources :] += state.backorder[: structure.num_edges]
        if scenario.storage_capacity is None and not scenario.whole_units:
            np.testing.assert_allclose(on_link, total, atol=TOLERANCE)
        by_firm = np.zeros_like(state.on_order)
        np.add.at(by_firm, buyers, on_link)
        np.testing.assert_allclose(env.local_state.on_order, by_firm.T, atol=TOLERANCE)


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_nothing_is_negative_and_stock_is_not_held_back(scenario: scenv.Scenario, seed: int) -> None:
    env, rng = scenv.VectorEnv(scenario, num_envs=2, seed=seed), np.random.default_rng(seed)
    env.reset()
    limits = capacities(scenario)
    capacity = np.full(len(env.agents), np.inf) if limits is None else limits
    while env.period < scenario.horizon - 1:
        before = env.local_state.on_hand
        env.step_orders(random_orders(env, rng))
        state, local, closed = env.state, env.local_state, is_closed(env)
        for array in (state.on_hand, state.on_order, state.backorder, *state.orders, *state.shipments, *local):
            assert (array >= 0).all()
        served = before + local.received - local.on_hand
        assert (served <= capacity + TOLERANCE).all()
        assert (np.abs(served[closed]) <= TOLERANCE).all()
        assert (local.received[closed] == 0).all()
        # A firm that is open and has not met all claims has given all it had, or all it can in a period.
        unmet = local.backorder + lost_sales(env)
        spare = np.minimum(local.on_hand, capacity - served)
        assert (np.minimum(unmet, spare)[~closed] <= TOLERANCE).all()
        holding, backorder = unit_costs(scenario)
        beside = env.last_info.get("order_cost", 0.0) + overflow_costs(scenario) * env.last_info.get("waiting", 0.0)
        np.testing.assert_allclose(env.last_info["cost"], holding * local.on_hand + backorder * unmet + beside)


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_whole_units_stay_whole_and_full_stocks_take_nothing_in(scenario: scenv.Scenario, seed: int) -> None:
    env, rng = scenv.VectorEnv(scenario, num_envs=2, seed=seed), np.random.default_rng(seed)
    env.reset()
    limits = storage_capacities(scenario)
    while env.period < scenario.horizon - 1:
        before = env.local_state.on_hand
        env.step_orders(random_orders(env, rng))
        state, local = env.state, env.local_state
        if scenario.whole_units:
            for array in (*local, state.backorder, state.claims, *state.orders, *state.shipments, state.ordered):
                np.testing.assert_array_equal(array, np.round(array))
        if limits is not None:
            full = before + local.received
            assert (np.minimum(local.received, full - limits) <= TOLERANCE).all()
            # Nobody waits at the gate of a firm that is open while there is room.
            assert (np.minimum(env.last_info["waiting"], limits - full)[~is_closed(env)] <= TOLERANCE).all()


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_row_k_of_a_batch_is_the_single_environment_k(scenario: scenv.Scenario, seed: int) -> None:
    seeds = [seed, seed + 1, seed + 7]
    batch = scenv.VectorEnv(scenario, num_envs=len(seeds))
    singles = [scenv.SupplyChainEnv(scenario) for _ in seeds]
    rng = np.random.default_rng(seed)
    observations = batch.reset(seed=seeds)
    for row, (single, own) in enumerate(zip(singles, seeds, strict=True)):
        alone, _ = single.reset(seed=own)
        for firm, name in enumerate(batch.agents):
            np.testing.assert_array_equal(observations[row, firm], alone[name])
    while batch.period < scenario.horizon - 1:
        actions = rng.integers(0, batch.num_actions, size=(len(seeds), len(batch.agents)))
        observations, rewards, _, truncated, info = batch.step(actions)
        for row, single in enumerate(singles):
            result = single.step(dict(zip(batch.agents, actions[row].tolist(), strict=True)))
            for firm, name in enumerate(batch.agents):
                np.testing.assert_array_equal(observations[row, firm], result[0][name])
                assert rewards[row, firm] == result[1][name]
                assert truncated[row] == result[3][name]
                for field, values in info.items():
                    assert values[row, firm] == result[4][name][field]


EVERYTHING = {
    "order_lead_time": {"values": [1, 2]},
    "shipment_lead_time": {"values": [1, 2, 5], "probabilities": [0.5, 0.3, 0.2]},
    "capacity": 9.0,
    "lost_sales": True,
    "disruptions": [
        {"kind": "closure", "probability": 0.05, "duration": {"values": [1, 4]}},
        {"kind": "delay", "between": [5, 20], "duration": 3, "extra": 2, "together": True},
        {"kind": "demand_shock", "period": 9, "duration": 4, "factor": 3},
    ],
    "review_period": {"default": 1, "ret_0": 3, "manu_0": 2},
    "minimum_order": 3,
    "lot_size": {"default": 2, "ret_0": 5},
    "order_cost": 4.5,
    "storage_capacity": 25,
    "whole_units": True,
}


@pytest.mark.parametrize("fields", [{}, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize(("many", "blocks"), [(9, 1), (900, 2)])
def test_rows_do_not_depend_on_the_size_of_the_batch(many: int, blocks: int, fields: dict[str, Any]) -> None:
    small, large = (scenv.vector_env("r1", num_envs=rows, seed=5, **fields) for rows in (2, many))
    assert len(large._blocks) == blocks
    actions = np.random.default_rng(0).integers(0, 15, size=(many, 17))
    for _ in range(2):  # a second episode goes on with the seed's streams
        np.testing.assert_array_equal(small.reset(), large.reset()[:2])
        for _ in range(20):
            (seen, reward, _, _, info), (its_seen, its_reward, _, _, its_info) = (
                small.step(actions[:2]),
                large.step(actions),
            )
            np.testing.assert_array_equal(seen, its_seen[:2])
            np.testing.assert_array_equal(reward, its_reward[:2])
            for field, values in info.items():
                np.testing.assert_array_equal(values, its_info[field][:2])
    for mine, its in zip(small.local_state, large.local_state, strict=True):
        np.testing.assert_array_equal(mine, its[:2])
    np.testing.assert_array_equal(small.state.backorder, large.state.backorder[:, :2])
    for mine, its in zip(small.state.shipments, large.state.shipments, strict=True):
        np.testing.assert_array_equal(mine, its[:, :2])


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
def test_a_whole_episode_is_determined_by_its_seed(name: str) -> None:
    def episode(seed: int) -> list[np.ndarray]:
        env = scenv.vector_env(name, num_envs=3)
        actions = np.random.default_rng(3).integers(0, env.num_actions[0], size=(env.horizon, 3, len(env.agents)))
        record = [env.reset(seed=seed)]
        for t in range(env.horizon - 1):
            observation, reward, _, _, info = env.step(actions[t])
            record += [observation, reward, info["cost"]]
        return record

    first, second, other = episode(11), episode(11), episode(12)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_constant_demand_with_full_pipelines_is_a_steady_state() -> None:
    env = scenv.vector_env("r3", num_envs=1, demand={"kind": "deterministic", "values": [4.0]})
    env.reset()
    stock = env.local_state.on_hand.copy()
    while env.period < env.horizon - 1:
        env.step_orders(env.local_state.demand)
        np.testing.assert_allclose(env.local_state.on_hand, stock, atol=TOLERANCE)
        np.testing.assert_allclose(env.local_state.backorder, 0, atol=TOLERANCE)
