"""Several seeds in one run: independent replicas of all agents, trained side by side in the same tensors.

A `Learner` with several seeds computes all replicas in every product. Whatever concerns one replica alone (its scaling
of observations, evaluation, checkpoints) is done by a *window*: a `Learner` of one seed whose parameters are slices of
the stack's own memory. So a replica's files are those of a run by itself, written and read by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Batch
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner, joined

_NETWORKS = ("actor", "critic", "target_actor", "target_critic")


class Stack:
    """The replicas' common learner and its windows.

    Attributes:
        learner: what updates all replicas at once.
        windows: one learner a replica, on the same memory; the learner itself where there is only one.
    """

    def __init__(self, spec: EnvSpec, configs: Sequence[TrainConfig], device: torch.device) -> None:
        """`configs` differ in nothing but the seed."""
        self.learner = Learner(spec, configs[0], device, [config.seed for config in configs])
        self.windows = [self.learner]
        if len(configs) > 1:
            self.windows = [self._window(spec, config, k) for k, config in enumerate(configs)]

    def _window(self, spec: EnvSpec, config: TrainConfig, k: int) -> Learner:
        stack, window = self.learner, Learner(spec, config, self.learner.device)
        for name in _NETWORKS:
            self._look_into(getattr(window, name), getattr(stack, name), k)
        window.scalers, window.moments = [stack.scalers[k]], [stack.moments[k]]
        window.log_alpha = self._part(stack.log_alpha.detach(), k)
        return window

    def _look_into(self, window: nn.Module, stack: nn.Module, k: int) -> None:
        """Make a window's parameters and saved buffers slices of the stack's."""
        own, whole = window.state_dict(keep_vars=True), stack.state_dict(keep_vars=True)
        for name, tensor in own.items():
            tensor.data = self._part(whole[name].data, k)

    def _part(self, whole: Tensor, k: int) -> Tensor:
        return whole.chunk(self.learner.replicas)[k]

    def show_optimisers(self) -> None:
        """Let the windows see the optimisers' state, for their checkpoints."""
        for window_number, window in enumerate(self.windows if self.learner.replicas > 1 else ()):
            for name, optimiser in self.learner.optimisers().items():
                own = window.optimisers()[name]
                for parameter, theirs in zip(_parameters(optimiser), _parameters(own), strict=True):
                    own.state[theirs] = {
                        slot: self._part(value, window_number) if value.dim() else value
                        for slot, value in optimiser.state[parameter].items()
                    }

    def take_up_optimisers(self) -> None:
        """Go on with the state of the optimisers that the windows have loaded."""
        if self.learner.replicas == 1:
            return
        for name, optimiser in self.learner.optimisers().items():
            owns = [window.optimisers()[name] for window in self.windows]
            for parameter, *theirs in zip(_parameters(optimiser), *map(_parameters, owns), strict=True):
                states = [own.state[their] for own, their in zip(owns, theirs, strict=True)]
                for slot, value in states[0].items():
                    parts = [state[slot] for state in states]
                    optimiser.state[parameter][slot] = torch.cat(parts) if value.dim() else value.clone()


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    (group,) = optimiser.param_groups
    parameters: list[Tensor] = group["params"]
    return parameters


def side_by_side(batches: Sequence[Batch]) -> Batch:
    """Batches of the replicas as one of R N agents; `terminated` becomes [R N, B], for every replica has its own."""
    if len(batches) == 1:
        return batches[0]
    fields = ("observations", "actions", "rewards", "next_observations")
    ended = [batch.terminated.expand(len(batch.rewards), -1) for batch in batches]
    joint = {field: joined([getattr(batch, field) for batch in batches]) for field in fields}
    return replace(batches[0], terminated=torch.cat(ended), **joint)
