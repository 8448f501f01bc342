"""Copies of a PettingZoo environment that are stepped in several processes, for those that are slow in Python."""

from __future__ import annotations

import multiprocessing
import signal
import time
import traceback
import weakref
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pmarl_trainer.env_api import foreign
from pmarl_trainer.env_api.agent_spaces import MASK
from pmarl_trainer.env_api.entry import import_entry
from pmarl_trainer.env_api.parallel_adapter import OPTIONAL_FACTS, ParallelEnvBatch, row_seeds
from pmarl_trainer.env_api.protocol import StepResult
from pmarl_trainer.errors import DoorError

#: Seconds that processes have to end by themselves.
GRACE = 5.0
_FACTS = ("agents", "num_actions", "horizon", "observation_sizes")


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
        self._entry = entry
        shares = np.array_split(np.arange(num_envs), min(processes, num_envs))
        self._rows = [slice(int(share[0]), int(share[-1]) + 1) for share in shares]
        context = multiprocessing.get_context("spawn")  # a fork would copy torch's threads, which then hang
        self._pipes: list[Connection] = []
        self._workers: list[Any] = []
        for share in shares:
            ours, theirs = context.Pipe()
            task = (theirs, entry, dict(arguments), len(share), max_steps)
            worker = context.Process(target=_work, args=task, daemon=True)
            worker.start()
            theirs.close()
            self._workers.append(worker)
            self._pipes.append(ours)
        self._finalizer = weakref.finalize(self, _stop, self._pipes, self._workers)
        facts, *_ = [self._answer(k, "its factory") for k in range(len(shares))]
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
        """Step every copy with agents still in it; see `env_api.BatchedEnv.step`."""
        answers = self._all("step", [actions[rows] for rows in self._rows])
        observations, rewards, terminated, truncated = (
            np.concatenate([answer[k] for answer in answers]) for k in range(4)
        )
        self._take_info([answer[4] for answer in answers])
        return observations, rewards, terminated, truncated, self.last_info

    def _take_info(self, parts: Sequence[Mapping[str, np.ndarray]]) -> None:
        """Costs, masks and presence of all rows; a process that says nothing of one means zero, all and everybody."""
        n, most = len(self.agents), int(self.num_actions.max())
        possible = np.arange(most) < self.num_actions[:, None]
        sizes = [rows.stop - rows.start for rows in self._rows]
        self.last_info = {}
        for name, missing in (("cost", np.zeros(n)), (MASK, possible), ("present", np.ones(n, dtype=bool))):
            if any(name in part for part in parts):
                defaults = (np.broadcast_to(missing, (size, *missing.shape)) for size in sizes)
                values = [part.get(name, default) for part, default in zip(parts, defaults, strict=True)]
                self.last_info[name] = np.concatenate(values)

    def _all(self, command: str, arguments: list[Any]) -> list[Any]:
        for pipe, argument in zip(self._pipes, arguments, strict=True):
            try:
                pipe.send((command, argument))
            except OSError:
                continue  # it has ended: its answer below says so
        return [self._answer(k, f"{command}()") for k in range(len(self._pipes))]

    def _answer(self, which: int, call: str) -> Any:
        """What process `which` answers to a call; DoorError if it failed, died or does not answer."""
        pipe, patience = self._pipes[which], foreign.LIMIT
        began = time.monotonic()
        try:
            if not pipe.poll(patience):
                self.close()
                raise DoorError(f"env: {self._entry}: {call} in a process has not returned for {patience:.0f} s")
            error, answer, trace = pipe.recv()
        except (EOFError, OSError) as ended:
            self._workers[which].join(timeout=5)
            code = self._workers[which].exitcode
            self.close()
            raise DoorError(
                f"env: {self._entry}: a process that steps copies of it has ended unexpectedly in {call} "
                f"(exit code {code}, after {time.monotonic() - began:.0f} s)"
            ) from ended
        if error is not None:
            self.close()
            raise DoorError(error) from RemoteTraceback(trace)
        return answer


class RemoteTraceback(Exception):  # noqa: N818 (as the standard library's pools call it)
    """The traceback of an error in another process, as text: the cause of the error shown here."""


def _work(pipe: Connection, entry: str, arguments: dict[str, Any], rows: int, max_steps: int | None) -> None:
    """One process: answer until told to stop. Ctrl-C is the parent's business, which saves and then ends this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    call = "its factory"
    try:
        with foreign.foreign(f"env: {entry} failed in {call}"):
            factory = import_entry(entry)
            batch = ParallelEnvBatch([factory(**arguments) for _ in range(rows)], max_steps)
            facts = {name: getattr(batch, name) for name in _FACTS}
            facts |= {name: getattr(batch, name) for name in OPTIONAL_FACTS if hasattr(batch, name)}
        pipe.send((None, facts, ""))
        while True:
            call, argument = pipe.recv()
            if call == "stop":
                return
            with foreign.foreign(f"env: {entry} failed in {call}()"):
                answer = (batch.reset_rows(argument), batch.last_info) if call == "reset" else batch.step(argument)
            pipe.send((None, answer, ""))
    except EOFError:
        return  # the parent is gone
    except DoorError as error:
        pipe.send((str(error), None, traceback.format_exc()))


def _stop(pipes: Sequence[Connection], workers: Sequence[Any]) -> None:
    """Ask the processes to end; end those that have not within `GRACE` seconds."""
    for pipe in pipes:
        try:
            pipe.send(("stop", None))
        except OSError:
            continue  # already gone
    deadline = time.monotonic() + GRACE
    for worker in workers:
        worker.join(timeout=max(0.0, deadline - time.monotonic()))
        if worker.is_alive():
            worker.kill()
            worker.join(timeout=5)
    for pipe in pipes:
        pipe.close()
