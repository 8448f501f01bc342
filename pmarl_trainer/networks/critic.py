"""The critics of all agents, as MAAC computes them: one pass gives the values of all own actions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pmarl_trainer.networks.attention import NeighbourAttention, Told
from pmarl_trainer.networks.batch_norm import StackedBatchNorm
from pmarl_trainer.networks.layers import Initialisation, StackedLinear, StateActionEncoder, at_least_float32, leaky


class AttentionCritic(nn.Module):
    """Q_i(o, (., a_-i)) for every own action of every agent (paper eqs. 12-15, as MAAC computes them).

    The decoder g_i is given agent i's encoding of o_i alone and X_i, and has one output per own action: so Q_i for all
    actions comes from one pass and cannot depend on the action that i took.
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
        """`mask` [N, M] bool: row i is true where agent i attends. `batch_norm`: of the encoders' inputs.
        `linear_values`: those of the attention are W_v e_j.
        """
        super().__init__()
        n = len(mask)
        self.normalise = StackedBatchNorm(n, observation_size) if batch_norm else None
        self.state_encoder = StackedLinear(n, observation_size, hidden, generator, initialisation=initialisation)
        self.encoder = StateActionEncoder(
            n, observation_size, actions, hidden, generator, batch_norm=batch_norm, initialisation=initialisation
        )
        self.attention = NeighbourAttention(mask, hidden, heads, generator, linear_values=linear_values)
        self.decoder = StackedLinear(n, 2 * hidden, hidden, generator, initialisation=initialisation)
        self.values = StackedLinear(n, hidden, actions, generator, 0.1, initialisation)

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

    def shared_parameters(self) -> list[nn.Parameter]:
        """The attention's, which all agents share."""
        return list(self.attention.parameters())

    def stacked_parameters(self) -> list[nn.Parameter]:
        """The agents' own, each [N, ...]."""
        return stacked_of(self)


def stacked_of(critic: nn.Module) -> list[nn.Parameter]:
    """A critic's parameters but those of its `attention`."""
    shared = {id(parameter) for parameter in critic.get_submodule("attention").parameters()}
    return [parameter for parameter in critic.parameters() if id(parameter) not in shared]
