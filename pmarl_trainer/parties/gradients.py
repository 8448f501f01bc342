"""What back-propagation has left in a leaf that is told to another firm."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_of(leaf: Tensor) -> Tensor:
    """The gradient of a leaf; zeros where nothing depended on it."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
