"""The training loop, the same for every method. `train` reads top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.notices import notice
from pmarl_trainer.training.initial import begin_from
from pmarl_trainer.training.interruption import interruption
from pmarl_trainer.training.methods import make_training
from pmarl_trainer.training.observer import Beginning, Observer, Rollout
from pmarl_trainer.training.run_checkpoints import load_last, save_last
from pmarl_trainer.training.selection import Selection
from pmarl_trainer.training.setup import open_env, prepare_torch
from pmarl_trainer.training.state import RunState


def train(
    config: RunConfig,
    folder: Path,
    *,
    resume: bool = False,
    observers: Sequence[Observer] = (),
    stop: Callable[[RunState], bool] = lambda _: False,
) -> RunState:
    """Train in `folder` until the configured number of rollouts is done, Ctrl-C, or somebody asks to stop after one.

    With `resume` it goes on from the last checkpoint, or begins anew where none was written yet. On the CPU a resumed
    run equals an uninterrupted one bit for bit, where the replay is in the checkpoint.
    """
    cfg = config.train
    device = prepare_torch(cfg)
    _, spec = open_env(config, 1, cfg.seed)
    training, selection = make_training(config, spec, device, folder), Selection(config, spec)
    learner, replay = training.learner, training.replay
    state = load_last(folder, spec, cfg, learner, replay) if resume else RunState()
    if cfg.init is not None and state.rollout == 0:
        notice(begin_from(cfg.init, learner, spec))
    began = time.monotonic() - state.seconds

    with ExitStack() as stack:
        beginning = Beginning(config, folder, state.rollout, selection.baseline, str(device))
        for observer in observers:
            observer.begin(beginning)
            stack.callback(observer.end)
        asked = stack.enter_context(interruption([observer.interrupted for observer in observers]))
        while state.rollout < cfg.rollouts:
            row = training.improve(state)
            state.rollout += 1
            last, outcome = state.rollout == cfg.rollouts, None
            if last or state.rollout % cfg.evaluation_interval == 0:
                outcome = selection.evaluate(learner, state, folder)
                row |= selection.columns(outcome)
            state.seconds = time.monotonic() - began
            row |= {"rollout": state.rollout, "updates": state.updates, "seconds": state.seconds}
            row["episodes"] = state.rollout * cfg.num_envs
            totals = None if outcome is None else outcome.episodes.tolist()
            done = Rollout(state.rollout, cfg.rollouts, row, cfg.seed, totals)
            wishes = [observer.rollout(done) for observer in observers]
            stopping = asked() or any(wish is True for wish in wishes) or stop(state)
            if last or stopping or state.rollout % cfg.checkpoint_interval == 0:
                save_last(folder, spec, cfg, learner, replay, state)
            if stopping:
                break
    return state
