"""Gymnasium vector environments: row k is the single environment k, in every autoreset mode."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import scenv

PAIRS = {
    "single_firm": (scenv.single_firm_env, scenv.single_firm_vector_env),
    "centralised": (scenv.centralised_env, scenv.centralised_vector_env),
}


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert set(one) == set(other)
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, np.ndarray) and one.dtype == object:
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)
    else:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize(("single", "vector"), PAIRS.values(), ids=PAIRS)
def test_equals_gymnasiums_own_batch_of_single_environments(single: Any, vector: Any, mode: AutoresetMode) -> None:
    """Through three episodes: observations, rewards, ends and infos, with gymnasium's SyncVectorEnv as the judge."""
    fields = {"max_cycles": 6, "normalise": True}
    theirs = SyncVectorEnv([lambda: single("bg", **fields)] * 3, autoreset_mode=mode)
    ours = vector("bg", num_envs=3, autoreset_mode=mode, **fields)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.single_action_space == theirs.single_action_space
    assert ours.metadata["autoreset_mode"] is mode
    for one, other in zip(ours.reset(seed=10), theirs.reset(seed=10), strict=True):
        assert_same(one, other)
    ours.action_space.seed(1)
    for _ in range(20):
        actions = ours.action_space.sample()
        for one, other in zip(ours.step(actions), theirs.step(actions), strict=True):
            assert_same(one, other)


def test_disabled_autoreset_waits_for_reset() -> None:
    envs = scenv.single_firm_vector_env("bg", num_envs=2, max_cycles=2, autoreset_mode="Disabled")
    envs.reset(seed=0)
    envs.step(np.array([3, 3]))
    assert envs.step(np.array([3, 3]))[3].all()
    with pytest.raises(ResetNeeded):
        envs.step(np.array([3, 3]))
    with pytest.raises(ValueError, match="rows of this environment end together"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(options={"reset_mask": np.array([True, True])})


def test_gymnasium_makes_it() -> None:
    envs = gymnasium.make_vec("scenv/SingleFirm-v0", num_envs=5, vectorization_mode="vector_entry_point", agent="sup_0")
    assert isinstance(envs.unwrapped, scenv.SingleAgentVectorEnv)
    observations, infos = envs.reset(seed=3)
    assert observations.shape == (5, 30)
    assert infos["costs"].shape == (5, 4)
    envs.close()


def test_seeds_by_row_and_refusals() -> None:
    envs = scenv.centralised_vector_env("bg", num_envs=2)
    same, _ = envs.reset(seed=[4, 4])
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], scenv.centralised_env("bg").reset(seed=4)[0])
    with pytest.raises(ValueError, match="one"):
        envs.reset(seed=[4, None])
    with pytest.raises(ValueError, match="one per row"):
        envs.reset(seed=[4])
    for bad in (np.zeros((2, 3), int), np.zeros((2, 4)), np.full((2, 4), 33), np.zeros(2, int)):
        with pytest.raises(scenv.ActionError):
            envs.step(bad)
    one_firm = scenv.single_firm_vector_env("bg", num_envs=2)
    one_firm.reset()
    with pytest.raises(scenv.ActionError, match="shape"):
        one_firm.step(np.zeros((2, 4), int))
    with pytest.raises(ValueError, match="AutoresetMode"):
        scenv.single_firm_vector_env("bg", autoreset_mode="Sometimes")


@pytest.mark.parametrize("mode", AutoresetMode)
def test_all_firms_side_by_side_live_in_the_world_of_the_batch(mode: AutoresetMode) -> None:
    """Two episodes: what `vector_env` says, with Gymnasium's pair from `reset` and its autoreset."""
    envs = scenv.multi_agent_vector_env("r2", 3, max_cycles=5, autoreset_mode=mode, reward_scope="neighbours")
    batch = scenv.vector_env("r2", 3, horizon=6, warmup=5, reward="cost", reward_scope="neighbours")
    assert isinstance(envs, gymnasium.vector.VectorEnv)
    assert envs.single_observation_space.shape == (22, 30)
    assert envs.action_space.shape == (3, 22)
    assert not envs.reward_delay.any()
    rng = np.random.default_rng(0)
    for seed in (4, None):
        if seed is not None or mode is AutoresetMode.DISABLED:
            first, infos = envs.reset(seed=seed)
        elif mode is AutoresetMode.NEXT_STEP:
            first, rewards, _, truncated, infos = envs.step(np.zeros((3, 22), dtype=int))
            assert rewards.shape == (3, 22)
            assert not rewards.any()
            assert not truncated.any()
        np.testing.assert_array_equal(first, batch.reset(None if seed is None else [4, 5, 6]))
        np.testing.assert_array_equal(infos["cost"], batch.last_info["cost"])
        assert envs.observation_space.contains(first)
        for step in range(5):
            actions = rng.integers(10, size=(3, 22))
            expected = batch.step(actions)
            seen, rewards, terminated, truncated, infos = envs.step(actions)
            assert truncated.all() == (step == 4)
            assert not terminated.any()
            np.testing.assert_array_equal(rewards, expected[1])
            ended = step == 4 and mode is AutoresetMode.SAME_STEP
            np.testing.assert_array_equal(np.stack(infos["final_obs"]) if ended else seen, expected[0])
            cost = infos["final_info"]["cost"] if ended else infos["cost"]
            np.testing.assert_array_equal(cost, expected[4]["cost"])
        first = seen
    envs.close()


def test_all_firms_scaled_and_refused() -> None:
    raw, scaled = (scenv.multi_agent_vector_env("bg", 2, normalise=normalise) for normalise in (False, True))
    one, other = (envs.reset(seed=0)[0] for envs in (raw, scaled))
    np.testing.assert_allclose(one / 32, other, rtol=1e-6)
    for bad in (np.zeros(4, dtype=int), np.full((2, 4), 33), np.full((2, 4), 0.5)):
        with pytest.raises(scenv.ActionError):
            raw.step(bad)
    assert scenv.multi_agent_vector_env("bg", 2, reward="windowed").reward_delay.tolist() == [7] * 4
