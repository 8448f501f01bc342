"""Confidence intervals: of a mean, and of the difference and the ratio of two means on the same demand paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["PairedDifference", "mean_interval", "paired_difference"]

Interval = tuple[float, float]


def mean_interval(samples: np.ndarray, level: float = 0.95) -> Interval:
    """Student's t interval of a mean at `level`; (nan, nan) for fewer than two samples."""
    if len(samples) < 2:
        return float("nan"), float("nan")
    mean, error = float(np.mean(samples)), float(stats.sem(samples))
    half = float(stats.t.ppf(0.5 + level / 2, len(samples) - 1)) * error
    return mean - half, mean + half


@dataclass(frozen=True)
class PairedDifference:
    """How much more one policy costs than another on the same demand paths.

    The paths' own luck cancels, so the intervals are much narrower than those of the two means.

    Attributes:
        mean: mean of cost - reference cost over episodes.
        ci95: its 95 % interval (Student's t over episodes).
        ratio: mean cost / mean reference cost; NaN if the reference costs nothing.
        ratio_ci95: its 95 % interval, by the delta method for a ratio of paired means.
    """

    mean: float
    ci95: Interval
    ratio: float
    ratio_ci95: Interval


def paired_difference(costs: np.ndarray, reference: np.ndarray) -> PairedDifference:
    """Compare costs [episodes] with reference costs [episodes] of the same episodes."""
    difference = costs - reference
    base = float(reference.mean())
    if base == 0:
        nan = float("nan")
        return PairedDifference(float(difference.mean()), mean_interval(difference), nan, (nan, nan))
    ratio = float(costs.mean()) / base
    # Linearised about the means: ratio_k = ratio + (cost_k - ratio * reference_k) / mean reference.
    ratio_interval = mean_interval(ratio + (costs - ratio * reference) / base)
    return PairedDifference(float(difference.mean()), mean_interval(difference), ratio, ratio_interval)
