"""The critic of the paper's equations 12-15 as printed: the agent's own action is encoded with its observation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pmarl_trainer.networks.attention import NeighbourAttention, Told
from pmarl_trainer.networks.critic import stacked_of
from pmarl_trainer.networks.layers import Initialisation, StackedLinear, StateActionEncoder, at_least_float32, leaky


class LiteralCritic(nn.Module):
    """Q_i(o, (a_i, a_-i)) = g_i(e_i, X_i) with e_i = f_i(o_i, a_i) feeding both the query and the decoder.

    One number comes out, so Q_i for all own actions takes one pass per action; `critic.AttentionCritic` needs one in
    all. Parameters and shapes are named as there.
    """

    def __init__(
        self,
        observation_size: int,
        actions: int,
        hidden: int,
        heads: int,
        mask: Tensor,
        generator: torch.Generator,
        *,
        batch_norm: bool = False,
        linear_values: bool = False,
        initialisation: Initialisation = "rectified",
    ) -> None:
        """`mask` [N, M] bool: row i is true where agent i attends."""
        super().__init__()
        n = len(mask)
        self.actions = actions
        self.encoder = StateActionEncoder(
            n, observation_size, actions, hidden, generator, batch_norm=batch_norm, initialisation=initialisation
        )
        self.attention = NeighbourAttention(mask, hidden, heads, generator, linear_values=linear_values)
        self.decoder = StackedLinear(n, 2 * hidden, hidden, generator, initialisation=initialisation)
        self.value = StackedLinear(n, hidden, 1, generator, 0.1, initialisation)

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
        value = self.value(leaky(self.decoder.of_two(own, heard)))
        return at_least_float32(value).squeeze(-1), logits

    def compile_products(self) -> None:
        """Have torch.compile make one function of a pass."""
        self._value = torch.compile(self._value)  # type: ignore[method-assign]

    def shared_parameters(self) -> list[nn.Parameter]:
        """The attention's, which all agents share."""
        return list(self.attention.parameters())

    def stacked_parameters(self) -> list[nn.Parameter]:
        """The agents' own, each [N, ...]."""
        return stacked_of(self)
