"""The supply chains behind the door: costs, rewards and neighbours are the ones that scenv means."""

import numpy as np
import pytest
import torch

import scenv
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.learners.evaluation import play_baselines

CPU = torch.device("cpu")


def test_baselines_cost_what_scenv_says():
    outcomes = play_baselines(make_env("scenv:vector_env", {"scenario": "bg"}, 20, seed=1), seed=11)
    assert next(iter(outcomes)) == "base-stock"
    expected = scenv.evaluate(scenv.policies.BaseStock("bg"), "bg", episodes=20, seed=11)
    np.testing.assert_allclose(outcomes["base-stock"].totals, expected.firm_costs)
    assert outcomes["base-stock"].ci95 == pytest.approx(expected.ci95)


@pytest.mark.parametrize(("end", "usable"), [("after_arrival", 49 - 8), ("after_action", 49 - 9)])
def test_aligned_rewards_are_equation_11_of_their_own_action(end, usable):
    """r_i^t = (1/dt) sum over t' = t + lt_i .. end of gamma^(t'-t) c_r C_i^t', worked out from the costs; the window
    ends at t + lt_i + dt (ours, dt = 5) or at t + dt (as printed, dt = 10).
    """
    # Retailers wait longer than the others, so that the delays differ from firm to firm.
    lead = {"default": 1, "whole_0 -> ret_0": 3}
    env = make_env(
        "scenv:vector_env", {"scenario": "bg", "shipment_lead_time": lead, "reward_window_end": end}, 3, seed=0
    )
    spec, costs = describe(env), []
    rng = torch.Generator().manual_seed(0)

    def act(observations):  # is called in period t, before the step: the latest cost is that of period t
        costs.append(env.last_info["cost"])
        return torch.randint(33, (4, 3), generator=rng)

    aligned = align(collect(env, spec, act, 5, CPU), torch.as_tensor(spec.reward_delay))
    costs.append(env.last_info["cost"])
    assert aligned.rewards.shape == (usable, 3, 4)
    assert spec.usable_steps == usable
    for i, (name, mean) in enumerate(zip(spec.agents, env.observation_scale, strict=True)):
        first = 4 if name == "ret_0" else 2
        last, dt = (first + 5, 5) if end == "after_arrival" else (10, 10)
        for t in range(len(aligned.rewards)):
            window = range(t + first, t + last + 1)
            expected = sum(0.95 ** (s - t) * -0.1 / mean * costs[s][:, i] for s in window) / dt
            np.testing.assert_allclose(aligned.rewards[t, :, i].numpy(), expected, rtol=1e-5)


def test_the_default_leaves_42_usable_transitions_of_49():
    spec = describe(make_env("scenv:vector_env", {"scenario": "r2"}, 1, seed=0))
    assert (spec.max_steps, spec.usable_steps) == (49, 42)


def test_a_parallel_env_of_scenv_equals_its_batched_twin():
    batched = make_env("scenv:vector_env", {"scenario": "bg"}, 2, seed=0)
    copies = make_env("scenv:parallel_env", {"scenario": "bg"}, 2, seed=0, max_steps=49)
    one, two = describe(batched), describe(copies)
    for name in ("agents", "observation_size", "max_steps"):
        assert getattr(one, name) == getattr(two, name)
    for name in ("num_actions", "adjacency", "reward_delay"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
