"""The adjoint of a whole episode against automatic differentiation of the equations, under every rule that it knows."""

import numpy as np
import pytest

import scenv
from scenv.simulation.array_ops import positive_part

torch = pytest.importorskip("torch")

B, HORIZON, HISTORY = 3, 12, 2
#: Base-stock would hardly ever run short; scarce stock and drawn orders make every branch occur.
COMMON = {"horizon": HORIZON, "warmup": 2, "history": HISTORY, "initial_stock_periods": 0.5}
CLOSURE = {"kind": "closure", "period": 3, "duration": 3}
#: Links of bg and r1, some.
PROMPT = {"external -> sup_0": 0}
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
    "orders within the period": {"order_lead_time": 0},
    "goods within the period": {"shipment_lead_time": 0},
    "both within the period": {"order_lead_time": 0, "shipment_lead_time": 0, "capacity": 30},
    "some within the period": {
        "order_lead_time": {"default": 1, **PROMPT},
        "shipment_lead_time": {"default": 2, **PROMPT},
    },
    "drawn, within the period or not": {
        "order_lead_time": {"values": [0, 1, 2]},
        "shipment_lead_time": {"values": [0, 2]},
        "disruptions": [CLOSURE],
        "lost_sales": True,
    },
    "all of it": {"capacity": 20, "lost_sales": True, "disruptions": [CLOSURE], "order_lead_time": {"values": [1, 2]}},
}


@pytest.fixture(autouse=True)
def no_floor(monkeypatch):
    """OO's floor removes nothing but dust, at which automatic differentiation loses the gradient."""
    monkeypatch.setattr("scenv.simulation.dynamics.positive_part", lambda x: x)
    monkeypatch.setattr("scenv.simulation.ordering.order_quantity", lambda d, a: positive_part(d + a))


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


#: Where firms order within a period, orders answer other orders of the same period.
WITHIN = [rule for rule in RULES if "within" in rule]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in WITHIN or rule == "goods within the period"])
@pytest.mark.parametrize("network", ["bg", "r1"])
def test_an_episodes_gradients_equal_automatic_differentiation(network, rule):
    n = len(scenv.load_network(network).agents)
    rng = np.random.default_rng(1)
    together = rng.uniform(0, 1, (HORIZON, 1, n))
    expected = by_autograd(network, rule, together)
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(by_hand(network, rule, together), expected[0], rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize("rule", WITHIN)
@pytest.mark.parametrize("network", ["bg", "r1"])
def test_gradients_of_adjustments_equal_automatic_differentiation(network, rule):
    """Where orders are placed within a period, firms answer the demand that others' orders of the same period make."""
    twin, env = make(network, rule, "torch"), make(network, rule, "numpy")
    assert env.orders_within.any() or "goods" in rule
    base, by_observation, _ = reactions(env)
    base = base - 0.5 * env.observation_scale[:, None]
    weights = np.random.default_rng(1).uniform(0, 1, (HORIZON, 1, len(env.agents)))
    env.keep_passages()
    seen, its_seen, given, costs = env.reset(), twin.reset(), [], [twin.last_info["cost"]]
    slopes, ordered = [], []
    for t in range(HORIZON - 1):
        adjustment = base[t].T + np.einsum("bno,no->bn", seen.astype(float), by_observation[t])
        its = torch.as_tensor(base[t].T) + torch.einsum(
            "bno,no->bn", its_seen.double(), torch.as_tensor(by_observation[t])
        )
        given.append(its + torch.zeros_like(its, requires_grad=True))
        before = env.local_state.demand
        seen, its_seen = env.step_adjustments(adjustment)[0], twin.step_adjustments(given[-1])[0]
        costs.append(twin.last_info["cost"])
        answered = np.where(env.orders_within, env.local_state.demand, before)
        ordered.append((answered + adjustment > 0).T)
        slopes.append(by_observation[t][:, :, None] * ordered[-1][:, None])
    found = env.order_gradients(weights, slopes, ordered) * np.array(ordered)
    total = (torch.stack(costs) * torch.as_tensor(weights[:, 0])[:, None]).sum()
    expected = np.array([g.T.numpy() for g in torch.autograd.grad(total, given)])
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize("rule", ["both within the period", "orders within the period"])
def test_gradients_of_adjustments_equal_finite_differences(rule):
    """Of the real equations, floors and all, by torch: each firm's adjustment in one period, a little more and less."""
    env = make("bg", rule, "torch")
    rng = np.random.default_rng(3)
    adjustments = torch.tensor(rng.uniform(-3, 2, (HORIZON - 1, B, 4)), requires_grad=True)

    def total(given):
        env.reset(seed=5)
        cost = 0.0
        for t in range(HORIZON - 1):
            cost = cost + env.step_adjustments(given[t])[4]["cost"].sum()
        return cost

    (gradient,) = torch.autograd.grad(total(adjustments), adjustments)
    for t, firm in [(0, 0), (2, 1), (5, 3)]:
        ends = []
        for step in (1e-5, -1e-5):
            moved = adjustments.detach().clone()
            moved[t, 0, firm] += step
            ends.append(float(total(moved)))
        assert float(gradient[t, 0, firm]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-4)


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
