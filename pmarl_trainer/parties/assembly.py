"""A run's folder put together from the parties': rows of metrics, and policies in the stacked form.

What a firm does not tell the others is read here from the folders of all, so this is for whoever has them all before
him: a run on one machine. Policies that were put together are those of the stacked trainer, to evaluate and export.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.evaluation import Outcome
from pmarl_trainer.parties.party_checkpoints import held
from pmarl_trainer.parties.party_log import Line
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.file_names import agent_folders
from pmarl_trainer.training.run_checkpoints import checkpoint_path, facts_of, keep_policies
from pmarl_trainer.training.state import RunState, read_state

#: Of these numbers a row of metrics has the sum over firms; of all others the mean.
_SUMS = frozenset({"rollout_cost", "critic_loss", "policy_loss"})
_CPU = torch.device("cpu")


def party_folders(folder: Path, agents: tuple[str, ...]) -> dict[str, Path]:
    """Where each firm of a run in `folder` keeps what is its own."""
    return agent_folders(folder / "parties", agents)


def secret_of(config: RunConfig, number: int) -> int:
    """The secret seed of a firm where one person plays all of them: it follows from the run's."""
    return derived_seed(config.train.seed, "party", number)


def newest_common(folders: Mapping[str, Path]) -> int:
    """The rollout from which all firms can go on."""
    return max(set.intersection(*(set(held(folder)) for folder in folders.values())))


def metrics_row(lines: Sequence[Line]) -> dict[str, float]:
    """One rollout's row of metrics.csv from every firm's line of it."""
    row: dict[str, float] = {}
    for name in lines[0].metrics:
        total = sum(line.metrics[name] for line in lines)
        row[name] = total if name in _SUMS else total / len(lines)
    return row


def evaluated(lines: Sequence[Line]) -> Outcome | None:
    """The evaluation after a rollout, where there was one."""
    if lines[0].costs is None:
        return None
    return Outcome("cost", np.array([line.costs for line in lines]).T)


def assemble_best(config: RunConfig, spec: EnvSpec, folders: Mapping[str, Path], folder: Path) -> None:
    """Put the firms' best policies together, as the run's."""
    policies, facts = _assembled(config, spec, folders, "best")
    checkpoint.save(checkpoint_path(folder, "best"), policies, facts)


def assemble_last(config: RunConfig, spec: EnvSpec, folders: Mapping[str, Path], folder: Path, rollout: int) -> None:
    """Put the firms' policies after a rollout together, as the run's last. To go on, the firms have their own."""
    policies, facts = _assembled(config, spec, folders, str(rollout))
    checkpoint.save(checkpoint_path(folder, "last"), policies, facts)
    if config.train.keep_checkpoints_num != 0:
        keep_policies(folder, config.train, rollout, policies, facts)


def _assembled(
    config: RunConfig, spec: EnvSpec, folders: Mapping[str, Path], which: str
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    parts, state, seconds = [], RunState(), 0.0
    for party in folders.values():
        path = checkpoint_path(party, which)
        tensors, facts = checkpoint.load(path, _CPU)
        state = read_state(facts.get("state"), path)
        seconds = max(seconds, state.seconds)
        parts.append({name: tensor for name, tensor in tensors.items() if name.startswith(("policy.", "scaler."))})
    whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return whole, facts_of(spec, config.train, replace(state, seconds=seconds))
