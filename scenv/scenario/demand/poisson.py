"""Poisson demand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from scipy.special import pdtr, pdtrik

from scenv.scenario.demand.process import DemandProcess, Scale, demand_kind, scaled
from scenv.scenario.demand.quantiles import by_table, integer_thresholds
from scenv.scenario.fields import PerRetailer, per_retailer

_LARGEST_TABULATED_MEAN = 1000.0
#: Numpy's Poisson sampler is faster than this many tables.
_MOST_TABLES = 40


@demand_kind
class PoissonDemand(DemandProcess):
    """Independent Poisson demand per retailer and period (paper, Table 2).

    Attributes:
        mean: units per period, one number for every retailer or a mapping retailer -> mean.
    """

    kind: Literal["poisson"] = "poisson"
    mean: PerRetailer

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R], the root of the mean."""
        mean = per_retailer(self.mean, retailers, "mean") * scale
        return mean, np.sqrt(mean)

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R], by inversion where tables are small: half the time of numpy's rejection."""
        mean = scaled(per_retailer(self.mean, retailers, "mean"), scale)
        shape = (rows, periods, len(retailers))
        if mean.max() > _LARGEST_TABULATED_MEAN or len(np.unique(mean)) > _MOST_TABLES:
            return rng.poisson(mean, size=shape).astype(np.float64)
        return self._inverse(rng.random(size=shape), mean)

    def quantile(self, uniform: np.ndarray, retailers: Sequence[str], scale: Scale = None) -> np.ndarray:
        """The least demand whose cumulative probability exceeds `uniform` [.., R] in [0, 1)."""
        mean = scaled(per_retailer(self.mean, retailers, "mean"), scale)
        if mean.max() > _LARGEST_TABULATED_MEAN:
            mean = np.broadcast_to(mean, uniform.shape)
            return np.where(mean > 0, np.ceil(pdtrik(uniform, np.maximum(mean, 1e-9))), 0.0)
        return self._inverse(uniform, mean)

    def thresholds(self, retailers: Sequence[str], scale: float = 1.0) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each retailer, see `scenv.demand.quantiles.integer_thresholds`."""
        mean, std = self.moments(retailers, scale)
        return [
            integer_thresholds(partial(_cumulative, mean=m), max(0.0, m - 9 * s), m + 12 * s + 40)
            for m, s in zip(mean, std, strict=True)
        ]

    def _inverse(self, uniform: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return by_table(uniform, mean, lambda m: pdtr(np.arange(m + 12 * np.sqrt(m) + 40), m))


def _cumulative(k: np.ndarray, mean: float) -> np.ndarray:
    """P(D <= k)."""
    return np.asarray(pdtr(k, mean))
