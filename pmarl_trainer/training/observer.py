"""Who is told of a run while it learns: logs, the display, and a user's own callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig


@dataclass(frozen=True)
class Beginning:
    """A session of a run that is about to train.

    Attributes:
        config: the run's.
        folder: the run's.
        rollout: how many rollouts it has behind it; 0 for a new run.
        baseline: name of the policy that evaluations are compared with, or None.
        device: what it trains on, e.g. "cpu".
    """

    config: RunConfig
    folder: Path
    rollout: int
    baseline: str | None
    device: str


@dataclass(frozen=True)
class Rollout:
    """One rollout that is done.

    Attributes:
        number: 1 for the first.
        of: rollouts of the whole run.
        metrics: its numbers by name, as in metrics.csv.
        seed: the run's.
        evaluation: the evaluation's cost (or return) by episode, if the policies were evaluated after it.
    """

    number: int
    of: int
    metrics: Mapping[str, float]
    seed: int
    evaluation: Sequence[float] | None = None


class Observer:
    """Is told of the beginning, of every rollout and of the end. What a subclass leaves out does nothing."""

    def begin(self, beginning: Beginning) -> None:
        """Training is about to begin, or to go on."""

    def rollout(self, rollout: Rollout) -> bool | None:
        """A rollout is done and not yet in a checkpoint; True asks the run to save and to stop."""

    def interrupted(self) -> None:
        """A first Ctrl-C has come: the run will stop after the rollout under way. Called by the signal's handler."""

    def end(self) -> None:
        """The session is over, one way or another."""


#: A user's own: given each rollout, it may return True to save and to stop.
Callback = Callable[[Rollout], bool | None]


class CallbackObserver(Observer):
    """A plain function as an observer."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def rollout(self, rollout: Rollout) -> bool | None:
        """Call it."""
        return self._callback(rollout)
