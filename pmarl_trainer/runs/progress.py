"""What a user sees while a run learns: a bar on a terminal, plain lines in a file, nothing if asked to be quiet.

Everything fits 80 columns: how many rollouts of how many, the evaluated cost, the time that is left.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.training.observer import Beginning, Observer, Rollout

_DAY = 86_400.0
#: Periods of an episode from which on a rollout, before which nothing can be measured, takes minutes.
_LONG = 5_000


class Display(Observer):
    """Shows how far one run is and how good."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = new_bar(self._console)
        self._gone = False

    def begin(self, beginning: Beginning) -> None:
        """Say what is about to run."""
        self._beginning, self._start = beginning, time.monotonic()
        self._seen, self._warned = "", False
        total = beginning.config.train.rollouts
        self._say(describe(beginning.config, beginning.device))
        horizon = beginning.config.env.arguments.get("horizon")
        if isinstance(horizon, int | float) and horizon >= _LONG:
            self._say(f"episodes of {horizon:,.0f} periods: a rollout can take many minutes")
        if beginning.rollout:
            self._say(f"going on after rollout {beginning.rollout} of {total}")
        if self._bar is not None:
            self._task = self._bar.add_task("…", total=total, completed=beginning.rollout)
            self._bar.start()

    def rollout(self, rollout: Rollout) -> bool | None:
        """Show one rollout's numbers; asks to stop where nobody reads any more (a closed pipe)."""
        self._seen = evaluation_text(rollout.metrics, self._beginning.baseline) or self._seen
        done = rollout.number - self._beginning.rollout
        left = (time.monotonic() - self._start) / done * (rollout.of - rollout.number)
        self._warn_of_days(rollout, left)
        if self._bar is not None:
            self._bar.update(self._task, completed=rollout.number, description=self._seen, left=left)
        elif rollout.evaluation is not None:
            self._say(f"rollout {rollout.number}/{rollout.of}  {self._seen}  {duration(left)} left")
        return self._gone

    def interrupted(self) -> None:
        """Say what happens now, and what a second Ctrl-C would do."""
        self._say("stopping after this rollout, which is saved; Ctrl-C again stops at once and loses it")

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _warn_of_days(self, rollout: Rollout, left: float) -> None:
        """Measured on the first rollouts, and again on the first that learns."""
        learning = rollout.number > self._beginning.config.train.learning_starts
        if left > _DAY and (not self._warned or learning) and rollout.number <= self._beginning.rollout + 10:
            if not self._warned:
                self._say(f"at this speed the run takes {duration(left)} more; fewer train.rollouts would shorten it")
            self._warned = True

    def _say(self, text: str) -> None:
        if self._gone:
            return
        try:
            if self._bar is not None:
                self._console.print(text, highlight=False, soft_wrap=True)  # above the bar
            else:
                print(text, flush=True)
        except BrokenPipeError:
            self._gone = True


class TimeLeft(ProgressColumn):
    """The time left of a task that knows it."""

    def render(self, task: Task) -> Text:
        """As text, e.g. 12 min."""
        left = task.fields.get("left")
        return Text("" if left is None or task.finished else f"{duration(left)} left")


def new_bar(console: Console) -> Progress | None:
    """A bar with count of total, what is known and the time left; None where the output does not take one."""
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    count = TextColumn("{task.completed:.0f}/{task.total:.0f}")
    return Progress(BarColumn(bar_width=18), count, TextColumn("{task.description}"), TimeLeft(), console=console)


def describe(config: RunConfig, device: str) -> str:
    """One line: what learns where, how much of it, and on what."""
    train, env = config.train, config.env
    rollouts = f"{train.rollouts} rollouts of {train.num_envs} episodes"
    among = "" if train.parties == "none" else " among parties"
    return (
        f"{train.method}{among} on {environment_name(config) or env.entry}: {rollouts}, seed {train.seed}, on {device}"
    )


def environment_name(config: RunConfig) -> str | None:
    """What the environment's own arguments call it: the scenario or the network."""
    for key in ("scenario", "network"):
        value = config.env.arguments.get(key)
        if isinstance(value, str):
            return value
    return None


def evaluation_text(row: Mapping[str, float], baseline: str | None) -> str:
    """The evaluation in a row of metrics; empty where there is none."""
    if "evaluation_ratio" in row:
        return f"cost {row['evaluation']:.0f} = {row['evaluation_ratio']:.3f} × {baseline}"
    return f"evaluation {row['evaluation']:.4g}" if "evaluation" in row else ""


def duration(seconds: float) -> str:
    """About how long, in one unit."""
    for unit, size in (("days", _DAY), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
