"""How a session ends that does not end well: what a foreign error leaves behind, what a second Ctrl-C costs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.training.atomic_file import whole_file
from pmarl_trainer.training.checkpoint import read_facts
from pmarl_trainer.training.run_checkpoints import checkpoint_path

LOG = "error.txt"


@contextmanager
def errors_recorded(config: RunConfig, folder: Path) -> Iterator[None]:
    """What goes wrong is in the folder's error.txt, whole; a foreign error is told in one line.

    Raises:
        TrainerError: instead of an error that is not one.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        where = _record(folder / LOG)
        if isinstance(error, TrainerError):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())[:600]
        raise TrainerError(f"{config.env.entry}: the run has stopped: {text}{where}") from error


def _record(path: Path) -> str:
    """Write the traceback; where it is, in words."""
    try:
        with whole_file(path) as temporary:
            temporary.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:  # the disk is full: that is what there is to say
        return ""
    return f" (all of it in {path})"


class StoppedAtOnce(KeyboardInterrupt):
    """A second Ctrl-C: the message says what is lost and how to go on."""


@contextmanager
def told_what_is_lost(folder: Path) -> Iterator[None]:
    """Say at a second Ctrl-C what it costs.

    Raises:
        StoppedAtOnce: instead of a plain KeyboardInterrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        text = f"stopped at once: {_what_is_lost(folder)}; go on with: pmarl-train --resume {folder}"
        raise StoppedAtOnce(text) from None


def _what_is_lost(folder: Path) -> str:
    if (folder / "seeds.json").exists():
        return "what each run did after its last checkpoint is lost"
    path = checkpoint_path(folder, "last")
    if not path.exists():
        return "there was no checkpoint yet, so all of it is lost and the run begins anew"
    state = read_facts(path).get("state", {})
    return f"what came after rollout {state.get('rollout', '?')}, the last checkpoint, is lost"
