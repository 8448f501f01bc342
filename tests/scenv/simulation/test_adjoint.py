"""The adjoint of a whole episode against automatic differentiation of the equations, under every rule that it knows."""

import numpy as np
import pytest

import scenv

torch = pytest.importorskip("torch")

B, HORIZON, HISTORY = 3, 12, 2
#: Base-stock would hardly ever run short; scarce stock and drawn orders make every branch occur.
COMMON = {"horizon": HORIZON, "warmup": 2, "history": HISTORY, "initial_stock_periods": 0.5}
CLOSURE = {"kind": "closure", "period": 3, "duration": 3}
RULES = {
    "plain": {},
    "lead times of several periods": {"shipment_lead_time": 3, "order_lead_time": 2},
    "capacity": {"capacity": 20},
    "lost sales": {"lost_sales": True},
    "drawn lead times": {"shipment_lead_time": {"values": [1, 3]}, "order_lead_time": {"values": [1, 2]}},
    "closures": {"disruptions": [CLOSURE]},
    "least orders and lots": {"minimum_order": 6, "lot_size": {"default": 4, "ret_0": 7}},
    "whole units": {"whole_units": True},
    "whole units, lots, closures": {"whole_units": True, "lot_size": 3, "disruptions": [CLOSURE], "order_cost": 5},
    "all of it": {"capacity": 20, "lost_sales": True, "disruptions": [CLOSURE], "order_lead_time": {"values": [1, 2]}},
}


@pytest.fixture(autouse=True)
def no_floor(monkeypatch):
    """OO's floor removes nothing but dust, at which automatic differentiation loses the gradient."""
    monkeypatch.setattr("scenv.simulation.dynamics.positive_part", lambda x: x)


def make(network, rule, backend):
    return scenv.vector_env(network, B, backend=backend, seed=1, **COMMON, **RULES[rule])


def reactions(env):
    """Policies q = max(0, base + A o + c d): for each step and firm some numbers, and signs that make all branches."""
    rng = np.random.default_rng(0)
    n, size = len(env.agents), env.observation_size
    mean = env.observation_scale
    base = rng.uniform(-0.3, 1.2, (HORIZON - 1, n, B)) * mean[:, None]
    return base, rng.normal(size=(HORIZON - 1, n, size)) * 0.05, rng.uniform(0, 0.5, (HORIZON - 1, n))


def by_autograd(network, rule, weights):
    """[T - 1, N, B] of every sum of costs, through torch."""
    env = make(network, rule, "torch")
    base, by_observation, by_demand = reactions(env)
    seen, orders, costs = env.reset(), [], [env.last_info["cost"]]
    for t in range(HORIZON - 1):
        slopes = torch.as_tensor(by_observation[t])
        quantity = torch.as_tensor(base[t].T) + torch.einsum("bno,no->bn", seen.double(), slopes)
        quantity = (quantity + torch.as_tensor(by_demand[t]) * env.local_state.demand).clamp(min=0)
        quantity = quantity + torch.zeros_like(quantity, requires_grad=True)
        orders.append(quantity)
        seen, _, _, _, info = env.step_orders(quantity)
        costs.append(info["cost"])
    cost = torch.stack(costs)  # [T, B, N]
    found = []
    for k in range(weights.shape[1]):
        total = (cost * torch.as_tensor(weights[:, k])[:, None]).sum()
        gradients = torch.autograd.grad(total, orders, retain_graph=True, allow_unused=True)
        found.append([torch.zeros(B, weights.shape[2]) if g is None else g for g in gradients])
    return np.array([[g.T.numpy() for g in own] for own in found])  # [K, T - 1, N, B]


def by_hand(network, rule, weights):
    env = make(network, rule, "numpy")
    env.keep_passages()
    base, by_observation, by_demand = reactions(env)
    seen, slopes, demand_slopes = env.reset(), [], []
    for t in range(HORIZON - 1):
        quantity = base[t].T + np.einsum("bno,no->bn", seen.astype(float), by_observation[t])
        quantity = quantity + by_demand[t] * env.local_state.demand
        open_ = (quantity > 0).T
        slopes.append(by_observation[t][:, :, None] * open_[:, None])
        demand_slopes.append(by_demand[t][:, None] * open_)
        seen, *_ = env.step_orders(np.maximum(quantity, 0))
    return env.order_gradients(weights, slopes, demand_slopes)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", ["bg", "r1"])
def test_an_episodes_gradients_equal_automatic_differentiation(network, rule):
    n = len(scenv.load_network(network).agents)
    rng = np.random.default_rng(1)
    together = rng.uniform(0, 1, (HORIZON, 1, n))
    expected = by_autograd(network, rule, together)
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(by_hand(network, rule, together), expected[0], rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize("side_by_side", [64e6, 1e4])
def test_every_firm_its_own_sum_of_costs(monkeypatch, side_by_side):
    """Also where not all sums fit side by side."""
    monkeypatch.setattr("scenv.simulation.adjoint._SIDE_BY_SIDE", side_by_side)
    n = 17
    own = np.broadcast_to(np.eye(n), (HORIZON, n, n)) * np.arange(HORIZON)[:, None, None]
    expected = by_autograd("r1", "plain", own)
    found = by_hand("r1", "plain", own)
    for i in range(n):
        scale = np.abs(expected[i]).max()
        np.testing.assert_allclose(found[:, i], expected[i, :, i], rtol=1e-4, atol=1e-6 * scale)


def test_blocks_of_rows_change_nothing(monkeypatch):
    weights = np.ones((HORIZON, 1, 4))
    whole = by_hand("bg", "plain", weights)
    monkeypatch.setattr("scenv.simulation.vector_env.BLOCK_CELLS", 4)
    np.testing.assert_allclose(by_hand("bg", "plain", weights), whole, rtol=1e-12)


def test_what_it_cannot_do_is_refused():
    env = scenv.vector_env("bg", 2, seed=0)
    env.reset()
    with pytest.raises(ValueError, match="keep_passages"):
        env.order_gradients(np.ones((50, 1, 4)), [], [])
    assert not scenv.vector_env("bg", 2, allocation="priority").has_order_gradients
    assert not scenv.vector_env("bg", 2, backend="torch").has_order_gradients
    assert not scenv.vector_env("bg", 2, review_period=2).has_order_gradients
    assert not scenv.vector_env("bg", 2, storage_capacity={"ret_0": 90}).has_order_gradients
    assert scenv.vector_env("bg", 2, review_period=1, lot_size=4, whole_units=True).has_order_gradients
