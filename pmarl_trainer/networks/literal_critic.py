"""The critic of the paper's equations 12-15 as printed: the agent's own action is encoded with its observation."""

from __future__ import annotations

import torch
from torch import Tensor

from pmarl_trainer.networks.attention import Told
from pmarl_trainer.networks.layers import at_least_float32, leaky
from pmarl_trainer.networks.stacked_critic import CriticShape, StackedCritic


class LiteralCritic(StackedCritic):
    """Q_i(o, (a_i, a_-i)) = g_i(e_i, X_i) with e_i = f_i(o_i, a_i) feeding both the query and the decoder.

    One number comes out, so Q_i for all own actions takes one pass per action; `critic.AttentionCritic` needs one in
    all.
    """

    def __init__(self, shape: CriticShape, generator: torch.Generator) -> None:
        """Weights drawn with `generator`."""
        super().__init__()
        self.actions = shape.actions
        self.build(shape, generator, outputs=1)

    def forward(self, observations: Tensor, actions: Tensor, told: Told | None = None) -> Tensor:
        """[N, B, O], [N, B] int -> Q [N, B, A]: the others act as in `actions`, agent i with each of its own. `told`:
        embeddings, where those heard are not the N agents here.
        """
        embeddings = self.encoder(observations, actions) if told is None else told.heard
        passes = []
        for action in range(self.actions):
            own = self.encoder(observations, torch.full_like(actions, action), batch_of=actions)
            passes.append(self._value(own, embeddings)[0])
        return torch.stack(passes, dim=-1)

    def taken(
        self, observations: Tensor, actions: Tensor, told: Told | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Q of the actions taken [N, B], in one pass; and the attention's queries and keys."""
        if told is not None:
            return self._value(told.own, told.heard)
        embeddings = self.encoder(observations, actions)
        return self._value(embeddings, embeddings)

    def _value(self, own: Tensor, embeddings: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        heard, logits = self.attention(own, embeddings)
        value = self.values(leaky(self.decoder.of_two(own, heard)))
        return at_least_float32(value).squeeze(-1), logits

    def compile_products(self) -> None:
        """Have torch.compile make one function of a pass."""
        self._value = torch.compile(self._value)  # type: ignore[method-assign]
