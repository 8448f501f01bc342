"""Firms that were interrupted go on from what all of them hold, and end as if nothing had happened."""

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import party_checkpoints
from pmarl_trainer.parties.factory import build_party
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.party_log import read_log
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.setup import open_env

SMALL = {"num_envs": 3, "hidden_size": 8, "evaluation_episodes": 3, "batch_size": 16, "memory_size": 100}
OFTEN = {"checkpoint_interval": 2, "evaluation_interval": 2, "rollouts": 6, "learning_starts": 1}


def configuration(method="hdpo", **fields):
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": 16, "warmup": 3}
    return build_config({"env": env, "train": {}}, "test", method=method, **{**SMALL, **OFTEN, **fields})


def run(config, folder, backwards=False, **how):
    env = open_env(config, 1, 0)
    agents = env[1].agents
    phases = {
        agent: build_party(config, agent, folder / agent, secret=derived_seed(1, "party", i), env=env, **how)
        for i, agent in enumerate(agents)
    }
    return LocalExchange().run(dict(reversed(phases.items())) if backwards else phases)


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


@pytest.mark.parametrize("method", ["hdpo", "pmarl", "maac"])
def test_a_firm_that_lost_its_last_checkpoint_goes_on_with_all_bit_for_bit(method, tmp_path):
    config = configuration(method, updates_per_rollout=2)
    run(config, tmp_path / "whole")
    run(config, tmp_path / "broken", stop=lambda: len(read_log(tmp_path / "broken" / "ret_0")) == 5)
    assert party_checkpoints.held(tmp_path / "broken" / "dist_0") == (0, 4, 5)
    (tmp_path / "broken" / "dist_0" / "checkpoints" / "rollout-000005.safetensors").unlink()
    run(config, tmp_path / "broken")
    assert_same(contents(config, tmp_path / "whole"), contents(config, tmp_path / "broken"))


def test_firms_that_hold_nothing_in_common_begin_anew(tmp_path):
    config = configuration()
    run(config, tmp_path / "whole")
    run(config, tmp_path / "broken", stop=lambda: len(read_log(tmp_path / "broken" / "ret_0")) == 3)
    for path in (tmp_path / "broken" / "whole_0").rglob("*.safetensors"):
        path.unlink()
    run(config, tmp_path / "broken")
    assert_same(contents(config, tmp_path / "whole"), contents(config, tmp_path / "broken"))


@pytest.mark.parametrize("method", ["hdpo", "pmarl"])
def test_in_which_order_firms_are_served_changes_not_a_bit(method, tmp_path):
    config = configuration(method, rollouts=2, updates_per_rollout=2)
    run(config, tmp_path / "one")
    run(config, tmp_path / "other", backwards=True)
    assert_same(contents(config, tmp_path / "one"), contents(config, tmp_path / "other"))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"method": "fv"}, "everybody's observations"),
        ({"method": "pmarl", "policy_input": "global"}, "everybody's observations"),
        ({"method": "hdpo", "policy_input": "global"}, "everybody's observations"),
        ({"method": "hdpo", "cost_scope": "own"}, "shadow prices carry"),
        ({"method": "maac", "critic_clip_scope": "all"}, "one norm over all firms"),
        ({"method": "pmarl", "preset": "maac-reference"}, "one norm over all firms"),
        ({"train_device": "cuda:0"}, "on the CPU"),
        ({"method": "pmarl", "precision": "bf16"}, "float32"),
        ({"compile": True}, "too small"),
        ({"init": "runs/another"}, "everybody's networks"),
        ({"threads": 2}, "one thread"),
        ({"checkpoint_memory": False}, "same memory"),
    ],
)
def test_what_cannot_be_divided_is_refused_with_the_reason(fields, why, tmp_path):
    with pytest.raises(TrainerError, match=f"^among parties: .*{why}"):
        build_party(configuration(**fields), "ret_0", tmp_path, secret=0)


def test_refusals_of_the_environment_are_one_line(tmp_path):
    with pytest.raises(TrainerError, match=r"'ret_9' is no firm .*did you mean 'ret_0'"):
        build_party(configuration(), "ret_9", tmp_path, secret=0)
    env = {"entry": "tests.pmarl_trainer.toy_envs:CoordinationGame"}
    config = build_config({"env": env, "train": {}}, "test", **SMALL, **OFTEN)
    opened = open_env(config, 1, 0)
    with pytest.raises(TrainerError, match="has no firm_env"):
        build_party(config, opened[1].agents[0], tmp_path, secret=0, env=opened)
