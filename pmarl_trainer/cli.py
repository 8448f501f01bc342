"""`pmarl-train`, `pmarl-evaluate`, `pmarl-export`, `pmarl-party`. torch is imported only when a command really runs."""

from __future__ import annotations

from pmarl_trainer.commands import evaluate as evaluate_command
from pmarl_trainer.commands import export as export_command
from pmarl_trainer.commands import party as party_commands
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


def party() -> None:
    """Entry point of `pmarl-party`."""
    commands = party_commands.init, party_commands.run, party_commands.audit
    run("pmarl-party", *commands, about="Train with your partners, every firm on its own machine with its own data.")
