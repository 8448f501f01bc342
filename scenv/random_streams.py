"""Random numbers of a batch: one stream per seed, episode and purpose, drawn row by row.

Row k of an episode comes after rows 0 .. k-1 in the stream, so it never depends on how many rows there are, nor on
what the firms do, nor on earlier episodes: policies can be compared on the same demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scenv.scenario import Scenario

Seed = int | Sequence[int] | np.ndarray | None


class Purpose(IntEnum):
    """What random numbers are for. Each purpose has streams of its own, so that a new one never shifts an old one's
    numbers: only ever add at the end.
    """

    DEMAND = 0


class RandomStreams:
    """The random numbers of B rows, episode after episode."""

    def __init__(self, num_envs: int, seed: Seed) -> None:
        """One seed for all rows, or row 0 of each of `num_envs` seeds; None draws fresh entropy.

        Raises:
            ValueError: if a sequence of seeds has not one per row.
        """
        if seed is None or isinstance(seed, (int, np.integer)):
            self._seeds: list[int] = [_entropy(seed)]
            self._rows_per_seed = num_envs
        else:
            if len(seed) != num_envs:
                raise ValueError(f"seed must be one number or one per row ({num_envs}), got {len(seed)}")
            self._seeds = [int(s) for s in seed]
            self._rows_per_seed = 1
        self._episode = -1

    def next_episode(self) -> None:
        """Go on to the next episode's streams; call before the first one too."""
        self._episode += 1

    def generators(self, purpose: Purpose) -> Iterator[tuple[np.random.Generator, int]]:
        """This episode's generators, each with the number of rows that it serves: all of a row, then the next row's."""
        for seed in self._seeds:
            sequence = np.random.SeedSequence(seed, spawn_key=(purpose, self._episode))
            yield np.random.Generator(np.random.PCG64(sequence)), self._rows_per_seed

    def demand(self, scenario: Scenario) -> np.ndarray:
        """This episode's external demand, [B, T, R] float64."""
        process, periods, retailers = scenario.demand, scenario.horizon, scenario.retailer_names
        parts: list[np.ndarray] = []
        for generator, rows in self.generators(Purpose.DEMAND):
            if hasattr(process, "sample_rows"):
                parts.append(process.sample_rows(generator, rows, periods, retailers))
            else:
                parts.append(np.stack([process.sample(generator, periods, retailers) for _ in range(rows)]))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _entropy(seed: int | np.integer | None) -> int:
    if seed is not None:
        return int(seed)
    fresh = np.random.SeedSequence().entropy
    assert isinstance(fresh, int)
    return fresh
