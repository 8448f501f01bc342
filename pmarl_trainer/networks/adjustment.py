"""The policies of hindsight differentiable policy optimisation: one real number a firm, and its derivatives by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.networks.layers import StackedLinear
from pmarl_trainer.networks.policy import Vision


class AdjustmentNetwork(nn.Module):
    """A small network per firm: its observation -> hidden -> hidden -> z, a real number.

    The adjustment is a = unit z, or within the range low .. high of the firm's actions a = low + (high - low)
    sigmoid(z + z_0), where z_0 makes a start at 0, where 0 is inside the range: the firm first passes demand on.
    """

    low: Tensor
    high: Tensor
    offset: Tensor
    unit: Tensor

    def __init__(
        self, spec: EnvSpec, config: TrainConfig, generator: torch.Generator, visible: np.ndarray | None
    ) -> None:
        """`visible` as in `Vision`."""
        super().__init__()
        n, hidden, size = len(spec.agents), config.hidden_size, spec.observation_size
        self.bounded = config.order_range == "action_set"
        self.vision = Vision(visible, size)
        self.hidden_1 = StackedLinear(n, self.vision.inputs, hidden, generator)
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
        x = functional.elu(self.hidden_1(self.vision(observations)))
        return self.squash(self.output(functional.elu(self.hidden_2(x))).squeeze(-1))[0]

    def squash(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z [N, B] -> a, and da / dz."""
        if not self.bounded:
            return self.unit * z, self.unit.expand_as(z)
        share = torch.sigmoid(z + self.offset)
        return self.low + (self.high - self.low) * share, (self.high - self.low) * share * (1 - share)


class TracedPasses:
    """The passes of an episode and their derivatives by hand, for policies that see their own firm only, on the CPU.

    In numpy: products and exponentials of matrices as small as a firm's take half of torch's time there (measured on an
    AMD EPYC: 22 and 17 microseconds against 40 and 43 for r2 with 48 rows). Memory is taken once for all episodes.
    """

    def __init__(self, network: AdjustmentNetwork, steps: int, rows: int) -> None:
        """Room for `steps` passes of `rows` rows."""
        self._network = network
        agents, size, hidden = network.hidden_1.weight.shape
        dtype = np.dtype(str(network.output.weight.dtype).removeprefix("torch."))
        self.shape = (steps, rows, dtype)
        self._layers: list[_Layer] = []
        self._inputs = np.empty((steps, agents, rows, size), dtype)
        self._first, self._second, self._by_first, self._by_second = np.empty((4, steps, agents, rows, hidden), dtype)
        self._scratch = np.empty((agents, rows, hidden), dtype)
        self._by_input = np.empty((agents, rows, size), dtype)
        self._slope = np.empty((steps, agents, rows), dtype)
        self.by_input = np.empty((steps, agents, size, rows), dtype)

    def begin(self) -> None:
        """Look at the parameters as they are now, and make their gradients zero."""
        network = self._network
        self._layers = []
        for layer in (network.hidden_1, network.hidden_2, network.output):
            layer.weight.grad, layer.bias.grad = torch.zeros_like(layer.weight), torch.zeros_like(layer.bias)
            weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
            transposed = np.ascontiguousarray(weight.transpose(0, 2, 1))
            self._layers.append(_Layer(weight, bias, layer.weight.grad.numpy(), layer.bias.grad.numpy(), transposed))

    def forward(self, t: int, observations: Tensor) -> Tensor:
        """Adjustments [N, B] for scaled observations [N, B, O], as pass `t`; `by_input[t]` [N, O, B] becomes
        da / d(scaled observations).
        """
        one, two, three = self._layers
        inputs, first, second = self._inputs[t], self._first[t], self._second[t]
        by_first, by_second = self._by_first[t], self._by_second[t]
        np.copyto(inputs, observations.numpy())
        np.add(np.matmul(inputs, one.weight, out=first), one.bias, out=first)
        _elu(first, self._scratch)
        np.add(np.matmul(first, two.weight, out=second), two.bias, out=second)
        _elu(second, by_second)
        z = np.einsum("nbh,nh->nb", second, three.weight[:, :, 0]) + three.bias[:, :, 0]
        adjustments, slope = self._network.squash(torch.as_tensor(z))
        self._slope[t] = slope.numpy()
        by_second *= three.weight.transpose(0, 2, 1)  # from here on these are dz / d(what a layer gives before ELU)
        np.multiply(np.matmul(by_second, two.transposed, out=by_first), self._scratch, out=by_first)
        by_input = np.matmul(by_first, one.transposed, out=self._by_input)
        np.multiply(by_input.transpose(0, 2, 1), self._slope[t][:, None], out=self.by_input[t])
        return adjustments

    def add_gradient(self, t: int, by_adjustment: np.ndarray) -> None:
        """Add to the parameters' gradients those of pass `t`, which is used up by that, given dL / da [N, B]."""
        by_z = (by_adjustment * self._slope[t]).astype(self.shape[2])[:, :, None]
        one, two, three = self._layers
        for layer, seen, by_result in (
            (one, self._inputs[t], self._by_first[t]),
            (two, self._first[t], self._by_second[t]),
        ):
            by_result *= by_z
            layer.by_weight += np.matmul(seen.transpose(0, 2, 1), by_result)
            layer.by_bias += np.einsum("nbh->nh", by_result)[:, None]
        self._second[t] *= by_z
        three.by_weight += np.einsum("nbh->nh", self._second[t])[:, :, None]
        three.by_bias += by_z.sum(axis=1, keepdims=True)


@dataclass
class _Layer:
    """A layer's parameters and their gradients, in the tensors' own memory; and its weights transposed, a copy, since
    products with transposed views take twice as long.
    """

    weight: np.ndarray
    bias: np.ndarray
    by_weight: np.ndarray
    by_bias: np.ndarray
    transposed: np.ndarray


def _elu(x: np.ndarray, slope: np.ndarray) -> None:
    """Put ELU(x) in the place of x, and its derivative into `slope`."""
    np.exp(np.minimum(x, 0, out=slope), out=slope)
    np.maximum(x, slope - 1, out=x)
