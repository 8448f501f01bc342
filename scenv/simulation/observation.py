"""What a firm sees: its own last m + 1 periods, and nothing of another firm (paper section 4.2).

o_i^t = (s_i^{t-m}, ..., s_i^t) with s_i = (BO, IL, OO, AS, AO): 5 (m + 1) numbers, oldest period first, zeros before
the start, in units of product, float32.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import array_api_compat
import numpy as np

from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import LocalState

LOCAL_STATE_FIELDS: Final = LocalState._fields
LOCAL_STATE_SIZE: Final = len(LOCAL_STATE_FIELDS)


class History(Protocol):
    """The last m + 1 periods of B environments."""

    def append(self, local: LocalState) -> Array:
        """Add a period, fields [N, B]; return the observations after it, [B, N, 5 (m + 1)] float32, to be read only
        and only until the next period.
        """


def empty_history(num_envs: int, num_firms: int, periods: int, memory: int, like: Array) -> History:
    """Zeros before the start of an episode of `periods` periods; each firm looks `memory` (m) periods back."""
    if isinstance(like, np.ndarray):
        return SlidingHistory(num_envs, num_firms, periods, memory)
    return FunctionalHistory(num_envs, num_firms, memory, like)


class SlidingHistory:
    """Numpy: all windows [B, N, 5 (m + 1)] lie in one flat run of memory, and the run moves by 5 numbers a period.

    Then every window has lost its oldest period, and its last 5 numbers, which were its neighbour's oldest period, are
    free for the new one. So a period is written once, and the observations are always one contiguous block.
    """

    def __init__(self, num_envs: int, num_firms: int, periods: int, memory: int) -> None:
        self._shape = (num_envs, num_firms, LOCAL_STATE_SIZE * (memory + 1))
        self._size = num_envs * num_firms * LOCAL_STATE_SIZE * (memory + 1)
        self._memory = np.zeros(self._size + LOCAL_STATE_SIZE * (periods - 1), dtype=np.float32)
        self._start = 0

    def append(self, local: LocalState) -> np.ndarray:
        """Add a period; the observations are a view of the memory."""
        window = self._memory[self._start : self._start + self._size].reshape(self._shape)
        self._start += LOCAL_STATE_SIZE
        for field, values in enumerate(local):
            window[:, :, field - LOCAL_STATE_SIZE] = values.T
        return window


class FunctionalHistory:
    """Any array library: the periods are kept as they were made and joined anew, so that observations carry
    gradients.
    """

    def __init__(self, num_envs: int, num_firms: int, memory: int, like: Array) -> None:
        xp = namespace(like)
        shape = (num_envs, num_firms, LOCAL_STATE_SIZE)
        nothing = xp.zeros(shape, dtype=xp.float32, device=array_api_compat.device(like))
        self._periods: deque[Array] = deque([nothing] * (memory + 1), maxlen=memory + 1)

    def change(self, of: Callable[[Array], Array]) -> None:
        """Replace the periods that later observations show."""
        self._periods.extend([of(period) for period in self._periods])

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionalHistory:
        """Periods are never written, so a copy may share them, and with them the gradient that they carry."""
        twin = copy.copy(self)
        twin._periods = self._periods.copy()
        return twin

    def append(self, local: LocalState) -> Array:
        """Add a period; the observations are a fresh array."""
        xp = namespace(local.on_hand)
        fields = xp.stack(list(local), axis=2)  # [N, B, 5]
        self._periods.append(xp.astype(xp.permute_dims(fields, (1, 0, 2)), xp.float32))
        return xp.concat(list(self._periods), axis=2)
