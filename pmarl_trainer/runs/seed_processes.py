"""The processes of a group of runs, side by side: started, listened to, stopped together."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.runs.group_display import GroupDisplay
from pmarl_trainer.training.interruption import interruption
from pmarl_trainer.training.observer import Callback, Rollout

LOG = "log.txt"


class SeedProcesses:
    """Runs a folder of a group in a process each, as many at a time as this machine has processors."""

    def __init__(self, places: Sequence[Path], *, quiet: bool, callbacks: Sequence[Callback] = ()) -> None:
        self._waiting, self._callbacks = list(places), callbacks
        self._running: dict[Path, subprocess.Popen[str]] = {}
        self._messages: queue.Queue[tuple[Path, dict[str, Any] | None]] = queue.Queue()
        self._display = GroupDisplay(len(places), quiet=quiet)
        self._errors: list[str] = []
        self._finished, self._all, self._stopping = 0, len(places), False

    def run(self) -> bool:
        """Until all have ended; whether all of them have finished.

        Raises:
            TrainerError: one line, if one could not go on. The others are saved and stopped.
        """
        with interruption([self._display.interrupted]) as asked, self._display:
            try:
                self._start_some()
                while self._running:
                    if asked() and not self._stopping:
                        self._stop()
                    try:
                        place, message = self._messages.get(timeout=0.2)
                    except queue.Empty:
                        continue
                    self._take(place, message)
            finally:  # a second Ctrl-C: what follows the runs' last checkpoints is lost
                for process in self._running.values():
                    process.kill()
        if self._errors:
            raise TrainerError(self._errors[0])
        return self._finished == self._all

    def _start_some(self) -> None:
        while self._waiting and len(self._running) < processors() and not self._stopping:
            place = self._waiting.pop(0)
            with (place / LOG).open("a", encoding="utf-8") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "pmarl_trainer.runs.seed_member", str(place)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                    env=_environment(),
                )
            self._running[place] = process
            assert process.stdout is not None
            threading.Thread(target=self._listen, args=(place, process.stdout), daemon=True).start()

    def _listen(self, place: Path, output: IO[str]) -> None:
        for line in output:
            self._messages.put((place, json.loads(line)))
        self._messages.put((place, None))

    def _stop(self) -> None:
        """Ask all to save and stop."""
        self._stopping, self._waiting = True, []
        for process in self._running.values():
            assert process.stdin is not None
            try:
                process.stdin.write("stop\n")
                process.stdin.close()
            except OSError:
                continue  # it has ended: that is what was wanted

    def _take(self, place: Path, message: dict[str, Any] | None) -> None:
        if message is None:
            self._ended(place)
        elif "begin" in message:
            self._display.begin(place.name, message["begin"])
        elif "rollout" in message:
            rollout = Rollout(**message["rollout"])
            wishes = [self._display.rollout(place.name, rollout), *(call(rollout) for call in self._callbacks)]
            if any(wish is True for wish in wishes) and not self._stopping:
                self._stop()
        elif "error" in message:
            self._errors.append(f"{place.name}: {message['error']}")
        elif message.get("finished"):
            self._finished += 1
            self._display.finished(place.name)

    def _ended(self, place: Path) -> None:
        code = self._running.pop(place).wait()
        if code not in (0, 2):
            self._errors.append(f"{place}: its process ended with code {code}; see {place / LOG}")
        if code != 0 and not self._stopping:
            self._stop()
        self._start_some()


def processors() -> int:
    """How many processes this one may run at the same time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment() -> dict[str, str]:
    """This process's, with its module search path: an entry found here is found there."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
