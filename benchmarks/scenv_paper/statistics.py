"""Intervals of the report: Student's t over training seeds and over demand paths, of means and of path-paired ratios.

A cost [seeds, paths] varies with the training seed and with the demand path, and every seed meets the same paths. The
two parts of the error are estimated apart, each with its own Student's quantile, and add up as squares: a part with few
degrees of freedom cannot hide behind one with many (Howe 1974, J. Am. Stat. Assoc. 69, 789; Zou and Donner 2008, Stat.
Med. 27, 1693). Where both sides of a ratio were trained, their seeds' parts are joined as in Welch's test (Welch 1947,
Biometrika 34, 28). Ratios are linearised about their means (delta method).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


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
    value = float(costs.mean())
    return _around(value, _half([costs.mean(axis=1)]), _half([costs.mean(axis=0)]))


def ratio(costs: np.ndarray, reference: np.ndarray) -> Estimate:
    """Ratio of the means of [seeds, paths] and [seeds, paths] (the numbers of seeds may differ), paired by path.

    A policy without training has one row, and only the paths vary. One row of a trained policy is treated alike: then
    the interval knows nothing of what another training would have given (`claims` judges nothing by it).
    """
    base, value = float(reference.mean()), float(costs.mean() / reference.mean())
    if costs.shape == reference.shape and np.array_equal(costs, reference):
        return Estimate(1.0, 1.0, 1.0)
    of_seeds = _half([costs.mean(axis=1) / base, value * reference.mean(axis=1) / base])
    of_paths = _half([(costs.mean(axis=0) - value * reference.mean(axis=0)) / base])
    return _around(value, of_seeds, of_paths)


def median(times: np.ndarray) -> Estimate:
    """Median of a repeated measurement [repeats], with the interval of the sign test, which assumes no distribution.

    The interval ends at measured values. Fewer than six cannot give one of 95 %: then it is all of them.
    """
    interval = stats.quantile_test(times, p=0.5).confidence_interval(LEVEL)
    ends = (
        (interval.low, interval.high) if np.isfinite([interval.low, interval.high]).all() else (min(times), max(times))
    )
    return Estimate(float(np.median(times)), *map(float, ends))


def ratio_of_repeats(times: np.ndarray, reference: np.ndarray) -> Estimate:
    """Median ratio of two measurements that took turns, [repeats] each, paired by turn."""
    return median(times / reference)


def _half(samples: list[np.ndarray]) -> float:
    """Half of Student's interval for a sum of independent means; samples of one say nothing and are left out."""
    known = [sample for sample in samples if len(sample) > 1]
    variances = np.array([sample.var(ddof=1) / len(sample) for sample in known])
    total = float(variances.sum())
    if total == 0:
        return 0.0
    freedom = total**2 / sum(v**2 / (len(sample) - 1) for v, sample in zip(variances, known, strict=True))
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(total))


def _around(value: float, *halves: float) -> Estimate:
    half = float(np.sqrt(np.sum(np.square(halves))))
    return Estimate(value, value - half, value + half)
