"""Which checkpoint of a run a command takes."""

from __future__ import annotations

from typing import Annotated

import typer

from pmarl_trainer.errors import TrainerError

CheckpointOption = Annotated[
    str, typer.Option(help="best, last, or the number of a rollout that was kept (train.keep_checkpoints_num).")
]


def check(which: str) -> str:
    """The value of the option.

    Raises:
        TrainerError: if it names no kind of checkpoint.
    """
    if which not in ("best", "last") and not (which.isascii() and which.isdecimal()):
        raise TrainerError(f"--checkpoint: expected best, last or a rollout's number, got {which!r}")
    return which
