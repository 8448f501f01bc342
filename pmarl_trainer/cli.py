"""`pmarl-train`, `pmarl-evaluate` and `pmarl-export`. torch is imported only when a command really runs."""

from __future__ import annotations

from pmarl_trainer.commands import evaluate as evaluate_command
from pmarl_trainer.commands import export as export_command
from pmarl_trainer.commands import train as train_command
from pmarl_trainer.commands.running import run


def train() -> None:
    """Entry point of `pmarl-train`."""
    run("pmarl-train", train_command.command)


def evaluate() -> None:
    """Entry point of `pmarl-evaluate`."""
    run("pmarl-evaluate", evaluate_command.command)


def export() -> None:
    """Entry point of `pmarl-export`."""
    run("pmarl-export", export_command.command)
