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

from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec, describe, make_env
from pmarl_trainer.errors import DivergedError, TrainerError
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.evaluation import Outcome, play_yardstick
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.runs.evaluation_log import append_evaluation
from pmarl_trainer.runs.metrics import MetricLog
from pmarl_trainer.runs.progress import Display
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.diagnosis import explain_divergence


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
    _, spec = open_env(config, 1, cfg.seed)
    run = Run(config, folder, spec, Learner(spec, cfg, device), resume=resume)
    state = run.state
    began = time.monotonic() - state.seconds

    with (
        MetricLog(folder, cfg, state.rollout) as run.log,
        Display(cfg.rollouts, state.rollout, run.selection.yardstick, quiet=quiet) as display,
        interruption() as interrupted,
    ):
        while state.rollout < cfg.rollouts:
            row = run.collect()
            if state.rollout >= cfg.learning_starts and len(run.replay):
                row |= run.update()
            last = state.rollout + 1 == cfg.rollouts
            run.finish_rollout(row, time.monotonic() - began, evaluate=last)
            display.update(row)
            stopping = interrupted() or stop(state)
            if last or stopping or state.rollout % cfg.checkpoint_interval == 0:
                save_last(folder, spec, cfg, run.learner, run.replay, state)
            if stopping:
                break
    return state


class Run:
    """What a run has: environments, replay, random streams, evaluation, files.

    Attributes:
        learner: what is trained.
        state: how far it is.
        log: where its rows go, once training begins.
    """

    log: MetricLog

    def __init__(self, config: RunConfig, folder: Path, spec: EnvSpec, learner: Learner, *, resume: bool) -> None:
        self.cfg, self.folder, self.learner = config.train, folder, learner
        self._env, _ = open_env(config, self.cfg.num_envs, self.cfg.seed)
        self._spec = spec
        self.replay = Replay(spec, self.cfg.memory_size, self.cfg.num_envs, learner.device)
        self.selection = Selection(config, spec)
        self.state = load_last(folder, spec, self.cfg, learner, self.replay) if resume else RunState()
        self._delay = torch.as_tensor(spec.reward_delay, device=learner.device)
        self._actions_rng, self.updates_rng = (torch.Generator(learner.device) for _ in range(2))
        self.transitions = 0

    def collect(self) -> dict[str, float]:
        """Play and store one rollout; the row that the log gets of it, to be filled."""
        cfg, rollout = self.cfg, self.state.rollout
        self._actions_rng.manual_seed(derived_seed(cfg.seed, "actions", rollout))
        self.updates_rng.manual_seed(derived_seed(cfg.seed, "updates", rollout))
        act, seed = partial(self.learner.act, generator=self._actions_rng), derived_seed(cfg.seed, "env", rollout)
        episodes = align(collect(self._env, self._spec, act, seed, self.learner.device), self._delay)
        self.learner.observe(episodes)
        self.replay.add(episodes)
        self.transitions = int(episodes.lengths.sum())
        return {"rollout_cost": episodes.cost} if math.isfinite(episodes.cost) else {}

    def update(self) -> dict[str, float]:
        """The updates that follow a rollout; the means of what they report."""
        cfg, learner = self.cfg, self.learner
        learner.schedule(cfg.progress(self.state.rollout))
        count = cfg.updates_for(self.transitions)
        reports = [
            learner.update(self.replay.sample(cfg.batch_size, self.updates_rng), self.updates_rng) for _ in range(count)
        ]
        row = {name: float(torch.stack([report[name] for report in reports]).mean()) for name in reports[0]}
        for name, value in row.items():
            if not math.isfinite(value):
                raise DivergedError(explain_divergence(name, value, learner.modules(), self.replay, cfg, self.folder))
        self.state.updates += count
        return row

    def finish_rollout(self, row: dict[str, float], seconds: float, *, evaluate: bool) -> None:
        """Count the rollout, evaluate where it is time, and log the row."""
        state = self.state
        state.rollout += 1
        if evaluate or state.rollout % self.cfg.evaluation_interval == 0:
            row |= self.selection.evaluate(self.learner, state, self.folder)
        state.seconds = seconds
        row |= {"rollout": state.rollout, "updates": state.updates, "seconds": seconds}
        row["episodes"] = state.rollout * self.cfg.num_envs
        self.log.write(row)


def open_env(config: RunConfig, num_envs: int, seed: int) -> tuple[BatchedEnv, EnvSpec]:
    """The configured environment with `num_envs` rows, and its facts."""
    cfg = config.train
    env = make_env(config.env.entry, config.env.arguments, num_envs, seed, cfg.max_steps, cfg.env_processes)
    return env, describe(env, cfg.adjacency)


def prepare_torch(config: TrainConfig) -> torch.device:
    """Set the number of threads; the device to train on."""
    if config.threads != "auto":
        torch.set_num_threads(config.threads)
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    found = torch.cuda.device_count()
    if config.train_device == "auto":
        return torch.device("cuda" if found else "cpu")
    device = torch.device(config.train_device)
    if device.type == "cuda" and (device.index or 0) >= found:
        raise TrainerError(f"train_device: {device} is asked for, but torch finds {found} CUDA devices here")
    return device


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
