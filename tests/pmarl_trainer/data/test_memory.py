"""Sizes are held against memory before anything is allocated."""

import dataclasses

import pytest
import torch

from pmarl_trainer import memory
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import collect
from pmarl_trainer.data.sizes import check_sizes
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.errors import TrainerError
from tests.pmarl_trainer.toy_envs import IdentityGame

CPU = torch.device("cpu")
FITTING = {"num_envs": 4, "memory_size": 1000, "batch_size": 64, "evaluation_episodes": 32, "final_episodes": 100}


def test_both_figures_are_said():
    with pytest.raises(TrainerError, match=r"^train.memory_size=7 needs 373 GB of memory, this machine has 24 GB$"):
        memory.require_memory("train.memory_size=7", 373e9, 24e9)
    memory.require_memory("something", 23e9, 24e9)


def test_a_container_may_have_less_than_the_machine(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP_LIMITS", (limit, tmp_path / "no_such_file"))
    limit.write_text("max\n")
    whole = memory.total_memory()
    limit.write_text("1000000\n")
    assert memory.total_memory() == 1000000 < whole


@pytest.mark.parametrize("setting", list(FITTING))
@pytest.mark.parametrize("value", [10**12, 10**18, 10**30])
def test_a_setting_that_cannot_fit_is_named(setting, value):
    spec = describe(IdentityGame(2))
    check_sizes(spec, **FITTING, device=CPU)
    with pytest.raises(TrainerError, match=rf"train\.{setting}={value} needs"):
        check_sizes(spec, **{**FITTING, setting: value}, device=CPU)


def test_replay_and_rollout_ask_for_themselves():
    env = IdentityGame(2)
    spec = describe(env)
    with pytest.raises(TrainerError, match=r"memory_size=1000000000000000 needs"):
        Replay(spec, 10**15, 2, CPU)
    endless = dataclasses.replace(spec, max_steps=10**13)
    with pytest.raises(TrainerError, match="a rollout of num_envs=2"):
        collect(env, endless, lambda seen: None, 0, CPU)
