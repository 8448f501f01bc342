"""What a firm may do to what it tells a neighbour: clip its norm, add Gaussian noise, say nothing most of the time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from pmarl_trainer.parties.wire.codec import pack


class Protection(BaseModel):
    """Of what leaves for one neighbour.

    Attributes:
        clip: largest Euclidean norm of a row (the last dimension of a tensor; a single number where it has one
            dimension); longer ones are shortened.
        noise: standard deviation of Gaussian noise in every number, as a multiple of `clip` (of 1 without one).
        every: of so many rounds of a kind, one has the true message; in the others it is zeros, which say nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    every: Annotated[int, Field(ge=1)] = 1

    def silent(self, round: int) -> bool:
        """Whether the message of this round says nothing."""
        return round % self.every != 0

    def apply(self, tensors: Mapping[str, Tensor], round: int, secret: bytes, about: str) -> dict[str, Tensor]:
        """What leaves in place of `tensors`.

        The noise is a pseudo-random function of the message itself, under the firm's secret: the same message gets the
        same noise (a resumed run is the same, and hearing it twice tells nothing more), any other gets other noise.

        Args:
            tensors: what the party wishes to send.
            round: which of its kind.
            secret: the firm's own; nobody who knows it is protected from.
            about: neighbour and kind.
        """
        if self.silent(round):
            return {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
        if self.clip is not None:
            tensors = {name: _clipped(tensor, self.clip) for name, tensor in tensors.items()}
        if not self.noise:
            return dict(tensors)
        key = hmac.digest(secret, about.encode() + b"\0" + pack(tensors), hashlib.sha256)
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))
        scale = self.noise * (1.0 if self.clip is None else self.clip)
        noisy = {}
        for name in sorted(tensors):
            tensor = tensors[name]
            drawn = torch.from_numpy(generator.standard_normal(tuple(tensor.shape)))
            noisy[name] = tensor + (scale * drawn).to(tensor.dtype)
        return noisy


def _clipped(tensor: Tensor, clip: float) -> Tensor:
    rows = tensor.unsqueeze(-1) if tensor.dim() == 1 else tensor
    norm = rows.norm(dim=-1, keepdim=True)
    return (rows * (clip / norm.clamp_min(clip))).reshape(tensor.shape)
