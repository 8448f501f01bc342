"""One weight matrix applied to what all agents of a replica encode: the attention's projections."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: Smaller inputs take less time than the call.
_WORTH_A_CONVOLUTION = 2**17


def shared_product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [R n, B, H], of R replicas of n agents, times each replica's weight [R, H, H'] plus bias [R, 1, H'].

    On CPUs a large float32 product is run as a convolution of width 1, which it is: torch hands convolutions to oneDNN
    and products to MKL, and the latter leaves half of the processor unused on AMD's (AVX-512; 210 against 85 GFLOP/s
    measured on one core), without being faster on others. Results agree up to rounding.
    """
    agents, batch, hidden = x.shape
    replicas = len(weight)
    if not _as_convolution(x, agents // replicas):
        flat = x.reshape(replicas, -1, hidden)
        product = torch.bmm(flat, weight) if bias is None else torch.baddbmm(bias, flat, weight)
        return product.view(agents, batch, -1)
    biases = [None] * replicas if bias is None else [part.flatten() for part in bias.unbind()]
    parts = [_convolved(*parts) for parts in zip(x.chunk(replicas), weight.unbind(), biases, strict=True)]
    return parts[0] if replicas == 1 else torch.cat(parts)


def _as_convolution(x: Tensor, agents: int) -> bool:
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    # torch takes oneDNN for more than one image only: an agent is one.
    return plain and agents > 1 and x.numel() >= _WORTH_A_CONVOLUTION and not torch.compiler.is_compiling()


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    images = x.unsqueeze(2).permute(0, 3, 1, 2)  # [n, H, B, 1], channels last in memory
    product = functional.conv2d(images, weight.T[:, :, None, None], bias)
    return product.permute(0, 2, 3, 1).squeeze(2)
