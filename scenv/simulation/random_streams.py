"""Random numbers of a batch: one stream per seed, episode and purpose, drawn row by row.

Row k of an episode comes after rows 0 .. k-1 in the stream, so it never depends on how many rows there are, nor on
what the firms do, nor on earlier episodes: policies can be compared on the same demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from scenv.errors import ScenvError, shown
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
            ScenvError: if a seed is no whole number of at least 0, or a sequence of them has not one per row.
        """
        seeds = checked_seeds(seed, num_envs)
        self._seeds: list[int] = [_entropy()] if seeds is None else seeds
        self._rows_per_seed = num_envs if seed is None or isinstance(seed, (int, np.integer)) else 1
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


def checked_rows(num_envs: Any) -> int:
    """The number of rows of a batch.

    Raises:
        ScenvError: in one line, if it is no whole number of at least 1.
    """
    if isinstance(num_envs, bool) or not isinstance(num_envs, (int, np.integer)) or num_envs < 1:
        raise ScenvError(f"num_envs must be a whole number of at least 1, got {shown(num_envs)}")
    return int(num_envs)


def checked_seeds(seed: Any, num_envs: int) -> list[int] | None:
    """The whole number or the `num_envs` whole numbers that a seed consists of; None for None.

    Raises:
        ScenvError: in one line, if it is something else.
    """
    if isinstance(seed, np.ndarray):
        seed = seed.tolist()
    if isinstance(seed, (list, tuple, range)):
        if len(seed) != num_envs:
            raise ScenvError(f"seed must be one number or one per row ({num_envs}), got {len(seed)}")
        return [_whole_seed(own) for own in seed]
    one = checked_seed(seed)
    return None if one is None else [one]


def checked_seed(seed: Any) -> int | None:
    """A seed that is one whole number of at least 0, or None.

    Raises:
        ScenvError: in one line, if it is something else.
    """
    return None if seed is None else _whole_seed(seed)


def _whole_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ScenvError(f"seed must be a whole number of at least 0, or None for fresh numbers, got {shown(seed)}")
    return int(seed)


def _entropy() -> int:
    fresh = np.random.SeedSequence().entropy
    assert isinstance(fresh, int)
    return fresh
