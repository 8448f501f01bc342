"""Progress of work that takes long: nothing for two seconds, then a bar, or lines where no terminal is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["track"]

_PATIENCE = 2.0  # seconds without a word
_BETWEEN_LINES = 30.0  # seconds between lines in a log

Item = TypeVar("Item")


def track(steps: Sequence[Item], description: str) -> Iterator[Item]:
    """Go through `steps`; after two seconds, show on standard error how far it is and how long it will take.

    A bar on a terminal, which vanishes at the end; elsewhere a plain line, then another every half minute.
    """
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        yield from _with_bar(steps, description, console)
    else:
        yield from _with_lines(steps, description)


def _with_bar(steps: Sequence[Item], description: str, console: Console) -> Iterator[Item]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(description, total=len(steps))
    begin, shown = time.monotonic(), False
    try:
        for step in steps:
            yield step
            bar.advance(task)
            if not shown and time.monotonic() - begin > _PATIENCE:
                bar.start()
                shown = True
    finally:
        if shown:
            bar.stop()


def _with_lines(steps: Sequence[Item], description: str) -> Iterator[Item]:
    begin = time.monotonic()
    next_line = begin + _PATIENCE
    for done, step in enumerate(steps):
        now = time.monotonic()
        if now >= next_line and done:
            left = (now - begin) / done * (len(steps) - done)
            print(f"{description} {done}/{len(steps)}, about {left:.0f} s left", file=sys.stderr, flush=True)
            next_line = now + _BETWEEN_LINES
        yield step
