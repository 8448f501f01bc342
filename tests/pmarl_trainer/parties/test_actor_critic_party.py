"""pmarl and maac among firms are the stacked trainer's, in float64 and with the same first weights and noise."""

from collections import Counter

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.learners import actor_critic
from pmarl_trainer.parties import actor_critic_party
from pmarl_trainer.parties.factory import make_party, take_seat
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.party_log import read_log
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.training import train
from pmarl_trainer.training.off_policy import OffPolicy
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState

SMALL = {
    "rollouts": 3,
    "num_envs": 3,
    "learning_starts": 1,
    "updates_per_rollout": 5,
    "batch_size": 16,
    "memory_size": 100,
    "hidden_size": 8,
    "attention_heads": 2,
    "evaluation_episodes": 4,
}


def configuration(name="bg", env=None, **train_fields):
    env = {"entry": "scenv:vector_env", "scenario": name, "horizon": 20, "warmup": 4, **(env or {})}
    return build_config({"env": env, "train": {}}, "test", **{"method": "pmarl", **SMALL, **train_fields})


class Noise:
    """The same uniform numbers for an agent, whether it draws among all or by itself."""

    def __init__(self, agents):
        self.agents, self.owners, self.calls = agents, {}, Counter()

    def belongs(self, generator, stream, agent=None):
        self.owners[id(generator)] = (stream, agent)

    def draw(self, log_pi, generator):
        stream, agent = self.owners[id(generator)]
        call = self.calls[stream, agent]
        self.calls[stream, agent] += 1
        seeded = torch.Generator().manual_seed(1000 * call + len(stream))
        uniform = torch.rand(self.agents, log_pi.shape[1], 1, generator=seeded, dtype=torch.float64)
        mine = uniform if agent is None else uniform[agent : agent + 1]
        return (log_pi.detach().exp().cumsum(dim=-1) <= mine).sum(dim=-1).clamp(max=log_pi.shape[-1] - 1)


def double(learner):
    for module in learner.modules().values():
        module.double()
    learner.weights = learner.weights.double()


def take_slice(learner, central, agent):
    """Give one firm's learner its part of the central one."""
    for name, module in learner.modules().items():
        if name in ("scaler", "reward_moments"):
            continue
        whole = central.modules()[name].state_dict()
        own = {
            key: tensor if key.startswith("attention.") else tensor[agent : agent + 1] for key, tensor in whole.items()
        }
        module.load_state_dict(own)


def assert_slices(learner, central, agent, atol=1e-10):
    for name, module in learner.modules().items():
        whole = central.modules()[name].state_dict()
        for key, tensor in module.state_dict().items():
            expected = whole[key] if key.startswith("attention.") else whole[key][agent : agent + 1]
            torch.testing.assert_close(
                tensor, expected, rtol=0, atol=atol, msg=lambda m, n=name, k=key: f"{n}.{k}: {m}"
            )
    torch.testing.assert_close(learner.log_alpha, central.log_alpha[agent : agent + 1], rtol=0, atol=1e-6)


def train_both(config, folder, monkeypatch):
    """(the central training, each firm's) after all rollouts, with what they logged."""
    monkeypatch.setattr(Seat, "demand_seed", lambda self, env, rollout: None)  # the central trainer's demand
    env = open_env(config, 1, 0)
    agents, noise = env[1].agents, Noise(len(env[1].agents))
    monkeypatch.setattr(actor_critic, "draw", noise.draw)
    central = OffPolicy(config, env[1], torch.device("cpu"), folder)
    double(central.learner)
    noise.belongs(central._actions_rng, "actions")
    noise.belongs(central._updates_rng, "noise")
    parties, phases = {}, {}
    for i, agent in enumerate(agents):
        seat = take_seat(config, agent, folder / agent, secret=i, env=env)
        party = parties[agent] = make_party(seat)
        double(party.learner)
        take_slice(party.learner, central.learner, i)
        noise.belongs(party._actions, "actions", i)
        noise.belongs(party._noise, "noise", i)
        phases[agent] = train(party, seat)
    LocalExchange().run(phases)
    state, rows = RunState(), []
    for _ in range(config.train.rollouts):
        rows.append(central.improve(state))
        state.rollout += 1
    return central, parties, rows


VARIANTS = {
    "pmarl": {},
    "maac": {"method": "maac"},
    "encoded": {"own_action": "encoded"},
    "batch": {"input_normalisation": "batch"},
    "batch encoded": {"input_normalisation": "batch", "own_action": "encoded"},
    "regularised": {"attention_regularisation": 0.01, "logit_regularisation": 0.01, "attention_values": "linear"},
    "means": {"shared_gradient": "mean_with_encoders", "reward_normalisation": "standardise", "temperature": "auto"},
    "sampled": {"policy_gradient": "sampled", "target_value": "sampled", "target_entropy_term": "undiscounted"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_ten_updates_are_the_stacked_trainers(variant, tmp_path, monkeypatch):
    config = configuration(**VARIANTS[variant])
    central, parties, rows = train_both(config, tmp_path, monkeypatch)
    for i, (agent, party) in enumerate(parties.items()):
        assert_slices(party.learner, central.learner, i)
        for name, stored in party.replay.state_dict().items():
            if name != "next_slot":
                assert torch.equal(stored, central.replay.state_dict()[name][i : i + 1])
        assert read_log(tmp_path / agent)[-1].updates == 10
    for step, row in enumerate(rows):
        lines = [read_log(tmp_path / agent)[step].metrics for agent in parties]
        for metric, value in row.items():
            combined = sum(line[metric] for line in lines)
            if metric not in ("rollout_cost", "critic_loss", "policy_loss"):
                combined /= len(lines)
            assert combined == pytest.approx(value, rel=1e-6), metric


def test_five_updates_on_a_network_with_different_delays_are_the_stacked_trainers(tmp_path, monkeypatch):
    config = configuration("r1", updates_per_rollout=5, rollouts=2)
    central, parties, _ = train_both(config, tmp_path, monkeypatch)
    for i, party in enumerate(parties.values()):
        assert_slices(party.learner, central.learner, i)


def test_the_attention_is_the_same_at_every_firm_and_everything_else_is_not(tmp_path):
    config = configuration()
    env = open_env(config, 1, 0)
    learners = [
        actor_critic_party.one_firms_learner(take_seat(config, agent, tmp_path, secret=i, env=env))
        for i, agent in enumerate(env[1].agents)
    ]
    first, *others = (learner.critic.attention.state_dict() for learner in learners)
    for other in others:
        assert all(torch.equal(first[key], other[key]) for key in first)
    assert not torch.equal(learners[0].critic.decoder.weight, learners[1].critic.decoder.weight)
    assert not torch.equal(learners[0].policy.hidden_1.weight, learners[1].policy.hidden_1.weight)
