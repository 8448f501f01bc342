"""Clipping of gradients, each agent on its own norm."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def clip_by_group(parameters: Iterable[nn.Parameter], largest: float, groups: int) -> Tensor:
    """Scale each group's slices of the gradients to a norm of at most `largest`; returns the norms [groups] before.

    A parameter is [groups * k, ...], k slices a group: with as many groups as agents, each agent is clipped on its own
    norm, so one agent's large gradient never shrinks another's step, as it must be when every firm trains in a process
    of its own; with one group, all are clipped together.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares = [gradient.flatten(1).square().sum(dim=1).view(groups, -1).sum(dim=1) for gradient in gradients]
    norms = torch.stack(squares).sum(dim=0).sqrt()
    factors = (largest / (norms + 1e-6)).clamp(max=1)
    for gradient in gradients:
        of_slices = factors.repeat_interleave(len(gradient) // groups)
        gradient.mul_(of_slices.view(-1, *[1] * (gradient.dim() - 1)))
    return norms
