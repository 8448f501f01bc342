"""Whose costs a firm's policy descends, and the gradient taken by hand: against one backward pass a firm."""

import numpy as np
import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.data.scaling import ObservationScaler
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_differentiable_env
from pmarl_trainer.errors import ConfigError
from pmarl_trainer.learners.graph import cost_scope
from pmarl_trainer.learners.hindsight import Episode, HindsightLearner

CPU = torch.device("cpu")
ENTRY = "scenv:vector_env"


def configure(**train):
    env = {"entry": ENTRY, "scenario": "bg"}
    return build_config({"env": env, "train": {"method": "hdpo", "hidden_size": 4, **train}}, "test").train


def gradients(network, *, by_hand, scale_hint=True, **train):
    """(Every parameter's gradient before clipping, the counted cost [N]), in float64 where the scaler can."""
    arguments = {"scenario": network, "horizon": 14, "warmup": 3, "initial_stock_periods": 1.0}
    env = make_differentiable_env(ENTRY, arguments, 4, 0, "cpu", by_hand=by_hand)
    assert getattr(env, "has_order_gradients", False) is by_hand
    spec = describe(env)
    learner = HindsightLearner(spec, configure(**train), CPU)
    if not scale_hint:  # moments of some observations, as other environments need them
        symlog = learner.config.observation_transform == "symlog"
        learner.scaler = ObservationScaler(None, len(spec.agents), spec.observation_size, symlog=symlog)
        seen = torch.as_tensor(np.random.default_rng(0).exponential(20, (50, len(spec.agents), spec.observation_size)))
        learner.scaler.update(seen.float())
    else:
        learner.policy.double()
        learner.scaler.double()
    with torch.no_grad():  # so that firms do not all pass demand on, and some run short
        learner.policy.output.weight.mul_(60)
    play = learner._by_hand if by_hand else learner._by_autograd
    counted, _ = play(env, 3, Episode(env.warmup))
    return [p.grad for p in learner.policy.parameters()], counted.detach()


@pytest.fixture(autouse=True)
def no_floor(monkeypatch):
    """OO's floor removes nothing but dust, at which automatic differentiation loses the gradient."""
    monkeypatch.setattr("scenv.simulation.dynamics.positive_part", lambda x: x)


@pytest.mark.parametrize("scope", ["own", "neighbours", "network"])
@pytest.mark.parametrize("network", ["bg", "r1"])
def test_by_hand_equals_one_backward_pass_a_firm(network, scope):
    """Observations are rounded to float32 on both ways, hence the tolerance."""
    found, cost = gradients(network, by_hand=True, cost_scope=scope)
    expected, same_cost = gradients(network, by_hand=False, cost_scope=scope)
    torch.testing.assert_close(cost, same_cost, rtol=1e-6, atol=0)
    for own, other in zip(found, expected, strict=True):
        assert float(other.abs().max()) > 0
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-5 * float(other.abs().max()))


@pytest.mark.parametrize(
    "settings",
    [
        {"order_range": "free"},
        {"adjustment": "straight_through"},
        {"observation_transform": "symlog"},
        {"scale_hint": False},
        {"scale_hint": False, "observation_transform": "symlog"},
    ],
    ids=str,
)
def test_by_hand_under_every_switch(settings):
    found, _ = gradients("bg", by_hand=True, **settings)
    expected, _ = gradients("bg", by_hand=False, **settings)
    atol = 1e-5 if settings.get("scale_hint", True) else 1e-3  # times the largest; in float32
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=100 * atol, atol=atol * float(other.abs().max()))


def test_scopes_on_a_chain():
    chain = np.array([[0, 1, 0], [-1, 0, 1], [0, -1, 0]])
    assert cost_scope(chain, "network").tolist() == [[1, 1, 1]]
    assert cost_scope(chain, "own").tolist() == np.eye(3).tolist()
    assert cost_scope(chain, "neighbours").tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


def test_the_selfish_gradient_is_the_difference_of_the_firms_own_cost():
    """Central differences of each firm's own cost by its own output bias, on the beer game."""
    bias = gradients("bg", by_hand=True, cost_scope="own")[0][-1].flatten()
    step = 1e-3
    for firm in range(4):
        costs = []
        for sign in (1, -1):
            env = make_differentiable_env(
                ENTRY,
                {"scenario": "bg", "horizon": 14, "warmup": 3, "initial_stock_periods": 1.0},
                4,
                0,
                "cpu",
                by_hand=True,
            )
            learner = HindsightLearner(describe(env), configure(cost_scope="own"), CPU)
            learner.policy.double()
            learner.scaler.double()
            with torch.no_grad():
                learner.policy.output.weight.mul_(60)
                learner.policy.output.bias[firm] += sign * step
            costs.append(float(learner._by_hand(env, 3, Episode(env.warmup))[0][firm]))
        slope = (costs[0] - costs[1]) / (2 * step) / np.mean(costs)
        assert float(bias[firm]) == pytest.approx(slope, rel=2e-2, abs=1e-4)


def test_scopes_are_a_switch_of_hdpo_alone():
    with pytest.raises(ConfigError, match="cost_scope"):
        configure(method="pmarl", cost_scope="own")
    with pytest.raises(ConfigError, match="cost_scope"):
        configure(cost_scope="friends")
