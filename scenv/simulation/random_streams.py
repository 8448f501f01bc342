"""Random numbers of a batch: one stream per seed, episode and purpose, drawn row by row.

Row k of an episode comes after rows 0 .. k-1 in the stream, so it never depends on how many rows there are, nor on
what the firms do, nor on earlier episodes: policies can be compared on the same demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scenv.scenario.scenario import Scenario

Seed = int | Sequence[int] | np.ndarray | None


class Purpose(IntEnum):
    """What random numbers are for. Each purpose has streams of its own, so that a new one never shifts an old one's
    numbers: only ever add at the end.
    """

    DEMAND = 0
    ORDER_LEAD_TIME = 1
    SHIPMENT_LEAD_TIME = 2
    DISRUPTION = 3


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

    def generators(self, purpose: Purpose, index: int | None = None) -> Iterator[tuple[np.random.Generator, int]]:
        """This episode's generators, each with the number of rows that it serves: all of a row, then the next row's.

        `index` tells several things of one purpose apart, each with a stream of its own.
        """
        for seed in self._seeds:
            key = (purpose, self._episode) if index is None else (purpose, self._episode, index)
            sequence = np.random.SeedSequence(seed, spawn_key=key)
            yield np.random.Generator(np.random.PCG64(sequence)), self._rows_per_seed

    def draw(
        self, purpose: Purpose, sample: Callable[[np.random.Generator, int], np.ndarray], index: int | None = None
    ) -> np.ndarray:
        """What `sample(generator, rows)` draws for all rows, [B, ...]; it must draw row by row."""
        parts = [sample(generator, rows) for generator, rows in self.generators(purpose, index)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def demand(self, scenario: Scenario, scale: np.ndarray | None = None) -> np.ndarray:
        """This episode's external demand, [B, T, R] float64, with its mean times `scale` [B, T, R]."""
        process, periods, retailers = scenario.demand, scenario.horizon, scenario.retailer_names
        if scale is None:
            return self.draw(Purpose.DEMAND, lambda rng, rows: process.sample_rows(rng, rows, periods, retailers))
        scales = iter(np.split(scale, len(self._seeds)))
        return self.draw(
            Purpose.DEMAND, lambda rng, rows: process.sample_rows(rng, rows, periods, retailers, next(scales))
        )


def _entropy(seed: int | np.integer | None) -> int:
    if seed is not None:
        return int(seed)
    fresh = np.random.SeedSequence().entropy
    assert isinstance(fresh, int)
    return fresh
