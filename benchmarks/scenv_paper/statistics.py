"""Intervals: a bootstrap over training seeds and demand paths, of means and of ratios paired by path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

DRAWS, LEVEL, SEED = 4000, 0.95, 9996


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def mean(costs: np.ndarray) -> Estimate:
    """Mean of costs [seeds, paths]."""
    weights = _path_weights(costs.shape[1])
    return _estimate(float(costs.mean()), _resampled(costs, weights, np.random.default_rng(SEED + 1)))


def ratio(costs: np.ndarray, reference: np.ndarray) -> Estimate:
    """Ratio of the means of [seeds, paths] and [seeds, paths] (the numbers of seeds may differ).

    A draw takes as many paths as there are, with replacement, the same ones above and below the line (common random
    numbers make the two costs of a path alike); and as many seeds as there are, on either side for itself. A policy
    without training has one row, and only the paths vary.
    """
    if costs.shape == reference.shape and np.array_equal(costs, reference):
        return Estimate(1.0, 1.0, 1.0)
    weights = _path_weights(costs.shape[1])
    above = _resampled(costs, weights, np.random.default_rng(SEED + 1))
    below = _resampled(reference, weights, np.random.default_rng(SEED + 2))
    return _estimate(float(costs.mean() / reference.mean()), above / below)


def ratio_of_repeats(times: np.ndarray, reference: np.ndarray) -> Estimate:
    """Ratio of the medians of two measurements that took turns, [repeats] each; a draw takes whole turns."""
    chosen = np.random.default_rng(SEED).integers(len(times), size=(DRAWS, len(times)))
    drawn = np.median(times[chosen], axis=1) / np.median(reference[chosen], axis=1)
    return _estimate(float(np.median(times) / np.median(reference)), drawn)


def median(times: np.ndarray) -> Estimate:
    """Median of a repeated measurement [repeats]."""
    chosen = np.random.default_rng(SEED).integers(len(times), size=(DRAWS, len(times)))
    return _estimate(float(np.median(times)), np.median(times[chosen], axis=1))


@lru_cache
def _path_weights(paths: int) -> np.ndarray:
    """[draws, paths] how often each path is drawn, as a share; the same draws in every comparison."""
    return np.random.default_rng(SEED).multinomial(paths, np.full(paths, 1 / paths), size=DRAWS) / paths


def _resampled(costs: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[draws] means over redrawn seeds and redrawn paths."""
    of_seed = weights @ costs.T
    chosen = rng.integers(len(costs), size=of_seed.shape)
    resampled: np.ndarray = np.take_along_axis(of_seed, chosen, axis=1).mean(axis=1)
    return resampled


def _estimate(value: float, draws: np.ndarray) -> Estimate:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))
