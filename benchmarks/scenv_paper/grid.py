"""Many cells side by side: each in a process of its own, so that one that crashes takes nothing with it.

Which cells are left is read from their folders (`cell`), so a grid can be stopped, killed, or started twice at once, on
one machine or on several that share the folder: what is done is not done again, and what another process is at is left
to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import scenv
import scenv_paper
from scenv_paper.cell import BUSY, INTERRUPTED, write_json
from scenv_paper.design import Cell

#: What a cell can be. "elsewhere": another process holds its lock.
States = Mapping[Cell, str]
WAITING, RUNNING, DONE, FAILED, STOPPED, ELSEWHERE = "waiting", "running", "done", "failed", "stopped", "elsewhere"
_STATE_OF_STATUS = {0: DONE, BUSY: ELSEWHERE, INTERRUPTED: STOPPED, -2: STOPPED}


class Grid:
    """Cells and their folders.

    Attributes:
        cells: in the order in which they are started.
        runs: where cells have their folders.
        raw: where each done cell's record is copied to.
        states: cell -> what it is now; read by the display while `run` works.
    """

    def __init__(self, cells: Sequence[Cell], runs: Path, raw: Path) -> None:
        """What is done already is known from the folders."""
        self.cells, self.runs, self.raw = list(cells), runs, raw
        self.states: dict[Cell, str] = dict.fromkeys(self.cells, WAITING)
        self._stop = threading.Event()
        for cell in self.cells:
            if (self.folder(cell) / "done.json").exists():
                self._finish(cell, DONE)

    def folder(self, cell: Cell) -> Path:
        """The cell's folder."""
        return self.runs / cell.name

    def log(self, cell: Cell) -> Path:
        """What the cell's process printed."""
        return self.folder(cell) / "log.txt"

    def run(self, jobs: int, changed: Callable[[], None] = lambda: None) -> None:
        """Do everything that is left, `jobs` cells at a time; `changed` is called whenever a cell is done or not.

        After Ctrl-C no further cell is started; those at work save and stop, and KeyboardInterrupt is raised.
        """
        with ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self._one, cell) for cell in self._left()]
            try:
                for future in as_completed(futures):
                    future.result()
                    changed()
            except KeyboardInterrupt:  # the cells' processes got it too
                self.stop()
                raise

    def stop(self) -> None:
        """Start no further cell."""
        self._stop.set()

    def run_on_ray(self, address: str, changed: Callable[[], None] = lambda: None) -> None:
        """The same on a Ray cluster ("local" starts one here), whose machines must share the grid's folder."""
        from scenv_paper.ray_pool import statuses

        left = self._left()
        for cell in left:
            self.states[cell] = RUNNING
        arguments = [(cell_command(cell, self.folder(cell)), str(self.log(cell))) for cell in left]
        for index, status in statuses(address, arguments, cell_environment()):
            self._finish(left[index], _STATE_OF_STATUS.get(status, FAILED))
            changed()

    def progress(self, cell: Cell) -> tuple[int, int] | None:
        """(rollouts done, rollouts in all) of a training cell at work."""
        run = self.folder(cell) / "run"
        try:
            total = json.loads((run / "config.json").read_text(encoding="utf-8"))["train"]["rollouts"]
            return max(0, (run / "metrics.csv").read_text(encoding="utf-8").count("\n") - 1), total
        except (OSError, ValueError):
            return None

    def _left(self) -> list[Cell]:
        return [cell for cell in self.cells if self.states[cell] != DONE]

    def _one(self, cell: Cell) -> None:
        if self._stop.is_set():
            return
        self.states[cell] = RUNNING
        status = run_process(cell_command(cell, self.folder(cell)), str(self.log(cell)), cell_environment())
        self._finish(cell, _STATE_OF_STATUS.get(status, FAILED))

    def _finish(self, cell: Cell, state: str) -> None:
        if state == DONE:
            record: dict[str, Any] = json.loads((self.folder(cell) / "done.json").read_text(encoding="utf-8"))
            write_json(self.raw / f"{cell.name}.json", record)
        self.states[cell] = state


def cell_command(cell: Cell, folder: Path) -> list[str]:
    """The process that does one cell."""
    place = [str(folder.resolve()), cell.network, str(cell.lead_time), cell.method, str(cell.seed), cell.budget]
    return [sys.executable, "-m", "scenv_paper.cell", *place]


def cell_environment() -> dict[str, str]:
    """One thread a process: cells run side by side, and a waiting thread must not spin on another's core.

    A cell's process finds the packages where this one found them, installed or not.
    """
    folders = [str(Path(str(package.__file__)).parents[1]) for package in (scenv, scenv_paper)]
    path = os.pathsep.join([*dict.fromkeys(folders), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def run_process(command: Sequence[str], log: str, environment: Mapping[str, str]) -> int:
    """Run to the end with everything printed going to the file `log`; the exit status."""
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **environment}, check=False
        )
    return done.returncode
