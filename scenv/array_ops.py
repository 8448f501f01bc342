"""The few array operations that the Python Array API lacks or spells differently: gathers and sums over links.

`Segments` groups the links by the firm at one of their ends. Sums run in the same order for every batch size, so a row
of a batch equals the same environment alone bit for bit (a dense matrix product would not promise that).
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np

Array = Any  # any array of the Python Array API: numpy.ndarray, torch.Tensor, ...


def namespace(*arrays: Array) -> ModuleType:
    """The Array API namespace of the given arrays (numpy, torch, array_api_strict)."""
    return array_api_compat.array_namespace(*arrays)


@dataclass(frozen=True, eq=False)
class Segments:
    """Links grouped by firm: K links, N firms, every firm with at least one link.

    Attributes:
        firm: [K] the firm of each link.
        order: [K] links sorted by firm (stable), or None when each firm's links already stand side by side.
        starts: [N] where each firm's run begins within the sorted links (numpy, for `reduceat`).
        position: [N] the run that belongs to firm i, or None when runs stand in firm order.
        padded: [N, D] link numbers of each firm, padded with K (a column of zeros); D = most links of one firm.
    """

    firm: Array
    order: Array | None
    starts: np.ndarray
    position: Array | None
    padded: Array

    @classmethod
    def build(cls, firm: np.ndarray, num_firms: int, asarray: Any) -> Segments:
        """Group links by `firm` [K]; `asarray` puts index arrays on the backend's device."""
        runs_start = np.flatnonzero(np.r_[True, firm[1:] != firm[:-1]])
        contiguous = len(runs_start) == num_firms
        order = np.arange(len(firm)) if contiguous else np.argsort(firm, kind="stable")
        sorted_firm = firm[order]
        starts = np.flatnonzero(np.r_[True, sorted_firm[1:] != sorted_firm[:-1]])
        if len(starts) != num_firms:
            raise ValueError("every firm needs at least one link on each side")
        run_firm = sorted_firm[starts]
        position = np.argsort(run_firm)
        ends = np.r_[starts[1:], len(firm)]
        padded = np.full((num_firms, int((ends - starts).max())), len(firm))
        for run, owner in enumerate(run_firm):
            padded[owner, : ends[run] - starts[run]] = order[starts[run] : ends[run]]
        in_firm_order = bool((run_firm == np.arange(num_firms)).all())
        return cls(
            firm=asarray(firm),
            order=None if contiguous else asarray(order),
            starts=starts,
            position=None if in_firm_order else asarray(position),
            padded=asarray(padded),
        )

    def spread(self, values: Array) -> Array:
        """Give each link its firm's value: [B, N] -> [B, K]."""
        return namespace(values).take(values, self.firm, axis=1)

    def sum(self, values: Array) -> Array:
        """Sum the links of each firm: [B, K] -> [B, N]."""
        xp = namespace(values)
        if array_api_compat.is_numpy_array(values):
            values = values if self.order is None else np.take(values, self.order, axis=1)
            runs = np.add.reduceat(values, self.starts, axis=1)
            return runs if self.position is None else np.take(runs, self.position, axis=1)
        zero = xp.zeros((values.shape[0], 1), dtype=values.dtype, device=array_api_compat.device(values))
        links = xp.take(xp.concat([values, zero], axis=1), xp.reshape(self.padded, (-1,)), axis=1)
        return xp.sum(xp.reshape(links, (values.shape[0], *self.padded.shape)), axis=2)


def backend_asarray(backend: str, device: Any = None) -> Any:
    """The function that turns numpy arrays (or the backend's own) into the backend's arrays on `device`.

    Raises:
        ValueError: for an unknown backend, a device that numpy does not have, or torch where it is not installed.
    """
    if backend == "numpy":
        if device not in (None, "cpu"):
            raise ValueError(f"backend 'numpy' has no device {device!r}; use backend='torch'")
        return np.asarray
    if backend != "torch":
        raise ValueError(f"backend must be 'numpy' or 'torch', got {backend!r}")
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise ValueError("backend 'torch' needs PyTorch: pip install \"scenv[train]\"") from error
    return functools.partial(torch.as_tensor, device=device)
