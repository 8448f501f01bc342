"""Checkpoints: one safetensors file each, its JSON header holding the facts. Nothing is pickled.

A file is written under a temporary name and then renamed, so a crash leaves the previous checkpoint, never half a one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save_file
from torch import Tensor

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.training.atomic_file import whole_file

FORMAT = 3
#: Format 2 differs in names only: policies were actors, and a critic's last layer had two names.
_READ = (2, FORMAT)


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write `tensors` and JSON-able `facts` to `path`, whole or not at all.

    Raises:
        CheckpointError: one line, if it cannot be written; what was at `path` is still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with whole_file(path) as temporary:
            save_file(plain, temporary, metadata={"facts": json.dumps({"format": FORMAT, **facts})})
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be written ({' '.join(str(error).split())})") from error


def load(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read (tensors, facts).

    Raises:
        CheckpointError: one line, if the file is missing, damaged or of another format.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        content = path.read_bytes()  # not mapped: on Windows a file that is mapped cannot be replaced
        facts = json.loads(_header(content)["__metadata__"]["facts"])
        tensors = {_present_name(name): tensor.to(device) for name, tensor in read_tensors(content).items()}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: damaged or not a checkpoint ({' '.join(str(error).split())})") from error
    if not isinstance(facts, dict) or facts.get("format") not in _READ:
        found = _short(facts.get("format")) if isinstance(facts, dict) else "unknown"
        raise CheckpointError(f"{path}: of another version of the trainer: format {found}, this one reads {FORMAT}")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: damaged: {name} holds numbers that are not finite")
    return tensors, facts


def _present_name(name: str) -> str:
    """What a tensor is called now that a file of format 2 may name otherwise."""
    return re.sub(r"^((?:target_)?critic)\.value\.", r"\1.values.", re.sub(r"^(target_)?actor\.", r"\1policy.", name))


def read_facts(path: Path) -> dict[str, Any]:
    """The facts alone, without the tensors.

    Raises:
        CheckpointError: one line, if they cannot be read.
    """
    try:
        with path.open("rb") as file:
            length = file.read(8)
            facts = json.loads(json.loads(file.read(int.from_bytes(length, "little")))["__metadata__"]["facts"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise CheckpointError(f"{path}: damaged or not a checkpoint") from error
    return facts if isinstance(facts, dict) else {}


def _header(content: bytes) -> Any:
    """The JSON that a safetensors file begins with, after its length in 8 bytes."""
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def identity(spec: EnvSpec, config: TrainConfig) -> dict[str, Any]:
    """What must agree between a checkpoint and the run that takes it up."""
    return {
        "agents": list(spec.agents),
        "observation_size": spec.observation_size,
        "num_actions": spec.num_actions.tolist(),
        "adjacency": spec.adjacency.tolist(),
        "method": _method(config),
        "hidden_size": config.hidden_size,
        "attention_heads": config.attention_heads,
        "own_action": config.own_action,
        "input_normalisation": config.input_normalisation,
    }


def _method(config: TrainConfig) -> dict[str, str]:
    if config.method == "hdpo":
        return {"name": "hdpo", "policy_input": config.sees, "order_range": config.order_range}
    row = config.row
    return {"attention": row.attention, "policy_input": row.policy_input, "group_weights": row.group_weights}


def check_identity(path: Path, facts: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another network, method or size, and name the first difference."""
    identity = facts.get("identity")
    if not isinstance(identity, dict):
        raise CheckpointError(f"{path}: damaged: its 'identity' says nothing of the run that it belongs to")
    for name, value in expected.items():
        found = identity.get(name)
        if found != value:
            raise CheckpointError(f"{path}: of another run: {_difference(name, found, value)}")


def _difference(name: str, found: Any, expected: Any) -> str:
    """Where two JSON values differ first, in few words; `found` stands in the checkpoint."""
    if isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            return f"{name}: {len(found)} entries, not {len(expected)}"
        at = next(k for k, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
        return _difference(f"{name}[{at}]", found[at], expected[at])
    if isinstance(found, dict) and isinstance(expected, dict):
        key = next((key for key in [*expected, *found] if found.get(key) != expected.get(key)), None)
        return _difference(f"{name}.{key}", found.get(key), expected.get(key))
    return f"{name} is {_short(found)}, not {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def learner_state(learner: Trainable) -> dict[str, Tensor]:
    """Everything that a learner needs to go on, by name: networks, targets, moments, temperatures, optimisers."""
    state = {name: tensor.detach() for name, tensor in learner.loose_tensors().items()}
    for name, module in learner.modules().items():
        state |= {f"{name}.{key}": tensor for key, tensor in module.state_dict().items()}
    for name, optimiser in learner.optimisers().items():
        for index, slots in optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{name}.{index}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    return state


def policy_state(learner: Trainable) -> dict[str, Tensor]:
    """What acting needs: the policies and the scaling of their observations."""
    state = {f"policy.{key}": tensor for key, tensor in learner.policy.state_dict().items()}
    return state | {f"scaler.{key}": tensor for key, tensor in learner.scaler.state_dict().items()}


def load_learner(path: Path, learner: Trainable, tensors: Mapping[str, Tensor], *, policy_only: bool = False) -> None:
    """Put `tensors` (from `path`, named in errors) into a learner built for the same run."""
    try:
        for name, module in learner.modules().items():
            if not policy_only or name in ("policy", "scaler"):
                module.load_state_dict(below(tensors, f"{name}."))
        if policy_only:
            return
        for name, tensor in learner.loose_tensors().items():
            tensor.detach().copy_(tensors[name])
        for name, optimiser in learner.optimisers().items():
            slots: dict[int, dict[str, Tensor]] = {}
            for key, tensor in below(tensors, f"optimiser.{name}.").items():
                index, slot = key.split(".")
                slots.setdefault(int(index), {})[slot] = tensor
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
    except (RuntimeError, KeyError, ValueError, IndexError, TypeError) as error:
        raise CheckpointError(f"{path}: does not fit this run ({' '.join(str(error).split())})") from error


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, by what follows it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
