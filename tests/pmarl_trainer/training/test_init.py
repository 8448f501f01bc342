"""Training that begins with another run's networks: what is taken, what is said, what is refused."""

from __future__ import annotations

import networkx as nx
import pytest
import torch

import scenv
from pmarl_trainer.config.files import build_config
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.runs.run_folder import check_start, resume_run, start_run
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.initial import begin_from
from pmarl_trainer.training.loop import train
from pmarl_trainer.training.methods import make_learner
from pmarl_trainer.training.run_checkpoints import checkpoint_path
from pmarl_trainer.training.setup import open_env

CPU = torch.device("cpu")
SMALL = {
    "rollouts": 4,
    "num_envs": 4,
    "evaluation_interval": 2,
    "evaluation_episodes": 4,
    "final_episodes": 4,
    "checkpoint_interval": 2,
    "threads": 1,
    "train_device": "cpu",
    "loggers": ["csv"],
}
ACTOR_CRITIC = {
    "learning_starts": 1,
    "updates_per_rollout": 2,
    "batch_size": 16,
    "hidden_size": 8,
    "attention_heads": 2,
}


def configure(network="bg", env=None, **settings):
    method = {"method": "hdpo", "hidden_size": 8} if "method" not in settings else ACTOR_CRITIC
    return build_config(
        {"env": {"entry": "scenv:vector_env", "scenario": network, **(env or {})}, "train": SMALL | method | settings},
        "test",
    )


def fresh(config):
    _, spec = open_env(config, 1, config.train.seed)
    return make_learner(spec, config.train, CPU), spec


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Short runs: method hdpo and pmarl on bg, hdpo on r1."""
    folder = tmp_path_factory.mktemp("runs")
    for name, config in (("bg", configure()), ("r1", configure("r1")), ("pmarl", configure(method="pmarl"))):
        (folder / name).mkdir()
        train(config, folder / name)
    return folder


def tensors_of(folder, which="best"):
    return checkpoint.load(checkpoint_path(folder, which), CPU)[0]


def test_the_best_policies_of_the_same_environment_are_taken_whole(runs):
    learner, spec = fresh(configure(seed=5))
    assert begin_from(str(runs / "bg"), learner, spec) == f"init {runs / 'bg'}: policy of 4 of 4 agents"
    trained = tensors_of(runs / "bg")
    for name, tensor in learner.policy.state_dict().items():
        torch.testing.assert_close(tensor, trained[f"policy.{name}"], rtol=0, atol=0)


def test_agents_of_another_network_begin_with_their_namesakes(runs):
    """r2 has firms that r1 has not; those keep what they were drawn."""
    config = configure("r2", seed=5)
    (learner, spec), (untouched, _) = fresh(config), fresh(config)
    drawn = {name: tensor.clone() for name, tensor in untouched.policy.state_dict().items()}
    _, source = open_env(configure("r1"), 1, 0)
    both = set(spec.agents) & set(source.agents)
    assert 0 < len(both) < len(spec.agents)
    assert f"policy of {len(both)} of 22 agents" in begin_from(str(runs / "r1"), learner, spec)
    trained = tensors_of(runs / "r1")
    for name, tensor in learner.policy.state_dict().items():
        for k, agent in enumerate(spec.agents):
            expected = trained[f"policy.{name}"][source.agents.index(agent)] if agent in both else drawn[name][k]
            torch.testing.assert_close(tensor[k], expected, rtol=0, atol=0)


def test_scales_of_observations_stay_the_new_environment_s(runs):
    config = configure("bg", env={"demand": {"kind": "poisson", "mean": 3}})
    learner, spec = fresh(config)
    before = {name: tensor.clone() for name, tensor in learner.scaler.state_dict().items()}
    begin_from(str(runs / "bg"), learner, spec)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.scaler.state_dict().items())
    assert before


def test_critics_targets_and_the_shared_attention_are_taken_too(runs):
    learner, spec = fresh(configure(method="pmarl", seed=5))
    said = begin_from(str(runs / "pmarl"), learner, spec)
    everything = ["policy of 4", "target_policy of 4", "critic of 4", "target_critic of 4", "attention"]
    assert all(part in said for part in everything)
    last = tensors_of(runs / "pmarl", "last")
    for module in ("critic", "target_critic"):
        for name, tensor in learner.modules()[module].state_dict().items():
            torch.testing.assert_close(tensor, last[f"{module}.{name}"], rtol=0, atol=0)


def test_what_does_not_fit_is_said(runs):
    """A policy file has no critics; other actions need other outputs."""
    learner, spec = fresh(configure(method="pmarl", seed=5))
    said = begin_from(str(checkpoint_path(runs / "pmarl", "best")), learner, spec)
    assert "policy of 4 of 4 agents; begun anew: " in said
    assert "critic.attention.query is not there" in said or "critic.state_encoder.weight is not there" in said
    learner, spec = fresh(configure(method="pmarl", env={"actions": {"low": -2, "high": 2}}))
    said = begin_from(str(runs / "pmarl"), learner, spec)
    assert "policy.logits.weight is [8, 33], not [8, 5]" in said
    assert "policy of 4 of 4 agents" in said  # the hidden layers


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"hidden_size": 16}, r"no policy fits: policy.hidden_1.weight is \[30, 8\], not \[30, 16\]"),
        ({"network": "other"}, "no policy fits: none of its agents is one of this environment"),
    ],
)
def test_a_run_of_which_nothing_fits_is_refused_before_there_is_a_folder(runs, tmp_path, changes, match):
    network = changes.pop("network", "bg")
    if network == "other":
        scenv.load_network(nx.DiGraph([("a", "b")])).to_json(tmp_path / "other.json")
        network, env = str(tmp_path / "other.json"), {"costs": "uniform"}
    else:
        env = {}
    config = configure(network, env=env, init=str(runs / "bg"), **changes)
    with pytest.raises(CheckpointError, match=match):
        start_run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("case", ["missing", "empty folder", "text"])
def test_what_is_no_run_is_refused_in_one_line(tmp_path, case):
    path = tmp_path / "source"
    if case == "empty folder":
        path.mkdir()
    elif case == "text":
        path.write_text("no checkpoint")
    with pytest.raises(CheckpointError, match=r"source: (expected a run's folder|damaged or not a checkpoint)"):
        check_start(configure(init=str(path)))


def test_a_run_that_began_so_goes_on_as_if_never_interrupted(runs, tmp_path):
    config = configure(env={"shipment_lead_time": 1}, init=str(runs / "bg"), seed=3)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", stop=lambda state: state.rollout == 1)
    train(config, tmp_path / "parts", resume=True)
    one, two = (tensors_of(tmp_path / name, "last") for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_helps_and_the_folder_says_where_it_began(runs, tmp_path):
    """Two rollouts from a run of forty are better than two from scratch, at another lead time."""
    (tmp_path / "long").mkdir()
    train(configure(rollouts=40), tmp_path / "long")
    costs = {}
    for name, init in (("scratch", None), ("begun", str(tmp_path / "long"))):
        config = configure(env={"shipment_lead_time": 3}, init=init, rollouts=2, policy_lr=1e-4)
        assert start_run(config, tmp_path / name, quiet=True)
        _, facts = checkpoint.load(checkpoint_path(tmp_path / name, "best"), CPU)
        costs[name] = facts["state"]["best_score"]
    assert costs["begun"] < 0.8 * costs["scratch"]
    assert str(tmp_path / "long") in (tmp_path / "begun" / "config.json").read_text()
    assert resume_run(tmp_path / "begun", quiet=True)
