"""What the critics of all agents are made of, whichever way they take the own action."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pmarl_trainer.networks.attention import NeighbourAttention
from pmarl_trainer.networks.layers import Initialisation, StackedLinear, StateActionEncoder


@dataclass(frozen=True, eq=False)
class CriticShape:
    """What a critic is built for.

    Attributes:
        observation_size: O.
        actions: A, of the agent that has most.
        hidden: width of every layer and of the attention.
        heads: of the attention; divides `hidden`.
        mask: [N, M] bool; row i is true where agent i attends.
        batch_norm: whether what encoders are given is normalised over the batch.
        linear_values: whether those of the attention are W_v e_j.
        initialisation: of weights.
    """

    observation_size: int
    actions: int
    hidden: int
    heads: int
    mask: Tensor
    batch_norm: bool = False
    linear_values: bool = False
    initialisation: Initialisation = "rectified"


class StackedCritic(nn.Module):
    """Encoders of observation and action, attention over their encodings, a decoder: the base of both critics.

    Everything but the attention is stacked, [N, ...], one slice an agent.
    """

    encoder: StateActionEncoder
    attention: NeighbourAttention
    decoder: StackedLinear
    values: StackedLinear

    def build(self, shape: CriticShape, generator: torch.Generator, outputs: int) -> None:
        """Draw the weights of what both critics have; `outputs` numbers come out for each agent."""
        n, hidden, start = len(shape.mask), shape.hidden, shape.initialisation
        self.encoder = StateActionEncoder(
            n,
            shape.observation_size,
            shape.actions,
            hidden,
            generator,
            batch_norm=shape.batch_norm,
            initialisation=start,
        )
        self.attention = NeighbourAttention(
            shape.mask, hidden, shape.heads, generator, linear_values=shape.linear_values
        )
        self.decoder = StackedLinear(n, 2 * hidden, hidden, generator, initialisation=start)
        self.values = StackedLinear(n, hidden, outputs, generator, 0.1, start)

    def shared_parameters(self) -> list[nn.Parameter]:
        """The attention's, which all agents share."""
        return list(self.attention.parameters())

    def stacked_parameters(self) -> list[nn.Parameter]:
        """The agents' own, each [N, ...]."""
        shared = {id(parameter) for parameter in self.shared_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in shared]
