"""The whole training of hdpo among firms: the central trainer's, and the same again after an interruption."""

from dataclasses import replace

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.parties import party_checkpoints
from pmarl_trainer.parties.factory import build_party, make_party, take_seat
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.party_log import read_log
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.training import train
from pmarl_trainer.training import checkpoint
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


def run(config, folder, **how):
    env = open_env(config, 1, 0)
    agents = env[1].agents
    phases = {
        agent: build_party(config, agent, folder / agent, secret=derived_seed(1, "party", i), env=env, **how)
        for i, agent in enumerate(agents)
    }
    return LocalExchange().run(phases)


def contents(config, folder):
    """Everything that the firms of a run keep."""
    kept = {}
    for place in sorted(folder.iterdir()):
        for path in sorted((place / "checkpoints").iterdir()):
            tensors, facts = checkpoint.load(path, torch.device("cpu"))
            del facts["state"]["seconds"]
            kept[place.name, path.name] = (tensors, facts)
        kept[place.name, "log"] = read_log(place)
    return kept


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, kept in one.items():
        if key[1] == "log":
            assert kept == other[key]
            continue
        assert kept[1] == other[key][1]
        assert kept[0].keys() == other[key][0].keys()
        for name, tensor in kept[0].items():
            assert torch.equal(tensor, other[key][0][name]), (key, name)


def test_a_firm_that_lost_its_last_checkpoint_goes_on_with_all_bit_for_bit(tmp_path):
    config = configuration(checkpoint_interval=2, evaluation_interval=2, rollouts=6)
    run(config, tmp_path / "whole")
    run(config, tmp_path / "broken", stop=lambda: len(read_log(tmp_path / "broken" / "ret_0")) == 5)
    assert party_checkpoints.held(tmp_path / "broken" / "dist_0") == (0, 4, 5)
    (tmp_path / "broken" / "dist_0" / "checkpoints" / "rollout-000005.safetensors").unlink()
    run(config, tmp_path / "broken")
    assert_same(contents(config, tmp_path / "whole"), contents(config, tmp_path / "broken"))


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
