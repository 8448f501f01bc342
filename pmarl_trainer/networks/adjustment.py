"""The policies of hindsight differentiable policy optimisation: one real number a firm, and its derivatives by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.networks.layers import StackedLinear
from pmarl_trainer.networks.policy import as_seen


class Tape:
    """What the derivatives of an episode's T passes need, in memory that is taken once: what is taken from the system
    anew for every episode costs more than what is computed in it.

    Attributes:
        inputs: [T, N, B, O] scaled observations.
        first, second: [T, N, B, H] what the hidden layers gave.
        by_first, by_second: [T, N, B, H] dz / d(what they gave before ELU).
        by_input: [T, N, O, B] dz / d(scaled observations).
        slope: [T, N, B] da / dz.
    """

    def __init__(self, steps: int, like: Tensor, hidden: int) -> None:
        """Room for `steps` passes of inputs such as `like` [N, B, O]."""
        agents, rows, size = like.shape
        self.shape = (steps, *like.shape)
        self.inputs = like.new_empty(steps, agents, rows, size)
        self.first, self.second, self.by_first, self.by_second = like.new_empty(4, steps, agents, rows, hidden)
        self.by_input = like.new_empty(steps, agents, size, rows)
        self.slope = like.new_empty(steps, agents, rows)


class AdjustmentNetwork(nn.Module):
    """A small network per firm: its observation -> hidden -> hidden -> z, a real number.

    The adjustment is a = unit z, or within the range low .. high of the firm's actions a = low + (high - low)
    sigmoid(z + z_0), where z_0 makes a start at 0, where 0 is inside the range: the firm first passes demand on.
    """

    low: Tensor
    high: Tensor
    offset: Tensor
    unit: Tensor

    def __init__(self, spec: EnvSpec, config: TrainConfig, generator: torch.Generator) -> None:
        super().__init__()
        n, hidden, size = len(spec.agents), config.hidden_size, spec.observation_size
        self.bounded, self.sees_all = config.order_range == "action_set", config.sees_all
        self.hidden_1 = StackedLinear(n, n * size if self.sees_all else size, hidden, generator)
        self.hidden_2 = StackedLinear(n, hidden, hidden, generator)
        self.output = StackedLinear(n, hidden, 1, generator, gain=0.03)
        unit = torch.ones(n) if spec.observation_scale is None else torch.as_tensor(spec.observation_scale)
        low, high = torch.zeros(n, 1), torch.zeros(n, 1)
        if spec.adjustments is not None:
            table = torch.as_tensor(spec.adjustments).float()
            low, high = table.amin(dim=1, keepdim=True), table.amax(dim=1, keepdim=True)
        start = (-low / (high - low).clamp(min=1e-6)).clamp(0.05, 0.95)
        for name, value in {"low": low, "high": high, "offset": start.logit(), "unit": unit.view(-1, 1)}.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """Scaled observations [N, B, O] -> real adjustments a [N, B]."""
        x = functional.elu(self.hidden_1(as_seen(observations, self.sees_all)))
        return self._adjustments(self.output(functional.elu(self.hidden_2(x))).squeeze(-1))[0]

    def _adjustments(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z [N, B] -> a, and da / dz."""
        if not self.bounded:
            return self.unit * z, self.unit.expand_as(z)
        share = torch.sigmoid(z + self.offset)
        return self.low + (self.high - self.low) * share, (self.high - self.low) * share * (1 - share)

    @torch.no_grad()
    def trace(self, tape: Tape, t: int, observations: Tensor) -> Tensor:
        """`forward` for policies that see their own firm only; its derivatives become pass `t` of the tape."""
        last = self.output.weight.transpose(1, 2)  # [N, 1, H]; so narrow a product takes longer than a sum
        inputs, first, second = tape.inputs[t].copy_(observations), tape.first[t], tape.second[t]
        by_first, by_second = tape.by_first[t], tape.by_second[t]
        first_slope = _elu(torch.baddbmm(self.hidden_1.bias, inputs, self.hidden_1.weight, out=first))
        _elu(torch.baddbmm(self.hidden_2.bias, first, self.hidden_2.weight, out=second), by_second)
        z = (second * last).sum(dim=-1).add_(self.output.bias.squeeze(-1))
        adjustments, tape.slope[t] = self._adjustments(z)
        by_second.mul_(last)
        torch.bmm(by_second, self.hidden_2.weight.transpose(1, 2), out=by_first).mul_(first_slope)
        torch.bmm(self.hidden_1.weight, by_first.transpose(1, 2), out=tape.by_input[t])
        return adjustments

    @torch.no_grad()
    def add_gradient(self, tape: Tape, t: int, by_adjustment: Tensor) -> None:
        """Add to the parameters' gradients those of pass `t`, given dL / da [N, B]; it is used up by that."""
        by_z = (by_adjustment * tape.slope[t]).unsqueeze(-1)
        by_first, by_second = tape.by_first[t].mul_(by_z), tape.by_second[t].mul_(by_z)
        layers = ((self.hidden_1, tape.inputs[t], by_first), (self.hidden_2, tape.first[t], by_second))
        for layer, seen, by_result in layers:
            weight, bias = _gradients(layer)
            weight.baddbmm_(seen.transpose(1, 2), by_result)
            bias.add_(by_result.sum(dim=1, keepdim=True))
        weight, bias = _gradients(self.output)
        weight.add_((tape.second[t] * by_z).sum(dim=1).unsqueeze(-1))
        bias.add_(by_z.sum(dim=1, keepdim=True))


def _gradients(layer: StackedLinear) -> tuple[Tensor, Tensor]:
    """The gradients of a layer's weight and bias, zeros where there are none yet."""
    for parameter in (layer.weight, layer.bias):
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    return layer.weight.grad, layer.bias.grad


def _elu(x: Tensor, slope: Tensor | None = None) -> Tensor:
    """Put ELU(x) in the place of x; returns its derivative (in `slope`). Half the time of torch's own and a derivative
    from its result.
    """
    slope = torch.clamp(x, max=0, out=slope).exp_()
    torch.maximum(x, slope - 1, out=x)
    return slope
