"""Random numbers of a batch: one spawned numpy Generator per environment row and purpose.

Row k never depends on how many rows there are, nor on what the firms do, so policies can be compared on the same
demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scenv.scenario import Scenario

Seed = int | Sequence[int] | np.ndarray | None


class RandomStreams:
    """The generators of B rows.

    Attributes:
        rows: one SeedSequence per row; each purpose (demand first) has a child of it, so that a new purpose never
            shifts
            the numbers of an old one.
    """

    def __init__(self, num_envs: int, seed: Seed) -> None:
        """Spawn the rows of one seed, or take row 0 of each of `num_envs` seeds."""
        if seed is None or isinstance(seed, (int, np.integer)):
            self.rows = np.random.SeedSequence(None if seed is None else int(seed)).spawn(num_envs)
        else:
            if len(seed) != num_envs:
                raise ValueError(f"seed must be one number or one per row ({num_envs}), got {len(seed)}")
            self.rows = [np.random.SeedSequence(int(s)).spawn(1)[0] for s in seed]
        self._demand = [np.random.Generator(np.random.PCG64(row.spawn(1)[0])) for row in self.rows]

    def demand(self, scenario: Scenario) -> np.ndarray:
        """One episode's external demand, [T, B, R] float64."""
        retailers = scenario.retailer_names
        paths = [scenario.demand.sample(rng, scenario.horizon, retailers) for rng in self._demand]
        return np.stack(paths, axis=1)
