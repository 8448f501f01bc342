"""Copies of a PettingZoo environment that are stepped in several processes, for those that are slow in Python."""

from __future__ import annotations

import multiprocessing
import signal
import weakref
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pmarl_trainer.env_api.parallel_adapter import ParallelEnvBatch, row_seeds
from pmarl_trainer.env_api.protocol import StepResult, import_entry
from pmarl_trainer.errors import DoorError

_FACTS = ("agents", "num_actions", "horizon", "observation_sizes")
_OPTIONAL_FACTS = ("adjacency_matrix", "reward_delay", "observation_scale", "warmup")


class ProcessBatch:
    """B copies in P processes, behind the door `env_api.BatchedEnv`; the same numbers as `ParallelEnvBatch` gives.

    Each process holds a share of the rows and works on it while the others work on theirs. The processes end with this
    object. Attributes are those of `ParallelEnvBatch`.
    """

    agents: tuple[str, ...]
    num_actions: np.ndarray
    horizon: int

    def __init__(
        self,
        entry: str,
        arguments: Mapping[str, Any],
        num_envs: int,
        processes: int,
        max_steps: int | None,
    ) -> None:
        """Start the processes; each imports `entry`, "module:callable", and makes its copies with `arguments`.

        They are given the name, not the callable: PettingZoo makes its `parallel_env` within a function, and such a one
        cannot be sent to a process.

        Raises:
            DoorError: one line, if a copy cannot be made.
        """
        self.num_envs = num_envs
        self.last_info: dict[str, np.ndarray] = {}
        shares = np.array_split(np.arange(num_envs), min(processes, num_envs))
        self._rows = [slice(int(share[0]), int(share[-1]) + 1) for share in shares]
        context = multiprocessing.get_context("spawn")  # a fork would copy torch's threads, which then hang
        self._pipes: list[Connection] = []
        workers = []
        for share in shares:
            ours, theirs = context.Pipe()
            task = (theirs, entry, dict(arguments), len(share), max_steps)
            worker = context.Process(target=_work, args=task, daemon=True)
            worker.start()
            theirs.close()
            workers.append(worker)
            self._pipes.append(ours)
        self._finalizer = weakref.finalize(self, _stop, self._pipes, workers)
        facts, *_ = [self._answer(pipe) for pipe in self._pipes]
        for name, value in facts.items():
            setattr(self, name, value)

    def close(self) -> None:
        """End the processes."""
        self._finalizer()

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Observations [B, N, O] float32; row k has the k-th seed derived from `seed`, whatever P is."""
        seeds = row_seeds(seed, self.num_envs)
        answers = self._all("reset", [seeds[rows] for rows in self._rows])
        self._take_info([info for _, info in answers])
        return np.concatenate([observations for observations, _ in answers])

    def step(self, actions: np.ndarray) -> StepResult:
        """Step every copy that is still running; see `env_api.BatchedEnv.step`."""
        answers = self._all("step", [actions[rows] for rows in self._rows])
        observations, rewards, terminated, truncated = (
            np.concatenate([answer[k] for answer in answers]) for k in range(4)
        )
        self._take_info([answer[4] for answer in answers])
        return observations, rewards, terminated, truncated, self.last_info

    def _take_info(self, parts: list[dict[str, np.ndarray]]) -> None:
        """Costs of all rows; a process whose rows have all ended reports none, which counts as zero."""
        shape = (len(self.agents),)
        if any("cost" in part for part in parts):
            sizes = [rows.stop - rows.start for rows in self._rows]
            costs = [part.get("cost", np.zeros((n, *shape))) for part, n in zip(parts, sizes, strict=True)]
            self.last_info = {"cost": np.concatenate(costs)}
        else:
            self.last_info = {}

    def _all(self, command: str, arguments: list[Any]) -> list[Any]:
        for pipe, argument in zip(self._pipes, arguments, strict=True):
            try:
                pipe.send((command, argument))
            except OSError:
                continue  # it has ended: its answer below says so
        return [self._answer(pipe) for pipe in self._pipes]

    def _answer(self, pipe: Connection) -> Any:
        try:
            error, answer = pipe.recv()
        except (EOFError, OSError) as ended:
            self.close()
            raise DoorError("env: a process that steps copies of the environment has ended unexpectedly") from ended
        if error is not None:
            self.close()
            raise DoorError(error)
        return answer


def _work(pipe: Connection, entry: str, arguments: dict[str, Any], rows: int, max_steps: int | None) -> None:
    """One process: answer until told to stop. Ctrl-C is the parent's business, which saves and then ends this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        factory = import_entry(entry)
        batch = ParallelEnvBatch([factory(**arguments) for _ in range(rows)], max_steps)
        facts = {name: getattr(batch, name) for name in _FACTS}
        facts |= {name: getattr(batch, name) for name in _OPTIONAL_FACTS if hasattr(batch, name)}
        pipe.send((None, facts))
        while True:
            command, argument = pipe.recv()
            if command == "stop":
                return
            if command == "reset":
                pipe.send((None, (batch.reset_rows(argument), batch.last_info)))
            else:
                pipe.send((None, batch.step(argument)))
    except EOFError:
        return  # the parent is gone
    except Exception as error:
        text = " ".join(str(error).split())
        pipe.send((text if isinstance(error, DoorError) else f"env: {type(error).__name__}: {text}", None))


def _stop(pipes: list[Connection], workers: list[Any]) -> None:
    for pipe in pipes:
        try:
            pipe.send(("stop", None))
        except OSError:
            continue  # already gone
    for pipe, worker in zip(pipes, workers, strict=True):
        worker.join(timeout=5)
        if worker.is_alive():
            worker.terminate()
        pipe.close()
