"""A training run, from the scenario to the final table. `train` reads top to bottom."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from pmarl_trainer import checkpoint
from pmarl_trainer.algorithm import Learner
from pmarl_trainer.config import RunConfig, TrainConfig
from pmarl_trainer.diagnosis import explain_divergence
from pmarl_trainer.env_api import BatchedEnv, EnvSpec, describe, make_env
from pmarl_trainer.errors import DivergedError, TrainerError
from pmarl_trainer.evaluation import Outcome, play_yardstick
from pmarl_trainer.evaluation_log import append_evaluation
from pmarl_trainer.metrics import MetricLog
from pmarl_trainer.progress import Display
from pmarl_trainer.replay import Replay
from pmarl_trainer.rollout import align, collect
from pmarl_trainer.seeds import derived_seed
from pmarl_trainer.trainable import Trainable


@dataclass
class RunState:
    """How far a run is.

    Attributes:
        rollout, updates: done so far.
        seconds: of training so far, over all of its sessions.
        best_score: lowest evaluated score so far, and the rollout after which it was found.
    """

    rollout: int = 0
    updates: int = 0
    seconds: float = 0.0
    best_score: float = math.inf
    best_rollout: int = 0


def train(
    config: RunConfig,
    folder: Path,
    *,
    resume: bool = False,
    quiet: bool = False,
    stop: Callable[[RunState], bool] = lambda _: False,
) -> RunState:
    """Train in `folder` until the configured number of rollouts is done, Ctrl-C, or `stop` says so after a rollout.

    On the CPU a resumed run equals an uninterrupted one bit for bit, where the replay is in the checkpoint.
    """
    cfg = config.train
    device = prepare_torch(cfg)
    env, spec = open_env(config, cfg.num_envs, cfg.seed)
    learner, replay = Learner(spec, cfg, device), Replay(spec, cfg.memory_size, cfg.num_envs, device)
    selection = Selection(config, spec)
    state = load_last(folder, spec, cfg, learner, replay) if resume else RunState()
    delay = torch.as_tensor(spec.reward_delay, device=device)
    actions_rng, updates_rng = torch.Generator(device), torch.Generator(device)
    began = time.monotonic() - state.seconds

    with (
        MetricLog(folder, cfg, state.rollout) as log,
        Display(cfg.rollouts, state.rollout, selection.yardstick, quiet=quiet) as display,
        interruption() as interrupted,
    ):
        while state.rollout < cfg.rollouts:
            actions_rng.manual_seed(derived_seed(cfg.seed, "actions", state.rollout))
            updates_rng.manual_seed(derived_seed(cfg.seed, "updates", state.rollout))
            act = partial(learner.act, generator=actions_rng)
            episodes = align(collect(env, spec, act, derived_seed(cfg.seed, "env", state.rollout), device), delay)
            learner.observe(episodes)
            replay.add(episodes)

            row = {"rollout_cost": episodes.cost} if math.isfinite(episodes.cost) else {}
            if state.rollout >= cfg.learning_starts and len(replay) > 0:
                learner.schedule(cfg.progress(state.rollout))
                count = cfg.updates_for(int(episodes.lengths.sum()))
                row |= run_updates(learner, replay, cfg, count, updates_rng, folder)
                state.updates += count
            state.rollout += 1
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
                save_last(folder, spec, cfg, learner, replay, state)
            if stopping:
                break
    return state


def open_env(config: RunConfig, num_envs: int, seed: int) -> tuple[BatchedEnv, EnvSpec]:
    """The configured environment with `num_envs` rows, and its facts."""
    cfg = config.train
    env = make_env(config.env.entry, config.env.arguments, num_envs, seed, cfg.max_steps, cfg.env_processes)
    return env, describe(env, cfg.adjacency)


def prepare_torch(config: TrainConfig) -> torch.device:
    """Set the number of threads; the device to train on."""
    if config.threads != "auto":
        torch.set_num_threads(config.threads)
    found = torch.cuda.device_count()
    if config.train_device == "auto":
        return torch.device("cuda" if found else "cpu")
    device = torch.device(config.train_device)
    if device.type == "cuda" and (device.index or 0) >= found:
        raise TrainerError(f"train_device: {device} is asked for, but torch finds {found} CUDA devices here")
    return device


def run_updates(
    learner: Learner, replay: Replay, config: TrainConfig, count: int, generator: torch.Generator, folder: Path
) -> dict[str, float]:
    """`count` updates; the mean of what they report."""
    reports = [learner.update(replay.sample(config.batch_size, generator), generator) for _ in range(count)]
    means = {name: float(torch.stack([report[name] for report in reports]).mean()) for name in reports[0]}
    for name, value in means.items():
        if not math.isfinite(value):
            raise DivergedError(explain_divergence(name, value, learner.modules(), replay, config, folder))
    return means


class Selection:
    """Evaluates the greedy policy on a few fixed paths, which are neither trained on nor used for the final result,
    and keeps the best.

    Attributes:
        yardstick: name of the environment's first baseline, or None.
    """

    def __init__(self, config: RunConfig, spec: EnvSpec) -> None:
        """Make an environment of its own, and let the yardstick play on the paths."""
        cfg = config.train
        self._config, self._spec = cfg, spec
        self._seed = derived_seed(cfg.seed, "selection")
        self._env, _ = open_env(config, cfg.evaluation_episodes, self._seed)
        yardstick = play_yardstick(self._env, self._seed)
        self.yardstick: str | None = yardstick[0] if yardstick else None
        self._reference: Outcome | None = yardstick[1] if yardstick else None

    def evaluate(self, learner: Trainable, state: RunState, folder: Path) -> dict[str, float]:
        """The evaluation's columns; writes the checkpoint `best` if it is."""
        outcome, episodes = learner.play(self._env, self._seed), state.rollout * self._config.num_envs
        append_evaluation(
            folder, rollout=state.rollout, episodes=episodes, seconds=state.seconds, totals=outcome.episodes.tolist()
        )
        if outcome.score < state.best_score:
            state.best_score, state.best_rollout = outcome.score, state.rollout
            facts = {"identity": checkpoint.identity(self._spec, self._config), "state": asdict(state)}
            checkpoint.save(checkpoint_path(folder, "best"), checkpoint.policy_state(learner), facts)
        ratio = outcome.ratio_to(self._reference) if self._reference else None
        return {"evaluation": outcome.mean, **({} if ratio is None else {"evaluation_ratio": ratio})}


