"""Random streams by purpose: every random number of a run follows from (seed, purpose, index) alone.

So no generator's state has to be saved: rollout 70 of a resumed run draws what rollout 70 of an uninterrupted one does.
"""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np

SeedUse = Literal["init", "env", "actions", "updates", "selection", "party", "noise", "attention"]


def derived_seed(seed: int, purpose: SeedUse, index: int = 0) -> int:
    """A number below 2^63 for the `index`-th use of a purpose: different for each, and far from small seeds."""
    entropy = [seed, zlib.crc32(purpose.encode()), index]
    return int(np.random.SeedSequence(entropy).generate_state(1, dtype=np.uint64)[0] >> np.uint64(1))
