"""Shadow prices: the parties' gradients are those of back-propagation through the whole simulator."""

import pytest
import torch

import scenv
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.shadow_prices import HindsightParty

CPU = torch.device("cpu")
EVERYTHING = {
    "order_lead_time": {"values": [1, 2], "probabilities": [0.5, 0.5]},
    "shipment_lead_time": {"values": [1, 3], "probabilities": [0.4, 0.6]},
    "capacity": 30,
    "lost_sales": True,
    "allocation": "priority",
    "disruptions": [{"kind": "closure", "probability": 0.1, "duration": 2}],
}

ORDER_RULES = {
    "review_period": {"default": 2, "ret_0": 1},
    "lot_size": 2,
    "minimum_order": 3,
    "order_cost": 4.0,
    "storage_capacity": {"default": 40, "ret_0": 20},
    "whole_units": True,
}


def double(network):
    """Have a network compute in float64; its observations stay float32."""
    network.double().register_forward_pre_hook(lambda _, given: (given[0].double(),))


def both(name, rows=4, **fields):
    """(the central learner and its environment, a party a firm with the same parameters), in float64."""
    config = TrainConfig(method="hdpo", hidden_size=8, attention_heads=4, num_envs=rows, policy_clip=1e9)
    env = scenv.vector_env(name, rows, backend="torch", **fields)
    spec = describe(env)
    central, parties = HindsightLearner(spec, config, CPU), {}
    double(central.policy)
    for i, agent in enumerate(spec.agents):
        learner = HindsightLearner(spec.of_agent(i), config, CPU)
        double(learner.policy)
        with torch.no_grad():
            for own, stacked in zip(learner.policy.parameters(), central.policy.parameters(), strict=True):
                own.copy_(stacked[i : i + 1])
        firm = scenv.firm_env(name, agent, num_envs=rows, backend="torch", **fields)
        parties[agent] = HindsightParty(firm, learner)
    return central, env, parties


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("bg", {}),
        ("bg", ORDER_RULES),
        ("r1", {"horizon": 20}),
        ("r1", {"horizon": 20, **EVERYTHING}),
        ("r1", {"horizon": 20, **EVERYTHING, **ORDER_RULES}),
    ],
)
def test_the_divided_gradient_is_the_central_one(name, fields, monkeypatch):
    monkeypatch.setattr(HindsightLearner, "step", lambda self, seen: None)  # gradients stay to be compared
    central, env, parties = both(name, **fields)
    logged = central.improve(env, seed=3)
    divided = LocalExchange().run({agent: party.improve(seed=3) for agent, party in parties.items()})
    for i, party in enumerate(parties.values()):
        for own, stacked in zip(party.learner.policy.parameters(), central.policy.parameters(), strict=True):
            torch.testing.assert_close(own.grad[0], stacked.grad[i], rtol=1e-7, atol=1e-9)
            assert float(stacked.grad[i].abs().max()) > 1e-7
    for metric in ("policy_loss", "rollout_cost"):
        assert sum(row[metric] for row in divided.values()) == pytest.approx(logged[metric], rel=1e-6)
