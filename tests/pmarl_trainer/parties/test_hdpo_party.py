"""The whole training of hdpo among firms: the central trainer's, and the same again after an interruption."""

from dataclasses import replace

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.parties.factory import make_party, take_seat
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.party_log import read_log
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.training import train
from pmarl_trainer.training.hindsight import Hindsight
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState


def configuration(name="bg", **train_fields):
    train_fields = {"rollouts": 5, "num_envs": 4, "hidden_size": 8, "evaluation_episodes": 4, **train_fields}
    document = {"env": {"entry": "scenv:vector_env", "scenario": name, "horizon": 20, "warmup": 4}, "train": {}}
    return build_config(document, "test", method="hdpo", **train_fields)


def double(network):
    """Have a network compute in float64; its observations stay float32."""
    network.double().register_forward_pre_hook(lambda _, given: (given[0].double(),))


@pytest.mark.parametrize("name", ["bg", "r1"])
def test_five_steps_are_the_central_trainers(name, tmp_path, monkeypatch):
    monkeypatch.setattr(Seat, "demand_seed", lambda self, env, rollout: None)  # the central trainer's demand
    config = configuration(name)
    env = open_env(config, 1, 0)
    central = Hindsight(config, env[1], torch.device("cpu"))
    double(central.learner.policy)
    central.learner._table = central.learner._table.double()
    phases, parties = {}, {}
    for i, agent in enumerate(env[1].agents):
        seat = take_seat(config, agent, tmp_path / agent, secret=i, env=env)
        party = parties[agent] = make_party(seat)
        double(party.learner.policy)
        with torch.no_grad():
            pairs = zip(party.learner.policy.parameters(), central.learner.policy.parameters(), strict=True)
            for own, stacked in pairs:
                own.copy_(stacked[i : i + 1])
        phases[agent] = train(party, seat)
    states = LocalExchange().run(phases)
    state, rows = RunState(), []
    for _ in range(5):
        rows.append(central.improve(state))
        state.rollout += 1
    assert states["ret_0"].updates == state.updates == 5
    for i, party in enumerate(parties.values()):
        pairs = zip(party.learner.policy.parameters(), central.learner.policy.parameters(), strict=True)
        for own, stacked in pairs:
            torch.testing.assert_close(own[0], stacked[i], rtol=0, atol=1e-9)
    for step, row in enumerate(rows):
        lines = [read_log(tmp_path / agent)[step].metrics for agent in env[1].agents]
        for metric in ("policy_loss", "rollout_cost"):
            assert sum(line[metric] for line in lines) == pytest.approx(row[metric], rel=1e-9)


def test_first_weights_and_demand_follow_from_the_secret_seed_alone(tmp_path):
    config = configuration()
    env = open_env(config, 1, 0)
    seat = take_seat(config, "ret_0", tmp_path, secret=5, env=env)
    other = replace(seat, secret=6)
    weights = [make_party(one).learner.policy.hidden_1.weight for one in (seat, seat, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    demands = []
    for one in (seat, seat, other):
        simulator = one.simulator(3)
        one.begin(simulator, 0)
        demands.append(simulator.local_state.demand.tolist())
    assert demands[0] == demands[1] != demands[2]
