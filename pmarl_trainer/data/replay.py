"""The memory: whole aligned episodes in preallocated tensors, from which transitions are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pmarl_trainer.data.rollout import Episodes
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError


@dataclass(frozen=True)
class Batch:
    """Transitions of all agents, agent-major.

    Attributes:
        observations: [N, B, O] float32, raw.
        actions: [N, B] int64.
        rewards: [N, B] float32, each of its own action.
        terminated: [B] float32, 1 where the episode really ended with this transition.
        next_observations: [N, B, O] float32, raw.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    next_observations: Tensor


class Replay:
    """A ring of episode slots. Observation t+1 of an episode is stored once, though it ends one transition and starts
    the next.

    Attributes:
        agents: N names.
        steps: T, the most transitions of an episode.
    """

    def __init__(self, spec: EnvSpec, memory_size: int, num_envs: int, device: torch.device) -> None:
        """Room for about `memory_size` transitions, and for one rollout of `num_envs` episodes at least."""
        self.agents, self.steps, n = spec.agents, spec.usable_steps, len(spec.agents)
        slots = max(num_envs, memory_size // self.steps)
        # Memory of zeros is taken from the system only as it is written.
        # Agents first, as learners want their batches: what is drawn is then copied once.
        self._observations = torch.zeros(n, slots, self.steps + 1, spec.observation_size, device=device)
        self._actions = torch.zeros(n, slots, self.steps, dtype=torch.int32, device=device)
        self._rewards = torch.zeros(n, slots, self.steps, device=device)
        self._terminated = torch.zeros(slots, self.steps, device=device)
        self._lengths = torch.zeros(slots, dtype=torch.int64, device=device)
        self._next_slot = 0
        self._index_valid()

    def __len__(self) -> int:
        """Transitions held."""
        return len(self._valid)

    def add(self, episodes: Episodes) -> None:
        """Store aligned episodes [T, B, ...], over the oldest where the ring is full."""
        rows, steps = len(episodes.lengths), len(episodes.actions)
        device = self._lengths.device
        slots = (self._next_slot + torch.arange(rows, device=device)) % len(self._lengths)
        self._observations[:, slots, : steps + 1] = episodes.observations.permute(2, 1, 0, 3)
        self._actions[:, slots, :steps] = episodes.actions.permute(2, 1, 0).to(torch.int32)
        self._rewards[:, slots, :steps] = episodes.rewards.permute(2, 1, 0)
        self._terminated[slots, :steps] = episodes.terminated.transpose(0, 1)
        self._lengths[slots] = episodes.lengths
        self._next_slot = (self._next_slot + rows) % len(self._lengths)
        self._index_valid()

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw transitions uniformly, with replacement."""
        drawn = torch.randint(len(self), (batch_size,), generator=generator, device=self._valid.device)
        transition = self._valid[drawn]
        # Slots have one observation more than transitions: transition (slot, t) starts at slot * (T + 1) + t.
        start = transition + torch.div(transition, self.steps, rounding_mode="floor")
        observations = self._observations.flatten(1, 2)
        return Batch(
            observations=observations.index_select(1, start),
            actions=self._actions.flatten(1).index_select(1, transition).long(),
            rewards=self._rewards.flatten(1).index_select(1, transition),
            terminated=self._terminated.flatten()[transition],
            next_observations=observations.index_select(1, start + 1),
        )

    def find_not_finite(self) -> tuple[str, str] | None:
        """("observations" or "rewards", the agent) of the first stored numbers that are not finite; None if all are."""
        for name, tensor in (("observations", self._observations), ("rewards", self._rewards)):
            wrong = ~torch.isfinite(tensor).flatten(1).all(dim=1)
            if bool(wrong.any()):
                return name, self.agents[int(wrong.nonzero()[0])]
        return None

    def _index_valid(self) -> None:
        within = torch.arange(self.steps, device=self._lengths.device) < self._lengths.unsqueeze(1)
        self._valid = within.flatten().nonzero().squeeze(1)

    def state_dict(self) -> dict[str, Tensor]:
        """The filled slots, for a checkpoint."""
        filled = int((self._lengths > 0).nonzero().max()) + 1 if len(self) else 0
        stored = {name: getattr(self, f"_{name}").narrow(axis, 0, filled) for name, axis in _SLOT_AXIS.items()}
        return {**stored, "next_slot": torch.tensor(self._next_slot)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a checkpoint's slots."""
        for name, axis in _SLOT_AXIS.items():
            own, stored = getattr(self, f"_{name}"), state[name]
            expected = [*own.shape[:axis], stored.shape[axis], *own.shape[axis + 1 :]]
            if list(stored.shape) != expected or stored.shape[axis] > own.shape[axis]:
                raise CheckpointError(f"replay {name} has shape {list(stored.shape)}, which this run cannot hold")
            own.narrow(axis, 0, stored.shape[axis]).copy_(stored)
        self._next_slot = int(state["next_slot"])
        self._index_valid()


#: What a checkpoint holds, and which of its axes counts the slots.
_SLOT_AXIS = {"observations": 1, "actions": 1, "rewards": 1, "terminated": 0, "lengths": 0}
