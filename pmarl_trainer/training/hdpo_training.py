"""A training run of method hdpo. `train_by_hindsight` reads top to bottom, as `training.train` does for the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import BatchedEnv, make_differentiable_env
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.runs.metrics import MetricLog
from pmarl_trainer.runs.progress import Display
from pmarl_trainer.training.loop import RunState, Selection, interruption, load_last, open_env, prepare_torch, save_last


def train_by_hindsight(
    config: RunConfig,
    folder: Path,
    *,
    resume: bool = False,
    quiet: bool = False,
    stop: Callable[[RunState], bool] = lambda _: False,
) -> RunState:
    """Train in `folder` until the configured number of gradient steps is done, Ctrl-C, or `stop` says so after one.

    A rollout is one step: an episode of each of `num_envs` rows on fresh demand paths. Policies are selected and
    evaluated on the environment as the scenario configures it, like those of every other method; only the one that is
    trained on has to be differentiable. On the CPU a resumed run equals an uninterrupted one bit for bit.
    """
    cfg = config.train
    device = prepare_torch(cfg)
    env = open_differentiable_env(config, cfg.num_envs, device)
    _, spec = open_env(config, 1, cfg.seed)
    learner, selection = HindsightLearner(spec, cfg, device), Selection(config, spec)
    state = load_last(folder, spec, cfg, learner, None) if resume else RunState()
    began = time.monotonic() - state.seconds

    with (
        MetricLog(folder, cfg, state.rollout) as log,
        Display(cfg.rollouts, state.rollout, selection.yardstick, quiet=quiet) as display,
        interruption() as interrupted,
    ):
        while state.rollout < cfg.rollouts:
            learner.schedule(state.rollout / cfg.rollouts)
            row = learner.improve(env, derived_seed(cfg.seed, "env", state.rollout))
            state.rollout += 1
            state.updates += 1
            last = state.rollout == cfg.rollouts

            if last or state.rollout % cfg.evaluation_interval == 0:
                row |= selection.evaluate(learner, state, folder)
            state.seconds = time.monotonic() - began
            row |= {"rollout": state.rollout, "updates": state.updates, "seconds": state.seconds}
            row["episodes"] = state.rollout * cfg.num_envs
            log.write(row)
            display.update(row)
            stopping = interrupted() or stop(state)
            if last or stopping or state.rollout % cfg.checkpoint_interval == 0:
                save_last(folder, spec, cfg, learner, None, state)
            if stopping:
                break
    return state


def open_differentiable_env(config: RunConfig, num_envs: int, device: torch.device) -> BatchedEnv:
    """The configured environment with `num_envs` rows on `device`, as one that gradients pass through.

    Raises:
        DoorError: one line, if it is not.
    """
    cfg, env = config.train, config.env
    return make_differentiable_env(env.entry, env.arguments, num_envs, cfg.seed, str(device), cfg.max_steps)
