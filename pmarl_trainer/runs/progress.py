"""What a user sees while a run learns: a bar on a terminal, plain lines in a file, nothing if asked to be quiet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Display:
    """Shows how far a run is and how good. Use as a context manager.

    Args:
        total: rollouts in all; done: rollouts behind it.
        yardstick: what the evaluated cost is compared with, e.g. "base-stock", or None.
        quiet: show nothing.
    """

    def __init__(self, total: int, done: int, yardstick: str | None, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._total, self._yardstick, self._quiet = total, yardstick, quiet
        self._first, self._start = done, time.monotonic()
        self._first_updates: int | None = None
        self._first_episodes = 0.0
        self._shown = "…"
        self._bar: Progress | None = None
        if self._console.is_terminal and not quiet:
            columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TextColumn("{task.description}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console)
            self._task = self._bar.add_task("starting", total=total, completed=done)

    def __enter__(self) -> Display:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, row: Mapping[str, float]) -> None:
        """Show one rollout's numbers (see `metrics.COLUMNS`)."""
        if self._quiet:
            return
        elapsed = time.monotonic() - self._start
        if self._first_updates is None:
            self._first_updates = int(row["updates"])
            self._first_episodes = row["episodes"]
        speed = (row["updates"] - self._first_updates) / max(elapsed, 1e-9)
        episodes = (row["episodes"] - self._first_episodes) / max(elapsed, 1e-9)
        if "evaluation" in row:
            self._shown = self._evaluation(row)
        entropy = f"entropy {row['entropy']:.2f}  " if "entropy" in row else ""
        text = f"{self._shown}  {entropy}{speed:.0f} updates/s  {episodes:.0f} episodes/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=row["rollout"], description=text)
        elif "evaluation" in row:
            done = row["rollout"] - self._first
            left = elapsed / max(done, 1) * (self._total - row["rollout"])
            print(f"rollout {row['rollout']:.0f}/{self._total}  {text}  {left / 60:.1f} min left", flush=True)

    def say(self, text: str) -> None:
        """One line, above the bar."""
        if not self._quiet:
            self._console.print(text, highlight=False, soft_wrap=True)

    def _evaluation(self, row: Mapping[str, Any]) -> str:
        if "evaluation_ratio" in row:
            return f"cost {row['evaluation']:.0f} = {row['evaluation_ratio']:.3f} × {self._yardstick}"
        return f"evaluation {row['evaluation']:.4g}"
