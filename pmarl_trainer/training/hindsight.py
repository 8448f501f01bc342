"""A rollout of hdpo: one gradient step, back through an episode of every row on fresh demand paths."""

from __future__ import annotations

import torch

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.training.setup import open_differentiable_env
from pmarl_trainer.training.state import RunState


class Hindsight:
    """Policies improved by the simulator's own gradient.

    They are selected and evaluated on the environment as the scenario configures it, like those of every other method;
    only the one that is trained on has to be differentiable.

    Attributes:
        learner: what is trained.
        replay: none.
    """

    replay = None

    def __init__(self, config: RunConfig, spec: EnvSpec, device: torch.device) -> None:
        """A fresh learner."""
        self._cfg = config.train
        self._env = open_differentiable_env(config, self._cfg.num_envs, device)
        self.learner = HindsightLearner(spec, self._cfg, device)

    def improve(self, state: RunState) -> dict[str, float]:
        """One gradient step, counted; what to log."""
        self.learner.schedule(state.rollout / self._cfg.rollouts)
        row = self.learner.improve(self._env, derived_seed(self._cfg.seed, "env", state.rollout))
        state.updates += 1
        return row