def checkpoint_path(folder: Path, which: str) -> Path:
    """Where a run keeps its checkpoint `best` (policies), `last` (everything) or, by number, a rollout's (policies)."""
    if which.isdecimal():
        which = f"rollout-{int(which):06d}"
    return folder / "checkpoints" / f"{which}.safetensors"


def save_last(
    folder: Path, spec: EnvSpec, config: TrainConfig, learner: Trainable, replay: Replay | None, state: RunState
) -> None:
    """Write all that resuming needs."""
    tensors = checkpoint.learner_state(learner)
    if replay is not None and config.checkpoint_memory:
        tensors |= {f"replay.{name}": tensor for name, tensor in replay.state_dict().items()}
    facts = {"identity": checkpoint.identity(spec, config), "state": asdict(state)}
    checkpoint.save(checkpoint_path(folder, "last"), tensors, facts)
    if config.keep_checkpoints_num != 0:
        checkpoint.save(checkpoint_path(folder, str(state.rollout)), checkpoint.policy_state(learner), facts)
        if config.keep_checkpoints_num is not None:
            kept = sorted((folder / "checkpoints").glob("rollout-*.safetensors"))
            for old in kept[: -config.keep_checkpoints_num]:
                old.unlink()


def load_last(folder: Path, spec: EnvSpec, config: TrainConfig, learner: Trainable, replay: Replay | None) -> RunState:
    """Take up a run where its last checkpoint left it."""
    path = checkpoint_path(folder, "last")
    tensors, facts = checkpoint.load(path, learner.device)
    checkpoint.check_identity(path, facts, checkpoint.identity(spec, config))
    checkpoint.load_learner(path, learner, tensors)
    memory = {name.removeprefix("replay."): t for name, t in tensors.items() if name.startswith("replay.")}
    if replay is not None and memory:
        replay.load_state_dict(memory)
    return RunState(**facts["state"])


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks to stop after the rollout under way, where the state is whole; a second one stops at once."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    try:
        before = signal.signal(signal.SIGINT, ask)
    except ValueError:  # not in the main thread: there is no Ctrl-C to catch
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
