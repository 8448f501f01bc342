"""The few array operations that the Python Array API lacks or spells differently: gathers and sums over links, minima
and ratios with the right derivative, backends.

Arrays of the simulation have firms or links on their first axis and the B environments on their last: [N, B], [K, B].
A link is then one contiguous run of memory, and gathers and sums go over whole runs. Sums take the links in the same
order for every B, so a row of a batch equals the same environment alone bit for bit (a dense matrix product would not
promise that), and they cost what there are links (a dense matrix product would not do that either).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np

from scenv.errors import ScenvError, shown

Array = Any  # any array of the Python Array API: numpy.ndarray, torch.Tensor, ...

_TINY = 1e-300
_NUMPY: ModuleType = array_api_compat.array_namespace(np.empty(0))


def namespace(*arrays: Array) -> ModuleType:
    """The Array API namespace of the given arrays (numpy, torch, array_api_strict)."""
    if isinstance(arrays[0], np.ndarray):
        return _NUMPY  # asked for in every period, and the general answer takes longer than an operation
    return array_api_compat.array_namespace(*arrays)


def take(values: Array, index: Array) -> Array:
    """values[index] along the first axis, a fresh array: [K, ...], [M] -> [M, ...]."""
    if isinstance(values, np.ndarray):
        return values.take(index, axis=0)  # the method costs half of what the function does
    return namespace(values).take(values, index, axis=0)


def concat(parts: Sequence[Array]) -> Array:
    """One array after the other along the first axis."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return namespace(*parts).concat(parts, axis=0)


def positive_part(values: Array) -> Array:
    """max(0, values)."""
    if isinstance(values, np.ndarray):
        return np.maximum(values, 0.0)
    return namespace(values).clip(values, 0.0, None)


def lesser(part: Array, whole: Array) -> Array:
    """min(part, whole). At a tie the derivative is that of `whole`, not the mean of both: a firm without stock and
    without claims ships nothing more when its stock grows.
    """
    if isinstance(part, np.ndarray):
        return np.minimum(part, whole)
    return namespace(part).where(part < whole, part, whole)


def ratio(part: Array, whole: Array) -> Array:
    """part / whole, and 0 where part is 0, for 0 <= part <= whole."""
    if isinstance(part, np.ndarray):
        return part / np.maximum(whole, _TINY)
    xp = namespace(part)
    some = part > 0
    # The inner where keeps the gradient of the unused branch finite.
    return xp.where(some, part / xp.where(some, whole, xp.ones_like(whole)), xp.zeros_like(part))


def firms_first(values: Array) -> Array:
    """Transpose [B, N] numbers to [N, B] float64."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(values.T, dtype=np.float64)
    xp = namespace(values)
    return xp.astype(xp.permute_dims(values, (1, 0)), xp.float64)


def sum_of_firms(values: Array) -> Array:
    """The sum over the first axis, [N, B] -> [1, B]; numpy's in the same order for every B."""
    if isinstance(values, np.ndarray):
        return np.add.accumulate(values, axis=0)[-1:]
    return namespace(values).sum(values, axis=0, keepdims=True)


@dataclass(frozen=True, eq=False)
class Segments:
    """K links grouped by firm: N firms, every firm with at least one link.

    Attributes:
        firm: [K] the firm of each link.
        first: [N] the first link of each firm.
        start: [K] how many links the firms before a link's own have.
        ranks: the links of the M firms that have several, these firms sorted by number of links, most first: entry k
            holds the (k + 1)-th link of each firm that has so many, [n_k], M = n_0 = n_1 >= n_2 ...; empty if M = 0.
        shared: [M] those firms.
        pick: [N] where each firm's sum stands in [links of single-link firms | sums of the M firms].
    """

    firm: Array
    first: Array
    start: Array
    ranks: tuple[Array, ...]
    shared: Array
    pick: Array

    @classmethod
    def build(cls, firm: np.ndarray, num_firms: int, asarray: Callable[[np.ndarray], Array]) -> Segments:
        """Group links by `firm` [K]; `asarray` puts index arrays on the backend's device.

        Raises:
            ValueError: if a firm has no link.
        """
        count = np.bincount(firm, minlength=num_firms)
        if (count == 0).any():
            raise ValueError("every firm needs at least one link on each side")
        by_firm = np.argsort(firm, kind="stable")
        start = np.concatenate([[0], np.cumsum(count)[:-1]])
        first = by_firm[start]
        most_first = np.argsort(-count, kind="stable")
        shared = most_first[count[most_first] > 1]
        ranks = [
            by_firm[start[owners] + rank]
            for rank in range(int(count.max()) if len(shared) else 0)
            for owners in [shared[count[shared] > rank]]
        ]
        pick = first.copy()
        pick[shared] = len(firm) + np.arange(len(shared))
        return cls(
            firm=asarray(firm),
            first=asarray(first),
            start=asarray(start[firm]),
            ranks=tuple(asarray(links) for links in ranks),
            shared=asarray(shared),
            pick=asarray(pick),
        )

    def spread(self, values: Array) -> Array:
        """Give each link its firm's value: [N, B] -> [K, B]."""
        return take(values, self.firm)

    def sum(self, values: Array) -> Array:
        """Sum the links of each firm, in link order: [K, B] -> [N, B]."""
        if isinstance(values, np.ndarray):
            return self._sum_numpy(values)
        if not self.ranks:
            return take(values, self.first)
        total = take(values, self.ranks[-1])
        for links in reversed(self.ranks[:-1]):
            part = take(values, links)
            more = total.shape[0]
            total = part + total if part.shape[0] == more else concat([part[:more, :] + total, part[more:, :]])
        return take(concat([values, total]), self.pick)

    def _sum_numpy(self, values: np.ndarray) -> np.ndarray:
        if values.shape[1] == 1:  # the single environment: the same additions in the same order, in one call
            return np.bincount(self.firm, values[:, 0])[:, None]
        result = values.take(self.first, axis=0)
        if self.ranks:
            total = values.take(self.ranks[0], axis=0)
            for links in self.ranks[1:]:
                total[: len(links)] += values.take(links, axis=0)
            result[self.shared] = total
        return result


def backend_asarray(backend: str, device: Any = None) -> Any:
    """The function that turns numpy arrays (or the backend's own) into the backend's arrays on `device`.

    Raises:
        ScenvError: for an unknown backend, a device that there is not, or torch where it is not installed.
    """
    if backend == "numpy":
        if device not in (None, "cpu"):
            raise ScenvError(f"backend 'numpy' has no device {device!r}; use backend='torch'")
        return np.asarray
    if backend != "torch":
        raise ScenvError(f"backend must be 'numpy' or 'torch', got {shown(backend)}")
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise ScenvError("backend 'torch' needs PyTorch: pip install \"scenv[train]\"") from error
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, TypeError, NotImplementedError) as error:  # each for another kind of device
        said = str(error).strip().split("\n", 1)[0]
        raise ScenvError(f"device {shown(device)} cannot be used here: {said[:200]}") from error
    return functools.partial(torch.as_tensor, device=device)
