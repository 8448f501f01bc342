"""Which learner and which loop a method has."""

from __future__ import annotations

from collections.abc import Callable

import torch

from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.training.hdpo_training import open_differentiable_env, train_by_hindsight
from pmarl_trainer.training.loop import RunState, open_env, prepare_torch, train


def make_learner(spec: EnvSpec, config: TrainConfig, device: torch.device) -> Trainable:
    """A fresh learner of the configured method."""
    return HindsightLearner(spec, config, device) if config.method == "hdpo" else Learner(spec, config, device)


def training_loop(config: TrainConfig) -> Callable[..., RunState]:
    """The method's `train(config, folder, *, resume, quiet, stop)`."""
    return train_by_hindsight if config.method == "hdpo" else train


def check_run(config: RunConfig) -> EnvSpec:
    """Refuse now what a run would refuse when it begins; the facts of its environment.

    Raises:
        TrainerError: one line.
    """
    device = prepare_torch(config.train)
    _, spec = open_env(config, 1, config.train.seed)
    if config.train.method == "hdpo":
        open_differentiable_env(config, 1, device)
    make_learner(spec, config.train, device)
    return spec
