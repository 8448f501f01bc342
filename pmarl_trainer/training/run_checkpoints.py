"""The checkpoints of a run: `best` (policies), `last` (everything), and those of rollouts that are kept (policies)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.state import RunState, read_state


def checkpoint_path(folder: Path, which: str) -> Path:
    """Where a run keeps its checkpoint `best` (policies), `last` (everything) or, by number, a rollout's (policies)."""
    if which.isdecimal():
        which = f"rollout-{int(which):06d}"
    return folder / "checkpoints" / f"{which}.safetensors"


def facts_of(spec: EnvSpec, config: TrainConfig, state: RunState) -> dict[str, Any]:
    """What a checkpoint says besides its tensors: of which run it is, and how far that was."""
    return {"identity": checkpoint.identity(spec, config), "state": asdict(state)}


def save_best(folder: Path, spec: EnvSpec, config: TrainConfig, learner: Trainable, state: RunState) -> None:
    """Keep the policies as the best so far."""
    facts = facts_of(spec, config, state)
    checkpoint.save(checkpoint_path(folder, "best"), checkpoint.policy_state(learner), facts)


def save_last(
    folder: Path, spec: EnvSpec, config: TrainConfig, learner: Trainable, replay: Replay | None, state: RunState
) -> None:
    """Write all that resuming needs."""
    tensors = checkpoint.learner_state(learner)
    if replay is not None and config.checkpoint_memory:
        tensors |= {f"replay.{name}": tensor for name, tensor in replay.state_dict().items()}
    facts = facts_of(spec, config, state)
    checkpoint.save(checkpoint_path(folder, "last"), tensors, facts)
    if config.keep_checkpoints_num != 0:
        keep_policies(folder, config, state.rollout, checkpoint.policy_state(learner), facts)


def keep_policies(
    folder: Path, config: TrainConfig, rollout: int, policies: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Keep a rollout's policies beside `best` and `last`, and as many of earlier ones as the configuration says."""
    checkpoint.save(checkpoint_path(folder, str(rollout)), policies, facts)
    if config.keep_checkpoints_num is not None:
        kept = sorted((folder / "checkpoints").glob("rollout-*.safetensors"))
        for old in kept[: -config.keep_checkpoints_num]:
            old.unlink()


def read_checkpoint(
    path: Path, spec: EnvSpec, config: TrainConfig, device: torch.device
) -> tuple[dict[str, Tensor], RunState]:
    """A checkpoint's tensors, and how far the run was.

    Raises:
        CheckpointError: one line, if it is damaged or of another run.
    """
    tensors, facts = checkpoint.load(path, device)
    checkpoint.check_identity(path, facts, checkpoint.identity(spec, config))
    return tensors, read_state(facts.get("state"), path)


def load_last(folder: Path, spec: EnvSpec, config: TrainConfig, learner: Trainable, replay: Replay | None) -> RunState:
    """Take up a run where its last checkpoint left it: at the beginning, where there is none yet.

    Raises:
        CheckpointError: one line, if it is damaged or of another run.
    """
    path = checkpoint_path(folder, "last")
    if not path.exists():
        return RunState()
    tensors, state = read_checkpoint(path, spec, config, learner.device)
    if state.rollout > config.rollouts:
        raise CheckpointError(f"{path}: of another run: it stands after rollout {state.rollout} of {config.rollouts}")
    checkpoint.load_learner(path, learner, tensors)
    memory = checkpoint.below(tensors, "replay.")
    if replay is not None and memory:
        replay.load_state_dict(memory)
    return state
