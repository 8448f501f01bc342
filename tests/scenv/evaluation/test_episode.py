"""Recorded episodes: the books they keep, and the bullwhip ratio by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.evaluation.episode import EpisodeRecorder
from scenv.simulation.dynamics import LocalState
from tests.scenv.strategies import scenarios


def an_episode(demand: list[float], orders: list[float], warmup: int = 0) -> scenv.Episode:
    """One firm that meets `demand` and orders `orders`; nothing is ever received."""
    scenario = scenv.load_scenario(scenv.generators.serial(1), costs="uniform", horizon=len(demand), warmup=warmup)
    on_order = np.concatenate([[0.0], np.cumsum(orders)])[: len(demand), None]
    nothing = np.zeros((len(demand), 1))
    local = LocalState(nothing, nothing, on_order, nothing, np.array(demand)[:, None])
    return scenv.Episode(scenario, local, nothing)


def test_bullwhip_by_hand() -> None:
    # Orders 1, 5, 3 have variance 8/3, demand 1, 3, 2 (in the same three periods) has variance 2/3.
    episode = an_episode(demand=[1.0, 3.0, 2.0, 9.0], orders=[1.0, 5.0, 3.0])
    np.testing.assert_allclose(episode.orders[:, 0], [1.0, 5.0, 3.0])
    np.testing.assert_allclose(episode.bullwhip, [4.0])


def test_bullwhip_leaves_the_warmup_out() -> None:
    # Counted: orders 5, 3 (variance 1), demand 3, 2 (variance 1/4).
    np.testing.assert_allclose(an_episode([1.0, 3.0, 2.0, 9.0], [100.0, 5.0, 3.0], warmup=1).bullwhip, [4.0])


def test_bullwhip_of_constant_demand_or_of_a_start_is_not_a_number() -> None:
    assert np.isnan(an_episode([2.0, 2.0, 2.0], [1.0, 5.0]).bullwhip).all()
    assert np.isnan(an_episode([2.0, 3.0], [1.0]).bullwhip).all()


def test_who_passes_demand_on_swings_as_much_as_it() -> None:
    episode = scenv.record_episode(scenv.policies.PassThrough("r2"), "r2", seed=3)
    assert episode.bullwhip[0] == pytest.approx(1.0)
    together = scenv.evaluate(scenv.policies.PassThrough("r2"), "r2", episodes=1, seed=3)
    np.testing.assert_allclose(episode.bullwhip, together.bullwhip)
    assert episode.total_cost == pytest.approx(together.mean)


@settings(max_examples=25)
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_orders_on_record_are_the_orders_placed(scenario: scenv.Scenario, seed: int) -> None:
    env, rng = scenv.VectorEnv(scenario, num_envs=1, seed=seed), np.random.default_rng(seed)
    recorder = EpisodeRecorder(scenario)
    env.reset()
    recorder.observe(env)
    placed = []
    while env.period < env.horizon - 1:
        orders = rng.choice([0.0, 3.5, 40.0], size=(1, len(env.agents)))
        env.step_orders(orders)
        placed.append(np.array(env.ordered))
        recorder.observe(env)
    episode = recorder.episode()
    np.testing.assert_allclose(episode.orders, np.concatenate(placed), atol=1e-9)
    np.testing.assert_allclose(episode.by_stage(episode.cost).sum(), episode.cost.sum())


def test_a_record_is_what_parallel_env_meets() -> None:
    env = scenv.parallel_env("bg")
    observations, _ = env.reset(seed=5)
    episode = scenv.record_episode(scenv.policies.BaseStock("bg"), "bg", seed=5)
    assert observations["ret_0"][-1] == episode.local.demand[0, 0] == episode.stage_demand[0, 0]


def test_a_new_episode_starts_a_new_record() -> None:
    env = scenv.vector_env("bg", 2, seed=0)
    recorder = EpisodeRecorder(env.scenario)
    for _ in range(2):
        env.reset()
        recorder.observe(env)
        env.step(np.zeros((2, 4), dtype=int))
        recorder.observe(env)
    assert recorder.episode().periods == 2
