"""What a firm sees: its own last m + 1 periods, and nothing of another firm (paper section 4.2).

o_i^t = (s_i^{t-m}, ..., s_i^t) with s_i = (BO, IL, OO, AS, AO): 5 (m + 1) numbers, oldest period first, zeros before
the start, in units of product, float32.
"""

from __future__ import annotations

from typing import Final

import array_api_compat

from scenv.array_ops import Array, namespace
from scenv.dynamics import LocalState

LOCAL_STATE_FIELDS: Final = LocalState._fields
LOCAL_STATE_SIZE: Final = len(LOCAL_STATE_FIELDS)


class History:
    """The episode's record of local states, written once per period and never overwritten.

    One episode's periods lie side by side, so an observation is a window of the record rather than a shifted copy.
    """

    def __init__(self, num_envs: int, num_firms: int, periods: int, memory: int, like: Array) -> None:
        """Room for `periods` periods of [B, N] firms that each look `memory` (m) periods back."""
        xp = namespace(like)
        shape = (num_envs, num_firms, (periods + memory) * LOCAL_STATE_SIZE)
        self._record = xp.zeros(shape, dtype=xp.float32, device=array_api_compat.device(like))
        self._memory = memory
        self._period = 0

    def append(self, local: LocalState) -> Array:
        """Record one more period and return the observations after it, [B, N, 5 (m + 1)] float32, a fresh array."""
        xp = namespace(self._record)
        start = (self._period + self._memory) * LOCAL_STATE_SIZE
        for field, values in enumerate(local):
            self._record[:, :, start + field] = values
        self._period += 1
        # A copy, so that a learner who scales in place cannot rewrite the past.
        window = self._record[:, :, self._oldest() : start + LOCAL_STATE_SIZE]
        return xp.asarray(window, copy=True)

    def _oldest(self) -> int:
        return (self._period - 1) * LOCAL_STATE_SIZE
