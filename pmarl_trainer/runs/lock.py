"""One process at a time trains in a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pmarl_trainer.errors import TrainerError

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it when the process ends, however that comes.

    Raises:
        TrainerError: one line, if another process holds it.
    """
    lock = FileLock(folder / NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainerError(f"{folder}: another process is training in this folder") from error
    try:
        yield
    finally:
        lock.release()
