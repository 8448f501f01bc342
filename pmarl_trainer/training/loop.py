"""A training run, from the scenario to the final table. `train` reads top to bottom."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
from pmarl_trainer.learners.replicas import Stack, side_by_side
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
    (state,) = train_together([(config, folder)], resume=resume, quiet=quiet, stop=stop)
    return state


def train_together(
    runs: Sequence[tuple[RunConfig, Path]],
    *,
    resume: bool = False,
    quiet: bool = False,
    stop: Callable[[RunState], bool] = lambda _: False,
) -> list[RunState]:
    """`train` several runs that differ in nothing but the seed, as replicas in the same tensors.

    Each has environments, replay, random streams, checkpoints and a folder of its own, and learns what it would learn
    by itself, up to rounding. To go on with them, all must stand after the same rollout.
    """
    cfg = runs[0][0].train
    device = prepare_torch(cfg)
    _, spec = open_env(runs[0][0], 1, cfg.seed)
    stack = Stack(spec, [config.train for config, _ in runs], device)
    replicas = [
        Replica(config, folder, spec, window, resume=resume)
        for (config, folder), window in zip(runs, stack.windows, strict=True)
    ]
    if resume:
        stack.take_up_optimisers()
    state = replicas[0].state
    if any(replica.state.rollout != state.rollout for replica in replicas):
        raise TrainerError(f"{runs[0][1].parent}: its runs stand after different rollouts")
    began = time.monotonic() - state.seconds

    with (
        ExitStack() as logs,
        Display(cfg.rollouts, state.rollout, replicas[0].selection.yardstick, quiet=quiet) as display,
        interruption() as interrupted,
    ):
        for replica in replicas:
            replica.log = logs.enter_context(MetricLog(replica.folder, replica.cfg, state.rollout))
        while state.rollout < cfg.rollouts:
            rows = [replica.collect() for replica in replicas]
            if state.rollout >= cfg.learning_starts and all(len(replica.replay) for replica in replicas):
                update_all(stack.learner, replicas, rows)
            last = state.rollout + 1 == cfg.rollouts
            for replica, row in zip(replicas, rows, strict=True):
                replica.finish_rollout(row, time.monotonic() - began, evaluate=last)
            display.update(mean_row(rows))
            stopping = interrupted() or stop(state)
            if last or stopping or state.rollout % cfg.checkpoint_interval == 0:
                stack.show_optimisers()
                for replica in replicas:
                    save_last(replica.folder, spec, replica.cfg, replica.learner, replica.replay, replica.state)
            if stopping:
                break
    return [replica.state for replica in replicas]


class Replica:
    """What one run has for itself: environments, replay, random streams, evaluation, files.

    Attributes:
        learner: its own slice of what is trained.
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


def update_all(learner: Learner, replicas: Sequence[Replica], rows: Sequence[dict[str, float]]) -> None:
    """The updates that follow a rollout, of all replicas at once; their means go into the rows."""
    cfg = replicas[0].cfg
    learner.schedule(cfg.progress(replicas[0].state.rollout))
    counts = {cfg.updates_for(replica.transitions) for replica in replicas}
    if len(counts) > 1:
        raise TrainerError(
            "--seeds: episodes of different lengths make different numbers of updates for different seeds with "
            "updates_per_transition; give updates_per_rollout instead"
        )
    (count,) = counts
    generators, reports = [replica.updates_rng for replica in replicas], []
    for _ in range(count):
        batches = [replica.replay.sample(cfg.batch_size, replica.updates_rng) for replica in replicas]
        reports.append(learner.update(side_by_side(batches), generators))
    for name in reports[0]:
        means = torch.stack([report[name] for report in reports]).mean(dim=0).tolist()
        for replica, row, value in zip(replicas, rows, means, strict=True):
            if not math.isfinite(value):
                modules = replica.learner.modules()
                raise DivergedError(
                    explain_divergence(name, value, modules, replica.replay, replica.cfg, replica.folder)
                )
            row[name] = value
    for replica in replicas:
        replica.state.updates += count


def mean_row(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean over replicas of what all of them logged."""
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0] if all(name in row for row in rows)}


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
