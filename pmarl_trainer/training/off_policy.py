"""A rollout of maac, pmarl and fv: play with exploring policies, store what happened, learn from the memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import DivergedError
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.training.diagnosis import explain_divergence
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState


class OffPolicy:
    """Actor and critics that learn from a replay.

    Attributes:
        learner: what is trained.
        replay: what it learns from.
    """

    def __init__(self, config: RunConfig, spec: EnvSpec, device: torch.device, folder: Path) -> None:
        """A fresh learner and memory; `folder`, the run's, is named where training diverges."""
        self._cfg, self._spec, self._folder = config.train, spec, folder
        self._env, _ = open_env(config, self._cfg.num_envs, self._cfg.seed)
        self.learner = Learner(spec, self._cfg, device)
        self.replay = Replay(spec, self._cfg.memory_size, self._cfg.num_envs, device)
        self._delay = torch.as_tensor(spec.reward_delay, device=device)
        self._actions_rng, self._updates_rng = (torch.Generator(device) for _ in range(2))

    def improve(self, state: RunState) -> dict[str, float]:
        """Play a rollout, learn once enough is stored, and count the updates; what to log."""
        cfg, rollout = self._cfg, state.rollout
        self._actions_rng.manual_seed(derived_seed(cfg.seed, "actions", rollout))
        self._updates_rng.manual_seed(derived_seed(cfg.seed, "updates", rollout))
        act = partial(self.learner.act, generator=self._actions_rng)
        seed = derived_seed(cfg.seed, "env", rollout)
        episodes = align(collect(self._env, self._spec, act, seed, self.learner.device), self._delay)
        self.learner.observe(episodes)
        self.replay.add(episodes)
        row = {"rollout_cost": episodes.cost} if math.isfinite(episodes.cost) else {}
        if rollout >= cfg.learning_starts and len(self.replay):
            self.learner.schedule(cfg.progress(rollout))
            updates = cfg.updates_for(episodes.transitions)
            row |= self._update(updates)
            state.updates += updates
        return row

    def _update(self, updates: int) -> dict[str, float]:
        """So many updates; the means of what each reports."""
        reports = [
            self.learner.update(self.replay.sample(self._cfg.batch_size, self._updates_rng), self._updates_rng)
            for _ in range(updates)
        ]
        return means(reports, self.learner, self.replay, self._cfg, self._folder)


def means(
    reports: Sequence[Mapping[str, Tensor]], learner: Learner, replay: Replay, config: TrainConfig, folder: Path
) -> dict[str, float]:
    """The means of what updates reported.

    Raises:
        DivergedError: says why, if they are not finite.
    """
    row = {name: float(torch.stack([report[name] for report in reports]).mean()) for name in reports[0]}
    for name, value in row.items():
        if not math.isfinite(value):
            raise DivergedError(explain_divergence(name, value, learner.modules(), replay, config, folder))
    return row
