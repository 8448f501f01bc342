"""The critics of all agents, as MAAC computes them: one pass gives the values of all own actions."""

from __future__ import annotations

import torch
from torch import Tensor

from pmarl_trainer.networks.attention import Told
from pmarl_trainer.networks.batch_norm import StackedBatchNorm
from pmarl_trainer.networks.layers import StackedLinear, at_least_float32, leaky
from pmarl_trainer.networks.stacked_critic import CriticShape, StackedCritic


class AttentionCritic(StackedCritic):
    """Q_i(o, (., a_-i)) for every own action of every agent (paper eqs. 12-15, as MAAC computes them).

    The decoder g_i is given agent i's encoding of o_i alone and X_i, and has one output per own action: so Q_i for all
    actions comes from one pass and cannot depend on the action that i took.
    """

    def __init__(self, shape: CriticShape, generator: torch.Generator) -> None:
        """Weights drawn with `generator`."""
        super().__init__()
        n, size = len(shape.mask), shape.observation_size
        self.normalise = StackedBatchNorm(n, size) if shape.batch_norm else None
        self.state_encoder = StackedLinear(n, size, shape.hidden, generator, initialisation=shape.initialisation)
        self.build(shape, generator, outputs=shape.actions)

    def forward(self, observations: Tensor, actions: Tensor, told: Told | None = None) -> Tensor:
        """[N, B, O], [N, B] int -> Q [N, B, A]. `told`: embeddings, where those heard are not the N agents here."""
        return self._all_values(observations, actions, told)[0]

    def taken(
        self, observations: Tensor, actions: Tensor, told: Told | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Q of the actions taken [N, B], and the attention's queries and keys, for `NeighbourAttention.magnitude`."""
        q, logits = self._all_values(observations, actions, told)
        return q.gather(-1, actions.unsqueeze(-1)).squeeze(-1), logits

    def _all_values(
        self, observations: Tensor, actions: Tensor, told: Told | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        seen = observations if self.normalise is None else self.normalise(observations)
        states = leaky(self.state_encoder(seen))
        embeddings = self.encoder(observations, actions) if told is None else told.heard
        heard, logits = self.attention(states, embeddings)
        return at_least_float32(self.values(leaky(self.decoder.of_two(states, heard)))), logits

    def compile_products(self) -> None:
        """Have torch.compile make one function of the whole pass."""
        self._all_values = torch.compile(self._all_values)  # type: ignore[method-assign]
