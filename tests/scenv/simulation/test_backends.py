"""One set of equations on every array library: the same numbers, and costs that can be differentiated."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.policies import BaseStock
from scenv.simulation.observation import LOCAL_STATE_SIZE
from scenv.simulation.row_block import RowBlock
from scenv.simulation.structure import build_structure
from tests.scenv.strategies import scenarios

torch = pytest.importorskip("torch")

ROUNDING = {"rtol": 1e-12, "atol": 1e-10}


@settings(max_examples=20, deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_torch_gives_numpys_numbers(scenario: scenv.Scenario, seed: int) -> None:
    mine = scenv.VectorEnv(scenario, num_envs=3, seed=seed)
    other = scenv.VectorEnv(scenario, num_envs=3, seed=seed, backend="torch")
    np.testing.assert_allclose(other.reset().numpy(), mine.reset(), rtol=1e-6, atol=1e-6)
    rng = np.random.default_rng(seed)
    while mine.period < scenario.horizon - 1:
        if rng.random() < 0.5:
            actions = rng.integers(0, mine.num_actions, size=(3, len(mine.agents)))
            results = mine.step(actions), other.step(torch.as_tensor(actions))
        else:
            orders = rng.uniform(0, 30, size=(3, len(mine.agents)))
            results = mine.step_orders(orders), other.step_orders(torch.as_tensor(orders))
        (observation, reward, _, truncated, info), (its_observation, its_reward, _, its_truncated, its_info) = results
        assert its_observation.dtype == torch.float32
        assert its_reward.dtype == torch.float64
        assert tuple(its_observation.shape) == observation.shape
        np.testing.assert_allclose(its_observation.numpy(), observation, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(its_reward.numpy(), reward, **ROUNDING)
        for field, values in info.items():
            np.testing.assert_allclose(its_info[field].numpy(), values, **ROUNDING)
        for its_field, field in zip(other.local_state, mine.local_state, strict=True):
            np.testing.assert_allclose(its_field.numpy(), field, **ROUNDING)
        np.testing.assert_array_equal(its_truncated, truncated)


@settings(max_examples=10, deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
def test_the_equations_use_only_the_array_api(scenario: scenv.Scenario, seed: int) -> None:
    """array-api-strict refuses whatever the standard does not promise."""
    mine = scenv.VectorEnv(scenario, num_envs=2, seed=seed)
    mine.reset()
    demand = np.random.default_rng(seed).uniform(0, 20, size=(scenario.horizon, mine.structure.num_retailers, 2))
    demand = np.round(demand) if scenario.whole_units else demand
    blocks = [
        RowBlock(scenario, build_structure(scenario, asarray), slice(0, 2))
        for asarray in (np.asarray, array_api_strict.asarray)
    ]
    orders = np.random.default_rng(seed).uniform(0, 30, size=(scenario.horizon, len(mine.agents), 2))
    blocks[0].start(demand, mine.exogenous.conditions_of(slice(0, 2), np.asarray))
    blocks[1].start(
        array_api_strict.asarray(demand), mine.exogenous.conditions_of(slice(0, 2), array_api_strict.asarray)
    )
    for period in range(1, scenario.horizon):
        blocks[0].step(orders[period], period)
        blocks[1].step(array_api_strict.asarray(orders[period]), period)
        for name in ("cost", "reward"):
            np.testing.assert_allclose(
                np.asarray(getattr(blocks[1], name)), np.asarray(getattr(blocks[0], name)), **ROUNDING
            )
        np.testing.assert_allclose(np.asarray(blocks[1].observation), blocks[0].observation, rtol=1e-6, atol=1e-6)


def test_policies_run_on_torch() -> None:
    costs = []
    for backend in ("numpy", "torch"):
        env = scenv.vector_env("r1", 4, seed=5, backend=backend)
        policy = BaseStock("r1")
        env.reset()
        total = 0.0
        while env.period < env.horizon - 1:
            total += float(env.step_orders(policy.orders(env.local_state))[4]["cost"].sum())
        costs.append(total)
    assert costs[0] == pytest.approx(costs[1], rel=1e-12)


def episode_cost(env: scenv.VectorEnv, orders: Any) -> Any:
    """Cost of the first len(orders) steps under given orders [T, B, N]."""
    env.reset(seed=2)
    return sum(env.step_orders(quantity)[4]["cost"].sum() for quantity in orders)


EXTENDED = {
    "shipment_lead_time": {"values": [1, 3]},
    "lost_sales": True,
    "disruptions": [{"kind": "closure", "probability": 0.05, "duration": 2}],
}
STORED = {"review_period": {"default": 1, "ret_0": 2}, "storage_capacity": 30, "order_cost": 7}


@pytest.mark.parametrize(
    "fields",
    [{}, {"allocation": "priority"}, EXTENDED, STORED],
    ids=["plain", "priority", "extended", "reviews and full stocks"],
)
@pytest.mark.parametrize("name", ["bg", "r2"])
def test_the_derivative_by_orders_is_that_of_finite_differences(name: str, fields: dict[str, Any]) -> None:
    """Stock is scarce in this path (several firms owe), so both branches of the service are differentiated."""
    env = scenv.vector_env(name, 2, backend="torch", **fields)
    mean = torch.as_tensor(env.observation_scale)
    generator = torch.Generator().manual_seed(0)
    orders = torch.rand(20, 2, len(env.agents), generator=generator, dtype=torch.float64) * 1.6 * mean
    orders.requires_grad_()
    episode_cost(env, orders).backward()
    assert (env.local_state.backorder > 0).any()
    assert (env.local_state.on_hand > 0).any()
    for _ in range(5):
        direction = torch.randn(orders.shape, generator=generator, dtype=torch.float64)
        step = 1e-6
        with torch.no_grad():
            ahead, behind = (episode_cost(env, orders + sign * step * direction) for sign in (1, -1))
        slope = float(ahead - behind) / (2 * step)
        assert slope == pytest.approx(float((orders.grad * direction).sum()), rel=1e-5)


def test_a_firm_without_stock_and_claims_keeps_its_derivative() -> None:
    """Nothing at hand, nothing owed, nothing asked is a corner of the service rule: one unit more that the supplier
    orders at the end of period t arrives in t + 3 and costs 0.4 in each period from then to the sixth."""
    env = scenv.vector_env("bg", 1, backend="torch", demand={"kind": "deterministic", "values": [0.0]})
    orders = torch.zeros(6, 1, 4, dtype=torch.float64, requires_grad=True)
    episode_cost(env, orders).backward()
    supplier = env.agents.index("sup_0")
    assert orders.grad[:, 0, supplier].tolist() == pytest.approx([1.6, 1.2, 0.8, 0.4, 0.0, 0.0])


def test_observations_carry_the_gradient() -> None:
    """Orders from a linear rule on the observation have the same gradient as from the same rule on double-precision
    local states, joined by hand."""
    gradients = []
    for through_observation in (True, False):
        env = scenv.vector_env("r1", 3, backend="torch", seed=1)
        observation = env.reset()
        scale = torch.as_tensor(env.observation_scale)[:, None]
        weights = torch.linspace(-0.02, 0.05, env.observation_size, dtype=torch.float64, requires_grad=True)
        periods = [torch.zeros(3, len(env.agents), LOCAL_STATE_SIZE, dtype=torch.float64)] * 6
        total = torch.zeros((), dtype=torch.float64)
        for _ in range(15):
            periods = [*periods[1:], torch.stack(list(env.local_state), dim=2)]
            seen = observation.double() if through_observation else torch.cat(periods, dim=2)
            orders = torch.nn.functional.softplus((seen / scale) @ weights + 0.5) * scale[:, 0]
            observation, _, _, _, info = env.step_orders(orders)
            total = total + info["cost"].sum()
        (gradient,) = torch.autograd.grad(total, weights)
        gradients.append(gradient)
    assert gradients[1].abs().min() > 0
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=0)


def test_small_networks_learn_by_backpropagating_the_episodes_cost() -> None:
    env = scenv.vector_env("bg", 16, backend="torch", horizon=25, warmup=0)
    torch.manual_seed(0)
    firms = [
        torch.nn.Sequential(torch.nn.Linear(env.observation_size, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        for _ in env.agents
    ]
    optimiser = torch.optim.Adam([p for firm in firms for p in firm.parameters()], lr=0.01)
    scale = torch.as_tensor(env.observation_scale, dtype=torch.float32)
    costs = []
    for _ in range(20):
        observation, total = env.reset(seed=0), torch.zeros((), dtype=torch.float64)
        while env.period < env.horizon - 1:
            features = observation / scale[:, None] - 1
            quantity = torch.cat([firm(features[:, i]) for i, firm in enumerate(firms)], dim=1)
            observation, _, _, _, info = env.step_orders(torch.relu(quantity + 1) * scale)
            total = total + info["cost"].sum(dim=1).mean()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        costs.append(float(total.detach()))
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for firm in firms for p in firm.parameters())
    assert costs[-1] < 0.8 * costs[0]


def test_scaling_a_torch_observation_in_place_does_not_change_the_future() -> None:
    env, untouched = (scenv.vector_env("bg", 2, seed=1, backend="torch") for _ in range(2))
    mine = env.reset()
    untouched.reset()
    for _ in range(4):
        mine *= 0.0
        env.last_info["cost"] *= 0.0
        mine, reward, *_ = env.step(torch.full((2, 4), 9))
        theirs, their_reward, *_ = untouched.step(torch.full((2, 4), 9))
        assert torch.equal(mine, theirs)
        assert torch.equal(reward, their_reward)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "jax"}, "backend must be 'numpy' or 'torch', got 'jax'"),
        ({"backend": "numpy", "device": "cuda"}, "'numpy' has no device 'cuda'"),
        ({"backend": "torch", "device": "gpu"}, "device 'gpu' cannot be used here"),
        ({"backend": "torch", "device": 2.5}, "device 2.5 cannot be used here"),
        ({"backend": "torch", "device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
    ],
)
def test_unknown_backends_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(scenv.ScenvError, match=message) as caught:
        scenv.vector_env("bg", 2, **arguments)
    assert len(str(caught.value).splitlines()) == 1
