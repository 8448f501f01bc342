"""Sums of fixed-point numbers: associative, so every order of arrival gives the same bits (modulo 2^64)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from pmarl_trainer.errors import TrainerError

#: Binary digits after the point: a sum is exact to 2^-33 for each of its parts.
FRACTION_BITS = 32
_LARGEST = 2.0 ** (62 - FRACTION_BITS)


def encode(values: Tensor, parties: int) -> Tensor:
    """rint(x 2^k) as int64.

    Raises:
        TrainerError: if a value is not finite, or so large that a sum over so many `parties` could overflow.
    """
    wide = values.detach().double()
    if not bool(torch.isfinite(wide).all()):
        raise TrainerError("a sum over all parties needs finite numbers")
    if bool((wide.abs() >= _LARGEST / parties).any()):
        raise TrainerError(f"a number is too large for a sum over {parties} parties: at most {_LARGEST / parties:.3g}")
    return torch.round(wide * 2.0**FRACTION_BITS).to(torch.int64)


def decode(total: Tensor) -> Tensor:
    """The float64 numbers that an int64 sum stands for."""
    return total.double() / 2.0**FRACTION_BITS


#: `split` cuts numbers at 2^-9. Its coarse half is sent 2^-23 times as large, its fine half 2^28 times.
_CUT, _COARSE, _FINE = 2.0**9, 2.0**-23, 2.0**28


def split(values: Tensor) -> Tensor:
    """Numbers [n] as [2 n] float64 whose sums lose less than 2^-60, and that may be as large as 2^53 over the number of
    parties: for what is large at one time and tiny at another, as gradients are. `join` takes the sum.
    """
    wide = values.detach().double()
    coarse = torch.round(wide * _CUT) / _CUT
    return torch.cat((coarse * _COARSE, (wide - coarse) * _FINE))


def join(total: Tensor) -> Tensor:
    """[n] float64 of a sum [2 n] of what `split` made."""
    coarse, fine = total.chunk(2)
    return coarse / _COARSE + fine / _FINE


def add(parts: Iterable[Tensor]) -> Tensor:
    """The sum modulo 2^64."""
    total: Tensor | None = None
    for part in parts:
        total = part.clone() if total is None else total + part
    if total is None:
        raise TrainerError("a sum needs at least one party")
    return total
