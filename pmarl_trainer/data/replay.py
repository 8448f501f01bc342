"""The memory: whole aligned episodes in preallocated tensors, from which transitions are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pmarl_trainer.data.rollout import Episodes
from pmarl_trainer.data.sizes import replay_bytes, replay_slots, require_fits
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError


@dataclass(frozen=True)
class Batch:
    """Transitions of all agents, agent-major.

    Attributes:
        observations: [N, B, O] float32, raw.
        actions: [N, B] int64.
        rewards: [N, B] float32, each of its own action.
        terminated: [N, B] float32, 1 where the agent's episode really ended with this transition.
        next_observations: [N, B, O] float32, raw.
        active: [N, B] bool, whether the agent took part in the transition, so that there is something to learn; None
            where all did.
        allowed, next_allowed: [N, B, A] bool, the actions that an agent may take in either state; None where that is
            always all.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    next_observations: Tensor
    active: Tensor | None = None
    allowed: Tensor | None = None
    next_allowed: Tensor | None = None


class Replay:
    """A ring of episode slots. Observation t+1 of an episode is stored once, though it ends one transition and starts
    the next.

    Attributes:
        agents: N names.
        steps: T, the most transitions of an episode, one that really ends.
    """

    def __init__(self, spec: EnvSpec, memory_size: int, num_envs: int, device: torch.device) -> None:
        """Room for about `memory_size` transitions, and for one rollout of `num_envs` episodes at least."""
        self.agents, self.steps, n = spec.agents, spec.max_steps, len(spec.agents)
        slots = replay_slots(spec, memory_size, num_envs)
        require_fits(f"a replay of memory_size={memory_size}", replay_bytes(spec, memory_size, num_envs), device)
        # Memory of zeros is taken from the system only as it is written.
        # Agents first, as learners want their batches: what is drawn is then copied once.
        self._observations = torch.zeros(n, slots, self.steps + 1, spec.observation_size, device=device)
        self._actions = torch.zeros(n, slots, self.steps, dtype=torch.int32, device=device)
        self._rewards = torch.zeros(n, slots, self.steps, device=device)
        self._terminated, self._active = (
            torch.zeros(n, slots, self.steps, dtype=torch.bool, device=device) for _ in range(2)
        )
        most = int(spec.num_actions.max()) if spec.action_masks else 0
        self._masked = spec.action_masks
        self._allowed = torch.zeros(n, slots, self.steps + 1, most, dtype=torch.bool, device=device)
        self._next_slot = 0
        self._index_valid()

    def __len__(self) -> int:
        """Transitions held."""
        return len(self._valid)

    def add(self, episodes: Episodes) -> None:
        """Store aligned episodes [T, B, ...], over the oldest where the ring is full."""
        steps, rows = episodes.actions.shape[:2]
        device, capacity = self._active.device, self._active.shape[1]
        slots = (self._next_slot + torch.arange(rows, device=device)) % capacity
        self._observations[:, slots, : steps + 1] = episodes.observations.permute(2, 1, 0, 3)
        self._actions[:, slots, :steps] = episodes.actions.permute(2, 1, 0).to(torch.int32)
        self._rewards[:, slots, :steps] = episodes.rewards.permute(2, 1, 0)
        self._terminated[:, slots, :steps] = episodes.terminated.permute(2, 1, 0)
        self._active[:, slots] = False
        self._active[:, slots, :steps] = episodes.active.permute(2, 1, 0)
        if episodes.allowed is not None:
            self._allowed[:, slots, : steps + 1] = episodes.allowed.permute(2, 1, 0, 3)
        self._next_slot = (self._next_slot + rows) % capacity
        self._index_valid()

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw transitions uniformly, with replacement: those that at least one agent took part in."""
        drawn = torch.randint(len(self), (batch_size,), generator=generator, device=self._valid.device)
        transition = self._valid[drawn]
        # Slots have one observation more than transitions: transition (slot, t) starts at slot * (T + 1) + t.
        start = transition + torch.div(transition, self.steps, rounding_mode="floor")
        observations, allowed = self._observations.flatten(1, 2), self._allowed.flatten(1, 2)
        return Batch(
            observations=observations.index_select(1, start),
            actions=self._actions.flatten(1).index_select(1, transition).long(),
            rewards=self._rewards.flatten(1).index_select(1, transition),
            terminated=self._terminated.flatten(1).index_select(1, transition).float(),
            next_observations=observations.index_select(1, start + 1),
            active=None if self._all_active else self._active.flatten(1).index_select(1, transition),
            allowed=allowed.index_select(1, start) if self._masked else None,
            next_allowed=allowed.index_select(1, start + 1) if self._masked else None,
        )

    def find_not_finite(self) -> tuple[str, str] | None:
        """("observations" or "rewards", the agent) of the first stored numbers that are not finite; None if all are."""
        for name, tensor in (("observations", self._observations), ("rewards", self._rewards)):
            wrong = ~torch.isfinite(tensor).flatten(1).all(dim=1)
            if bool(wrong.any()):
                return name, self.agents[int(wrong.nonzero()[0])]
        return None

    def _index_valid(self) -> None:
        """Which transitions there are, and whether every agent took part in all of them."""
        anybody = self._active.any(dim=0)
        self._valid = anybody.flatten().nonzero().squeeze(1)
        self._all_active = bool((self._active == anybody).all())

    def state_dict(self) -> dict[str, Tensor]:
        """The filled slots, for a checkpoint."""
        used = self._active.any(dim=2).any(dim=0).nonzero()
        filled = int(used.max()) + 1 if len(used) else 0
        stored = {name: getattr(self, f"_{name}").narrow(1, 0, filled) for name in _STORED}
        return {**stored, "next_slot": torch.tensor(self._next_slot)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a checkpoint's slots.

        Raises:
            CheckpointError: if it holds none, or of another shape than this run's.
        """
        for name in _STORED:
            own, stored = getattr(self, f"_{name}"), state.get(name)
            if stored is None:
                raise CheckpointError(f"replay: the checkpoint has no {name}; it is of another version of the trainer")
            expected = [own.shape[0], stored.shape[1], *own.shape[2:]] if stored.dim() == own.dim() else None
            if list(stored.shape) != expected or stored.shape[1] > own.shape[1]:
                raise CheckpointError(f"replay {name} has shape {list(stored.shape)}, which this run cannot hold")
            own.narrow(1, 0, stored.shape[1]).copy_(stored)
        self._next_slot = int(state["next_slot"])
        self._index_valid()


#: What a checkpoint holds; the second axis counts the slots.
_STORED = ("observations", "actions", "rewards", "terminated", "active", "allowed")
