"""What a learner needs of memory is counted as it is taken, and refused before."""

import dataclasses

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.learners.sizes import critic_parameters, learner_bytes, policy_parameters
from pmarl_trainer.training.methods import make_learner

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def spec():
    return describe(make_env("scenv:vector_env", {"scenario": "bg"}, 2, 0))


def configure(**train):
    return build_config({"env": {"entry": "a:b"}, "train": train}, "test").train


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"method": "fv"},
        {"preset": "paper"},
        {"preset": "maac-reference"},
        {"own_action": "encoded"},
        {"method": "hdpo"},
    ],
    ids=str,
)
def test_every_parameter_is_counted(spec, settings):
    config = configure(hidden_size=12, attention_heads=3, **settings)
    learner = make_learner(spec, config, CPU)
    outputs = 1 if config.method == "hdpo" else int(spec.num_actions.max())
    assert sum(p.numel() for p in learner.policy.parameters()) == policy_parameters(spec, config, outputs)
    if config.method != "hdpo":
        assert sum(p.numel() for p in learner.critic.parameters()) == critic_parameters(spec, config)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"hidden_size": 400_000}, "hidden_size=400000"),
        ({"hidden_size": 900_000, "method": "fv"}, "hidden_size=900000"),
        ({"hidden_size": 400_000, "method": "hdpo"}, "hidden_size=400000"),
        ({"batch_size": 10**10}, "batch_size=10000000000"),
    ],
)
def test_what_cannot_fit_is_refused_in_one_line(spec, settings, named):
    with pytest.raises(TrainerError, match=named) as refusal:
        make_learner(spec, configure(**settings), CPU)
    assert "memory" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_many_agents_that_see_all_count(spec):
    many = dataclasses.replace(spec, agents=tuple(map(str, range(5000))))
    assert learner_bytes(many, configure(method="fv")) > 100 * learner_bytes(many, configure())
