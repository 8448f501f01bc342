"""Batch normalisation of every agent's inputs on their own, as in the code published with MAAC: no learned scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_EPSILON = 1e-5
_MOMENTUM = 0.1


class StackedBatchNorm(nn.Module):
    """N batch normalisations side by side, [N, B, in] -> [N, B, in]: by the batch's own moments while training, by
    their running averages while acting.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, agents: int, inputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(agents, 1, inputs))
        self.register_buffer("variance", torch.ones(agents, 1, inputs))

    @property
    def std(self) -> Tensor:
        """[N, 1, in] what inputs are divided by while acting."""
        return (self.variance + _EPSILON).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        """(x - mean) / std, of the batch in training mode."""
        if not self.training:
            return (x - self.mean) / self.std
        mean, variance = x.mean(dim=1, keepdim=True), x.var(dim=1, keepdim=True, correction=0)
        with torch.no_grad():
            unbiased = variance * x.shape[1] / max(x.shape[1] - 1, 1)
            self.mean.lerp_(mean, _MOMENTUM)
            self.variance.lerp_(unbiased, _MOMENTUM)
        return (x - mean) / (variance + _EPSILON).sqrt()


def normalised_rows(table: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """What a linear layer makes of batch-normalised one-hot actions, without writing these out.

    Args:
        table: [N, A, H] the layer's rows, one for each action.
        actions: [N, B] int.

    Returns:
        Rows [N, A, H] and a shift [N, 1, H]: row[action] - shift is the normalised one-hot vector times `table`.
    """
    shares = torch.zeros(table.shape[:2], device=table.device, dtype=table.dtype)
    shares = shares.scatter_add_(1, actions, torch.ones_like(actions, dtype=table.dtype)) / actions.shape[1]
    shares = shares.unsqueeze(-1)
    rows = table / (shares * (1 - shares) + _EPSILON).sqrt()
    return rows, (shares * rows).sum(dim=1, keepdim=True)
