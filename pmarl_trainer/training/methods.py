"""Which learner a method has, and how a rollout of it goes. The loop is given one of these and is the same for all."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch

from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.sizes import check_sizes
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.training.hindsight import Hindsight
from pmarl_trainer.training.initial import begin_from
from pmarl_trainer.training.off_policy import OffPolicy
from pmarl_trainer.training.setup import open_differentiable_env, open_env, prepare_torch
from pmarl_trainer.training.state import RunState


class Training(Protocol):
    """How a method learns, rollout by rollout."""

    @property
    def learner(self) -> Trainable:
        """What is trained."""

    @property
    def replay(self) -> Replay | None:
        """What it learns from, where a method has a memory."""

    def improve(self, state: RunState) -> dict[str, float]:
        """Play rollout number `state.rollout`, learn from it and count the updates; what to log."""


def make_training(config: RunConfig, spec: EnvSpec, device: torch.device, folder: Path) -> Training:
    """The configured method, at its beginning."""
    if config.train.method == "hdpo":
        return Hindsight(config, spec, device)
    return OffPolicy(config, spec, device, folder)


def make_learner(spec: EnvSpec, config: TrainConfig, device: torch.device) -> Trainable:
    """A fresh learner of the configured method."""
    return HindsightLearner(spec, config, device) if config.method == "hdpo" else Learner(spec, config, device)


def check_run(config: RunConfig) -> EnvSpec:
    """Refuse now what a run would refuse when it begins; the facts of its environment.

    Raises:
        TrainerError: one line.
    """
    device = prepare_torch(config.train)
    _, spec = open_env(config, 1, config.train.seed)
    cfg = config.train
    if cfg.method == "hdpo":
        open_differentiable_env(config, 1, device)
    else:
        sizes = ("num_envs", "memory_size", "batch_size", "evaluation_episodes", "final_episodes")
        check_sizes(spec, **{name: getattr(cfg, name) for name in sizes}, device=device)
    learner = make_learner(spec, cfg, device)
    if cfg.init is not None:
        begin_from(cfg.init, learner, spec)
    return spec
