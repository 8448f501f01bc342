"""Layers of all agents side by side: every agent has its own parameters, one batched product computes them all.

Shapes: N agents, B batch, O observation, A actions, H hidden, K heads of D = H / K. Activations are agent-major,
[N, B, .]; a stacked parameter is [N, in, out], so that slice i is agent i's own and nobody else's.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.networks.batch_norm import StackedBatchNorm, normalised_rows

#: How weights and biases start: "rectified", at He et al.'s scale for rectified units, biases at zero, outputs small;
#: "torch", as torch.nn.Linear does, all of them uniform within 1 / sqrt(inputs): what the code published with MAAC has.
Initialisation = Literal["rectified", "torch"]


def uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> nn.Parameter:
    """A parameter drawn from -bound .. bound."""
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))


def leaky(x: Tensor) -> Tensor:
    """LeakyReLU of a fresh tensor, in its own memory: its derivative follows from the result."""
    return functional.leaky_relu(x, inplace=True)


def at_least_float32(x: Tensor) -> Tensor:
    """What a network returns is float32 (or float64 in tests), whatever its products were computed in."""
    return x.float() if x.dtype == torch.bfloat16 else x


class StackedLinear(nn.Module):
    """N linear layers side by side: [N, B, in] -> [N, B, out].

    Weights start at He et al.'s scale for rectified units (uniform, variance 2 / in), times `gain`, and biases at zero;
    or both as in torch.nn.Linear.
    """

    def __init__(
        self,
        agents: int,
        inputs: int,
        outputs: int,
        generator: torch.Generator,
        gain: float = 1.0,
        initialisation: Initialisation = "rectified",
    ) -> None:
        super().__init__()
        rectified = initialisation == "rectified"
        bound = gain * math.sqrt(6 / inputs) if rectified else 1 / math.sqrt(inputs)
        self.weight = uniform((agents, inputs, outputs), bound, generator)
        self.bias = nn.Parameter(torch.zeros(agents, 1, outputs))
        if not rectified:
            self.bias = uniform((agents, 1, outputs), bound, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Agent i's x[i] through agent i's own layer."""
        return torch.baddbmm(self.bias, x, self.weight)

    def of_two(self, first: Tensor, second: Tensor) -> Tensor:
        """The layer for inputs that stand in two tensors, [N, B, in_1] and [N, B, in_2], without joining them."""
        size = first.shape[-1]
        partial = torch.baddbmm(self.bias, first, self.weight[:, :size])
        # Operations in place are not autocast, so the types are matched here (precision: bf16).
        return partial.baddbmm_(second.to(partial.dtype), self.weight[:, size:].to(partial.dtype))


class StateActionEncoder(nn.Module):
    """f_i(o_i, a_i) = e_i (paper eq. 12): one layer of the observation and the action as a one-hot vector.

    Multiplying the few ones and zeros along with the observation takes less time than looking rows up and adding them,
    and its gradient is a product too.
    """

    def __init__(
        self,
        agents: int,
        observation_size: int,
        actions: int,
        hidden: int,
        generator: torch.Generator,
        *,
        batch_norm: bool = False,
        initialisation: Initialisation = "rectified",
    ) -> None:
        super().__init__()
        # A one-hot vector has one 1 only, so the action starts weaker in e than the observation does. Bounds of
        # sqrt(6 / A) and sqrt(6) gave 0.735 and 0.737 of base-stock's cost on r1 (seeds 0 to 2), this one 0.735.
        bound = 1 / math.sqrt(observation_size + actions)
        self.normalise = StackedBatchNorm(agents, observation_size) if batch_norm else None
        self.observation = StackedLinear(agents, observation_size, hidden, generator)
        self.action = uniform((agents, actions, hidden), bound, generator)
        if initialisation == "torch":  # one layer of both
            nn.init.uniform_(self.observation.weight, -bound, bound, generator=generator)
            nn.init.uniform_(self.observation.bias, -bound, bound, generator=generator)

    def forward(self, observations: Tensor, actions: Tensor, batch_of: Tensor | None = None) -> Tensor:
        """[N, B, O], [N, B] int -> e [N, B, H]. With batch normalisation, actions are normalised as in `batch_of`
        [N, B], the actions themselves by default.
        """
        table: Tensor = self.action
        bias: Tensor = self.observation.bias
        seen = observations
        if self.normalise is not None:
            seen = self.normalise(observations)
            table, shift = normalised_rows(table, actions if batch_of is None else batch_of)
            bias = bias - shift
        one_hot = seen.new_zeros(*actions.shape, table.shape[1]).scatter_(-1, actions.unsqueeze(-1), 1.0)
        weight = torch.cat((self.observation.weight, table), dim=1)
        return leaky(torch.baddbmm(bias, torch.cat((seen, one_hot), dim=-1), weight))
