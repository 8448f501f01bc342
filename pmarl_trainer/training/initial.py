"""Training that begins with another run's networks (`init`), on the same environment or on another one.

What is an agent's own is taken by the agent's name, what all share (the attention) as a whole, layer by layer up to the
first whose size is another. Policies, critics and their targets are taken; optimisers, memories, scales of observations
and statistics of rewards are the new run's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.run_checkpoints import checkpoint_path

_TAKEN = ("policy", "target_policy", "critic", "target_critic")
_SHARED = ".attention."


def begin_from(source: str, learner: Trainable, spec: EnvSpec) -> str:
    """Put the networks of the run or checkpoint at `source` into a fresh learner.

    Args:
        source: a run's folder, of which the best policies and the last critics are taken; or a checkpoint file.
        learner: built for the environment of `spec`.
        spec: the environment's facts.

    Returns:
        One line: what fitted and what did not.

    Raises:
        CheckpointError: one line, if there is no such run, it is damaged, or no policy of it fits any agent.
    """
    tensors, agents = _read(Path(source), learner.device)
    taken: dict[str, set[str]] = {name: set() for name in _TAKEN}
    left: dict[str, str] = {}
    shared = False
    for name, tensor in _networks(learner):
        module, found = name.split(".")[0], tensors.get(name)
        if module in left:  # a layer says nothing after one that is not the one that it was trained with
            continue
        if found is None:
            left[module] = f"{name} is not there"
        elif _SHARED in name:
            shared |= _whole(name, found, tensor, left)
        else:
            taken[module] |= _by_agent(name, found, tensor, (agents, spec.agents), left)
    if not taken["policy"]:
        why = left.get("policy", "none of its agents is one of this environment")
        raise CheckpointError(f"init {source}: no policy fits: {why}")
    fitted = [f"{name} of {len(found)} of {len(spec.agents)} agents" for name, found in taken.items() if found]
    fitted += ["attention"] if shared else []
    rest = f"; begun anew: {', '.join(left.values())}" if left else ""
    return f"init {source}: {', '.join(fitted)}{rest}"


def _read(path: Path, device: torch.device) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors by name, and the agents that they are of."""
    files = [checkpoint_path(path, which) for which in ("last", "best")] if path.is_dir() else [path]
    there = [file for file in files if file.is_file()]
    if not there:
        raise CheckpointError(f"init {path}: expected a run's folder with a checkpoint, or a checkpoint file")
    tensors: dict[str, Tensor] = {}
    facts: Mapping[str, Any] = {}
    for file in there:  # the best policies win over the last
        found, facts = checkpoint.load(file, device)
        tensors |= found
    identity = facts.get("identity")
    agents = identity.get("agents") if isinstance(identity, dict) else None
    if not isinstance(agents, list):
        raise CheckpointError(f"{there[-1]}: damaged: its 'identity' does not say which agents it is of")
    return tensors, [str(agent) for agent in agents]


def _networks(learner: Trainable) -> Iterator[tuple[str, Tensor]]:
    for name, module in learner.modules().items():
        if name in _TAKEN:
            yield from ((f"{name}.{key}", tensor) for key, tensor in module.state_dict().items())


def _whole(name: str, found: Tensor, tensor: Tensor, left: dict[str, str]) -> bool:
    if found.shape != tensor.shape:
        left[name.split(".")[0]] = f"{name} is {list(found.shape)}, not {list(tensor.shape)}"
        return False
    tensor.copy_(found)
    return True


def _by_agent(
    name: str, found: Tensor, tensor: Tensor, agents: tuple[Sequence[str], Sequence[str]], left: dict[str, str]
) -> set[str]:
    """Copy what is of agents of the same name; these agents."""
    theirs, ours = agents
    if found.shape[:1] != (len(theirs),) or found.shape[1:] != tensor.shape[1:]:
        left[name.split(".")[0]] = f"{name} is {list(found.shape[1:])}, not {list(tensor.shape[1:])}"
        return set()
    position = {agent: k for k, agent in enumerate(theirs)}
    both = [agent for agent in ours if agent in position]
    if both:
        here = torch.tensor([k for k, agent in enumerate(ours) if agent in position], device=tensor.device)
        tensor[here] = found[torch.tensor([position[agent] for agent in both], device=tensor.device)]
    return set(both)
