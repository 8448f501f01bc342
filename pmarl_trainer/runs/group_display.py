"""What a user sees while several seeds learn: a table of bars on a terminal, plain lines in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pmarl_trainer.runs.progress import duration, evaluation_text, new_bar
from pmarl_trainer.training.observer import Rollout


class GroupDisplay:
    """One line for each run that is under way. Use as a context manager."""

    def __init__(self, runs: int, *, quiet: bool) -> None:
        self._console, self._quiet, self._runs = Console(stderr=True), quiet, runs
        self._bar = None if quiet else new_bar(self._console)
        self._tasks: dict[str, Any] = {}
        self._begun: dict[str, Mapping[str, Any]] = {}
        self._seen: dict[str, str] = {}
        self._gone, self._done = False, 0

    def __enter__(self) -> GroupDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, name: str, beginning: Mapping[str, Any]) -> None:
        """A run is under way."""
        self._begun[name] = beginning

    def rollout(self, name: str, rollout: Rollout) -> bool:
        """Show one rollout's numbers; True where nobody reads any more (a closed pipe)."""
        if self._quiet:
            return False
        begun = self._begun[name]
        text = evaluation_text(rollout.metrics, begun["baseline"]) or self._seen.get(name, "…")
        self._seen[name] = text
        seconds = rollout.metrics["seconds"]
        left = seconds / rollout.number * (rollout.of - rollout.number)
        if self._bar is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(name, total=rollout.of)
            label = f"{name}: {text}"
            self._bar.update(self._tasks[name], completed=rollout.number, description=label, left=left)
        elif rollout.evaluation is not None:
            self._say(f"{name}: rollout {rollout.number}/{rollout.of}  {text}  {duration(left)} left")
        return self._gone

    def finished(self, name: str) -> None:
        """A run is done: its line goes."""
        self._done += 1
        self._say(f"{name}: finished ({self._done} of {self._runs})  {self._seen.get(name, '')}")
        if self._bar is not None and name in self._tasks:
            self._bar.remove_task(self._tasks.pop(name))

    def interrupted(self) -> None:
        """Say what happens now, and what a second Ctrl-C would do."""
        self._say("stopping after these rollouts, which are saved; Ctrl-C again stops at once and loses them")

    def _say(self, text: str) -> None:
        if self._gone or self._quiet:
            return
        try:
            if self._bar is not None:
                self._console.print(text, highlight=False, soft_wrap=True)
            else:
                print(text, flush=True)
        except BrokenPipeError:
            self._gone = True
