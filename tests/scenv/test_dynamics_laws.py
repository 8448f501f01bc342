"""Laws that hold for any network, lead times, demand and orders (MODEL.md section 2, invariants)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.dynamics import State, place_orders
from tests.scenv.strategies import scenarios

TOLERANCE = 1e-9
LAWS = settings(max_examples=50, deadline=None)


def random_orders(env: scenv.VectorEnv, rng: np.random.Generator) -> np.ndarray:
    """Orders [B, N] of every kind: nothing, whole numbers, fractions, floods."""
    shape = (env.num_envs, len(env.agents))
    return rng.choice([0.0, 1.0, 7.0, 50.0], size=shape) * rng.choice([1.0, rng.random()], size=shape)


def held_or_in_transit(state: State) -> np.ndarray:
    """All units inside the network, [B]: stock and goods under way."""
    return state.on_hand.sum(axis=0) + sum(slot.sum(axis=0) for slot in state.shipments)


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_units_are_conserved(scenario: scenv.Scenario, seed: int) -> None:
    """Received from outside - delivered to customers = change of everything held or in transit."""
    env, rng = scenv.VectorEnv(scenario, num_envs=3, seed=seed), np.random.default_rng(seed)
    env.reset()
    retailers = scenario.network.retailers
    while env.period < scenario.horizon - 1:
        before, owed = env.state, env.local_state.backorder[:, retailers]
        orders = random_orders(env, rng)
        # The external supplier hands over what the sources ordered one order lead time ago.
        due = place_orders(env.structure, before, orders.T).orders[0]
        supplied = due[: env.structure.num_sources].sum(axis=0)
        env.step_orders(orders)
        after = env.local_state
        delivered = (owed + after.demand[:, retailers] - after.backorder[:, retailers]).sum(axis=1)
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
        orders = random_orders(env, rng)
        arriving = env.state.shipments[0]
        total = total + orders.T[buyers] * share - arriving
        env.step_orders(orders)
        state = env.state
        on_link = sum(state.orders) + sum(state.shipments)
        on_link[structure.num_sources :] += state.backorder[: structure.num_edges]
        np.testing.assert_allclose(on_link, total, atol=TOLERANCE)
        by_firm = np.zeros_like(state.on_order)
        np.add.at(by_firm, buyers, on_link)
        np.testing.assert_allclose(env.local_state.on_order, by_firm.T, atol=TOLERANCE)


@LAWS
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_nothing_is_negative_and_stock_is_not_held_back(scenario: scenv.Scenario, seed: int) -> None:
    env, rng = scenv.VectorEnv(scenario, num_envs=2, seed=seed), np.random.default_rng(seed)
    env.reset()
    while env.period < scenario.horizon - 1:
        env.step_orders(random_orders(env, rng))
        state, local = env.state, env.local_state
        for array in (state.on_hand, state.on_order, state.backorder, *state.orders, *state.shipments, *local):
            assert (array >= 0).all()
        # A firm that still owes has given all it had.
        assert (np.minimum(local.backorder, local.on_hand) <= TOLERANCE).all()
        assert (env.last_info["cost"] >= 0).all()


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
                assert info["cost"][row, firm] == result[4][name]["cost"]


@pytest.mark.parametrize("many", [9, 400])  # one block of rows, several
def test_rows_do_not_depend_on_the_size_of_the_batch(many: int) -> None:
    small, large = scenv.vector_env("r1", num_envs=2, seed=5), scenv.vector_env("r1", num_envs=many, seed=5)
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
            np.testing.assert_array_equal(info["cost"], its_info["cost"][:2])
    for mine, its in zip(small.local_state, large.local_state, strict=True):
        np.testing.assert_array_equal(mine, its[:2])
    np.testing.assert_array_equal(small.state.backorder, large.state.backorder[:, :2])


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
