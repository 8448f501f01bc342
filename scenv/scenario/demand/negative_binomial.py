"""Negative binomial demand: counts that scatter more than Poisson counts do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from scipy.special import betainc

from scenv.errors import shown
from scenv.scenario.demand.process import DemandProcess, Scale, demand_kind, scaled
from scenv.scenario.demand.quantiles import Thresholds, by_table, integer_thresholds
from scenv.scenario.fields import FieldError, PerRetailer, per_retailer


@demand_kind
class NegativeBinomialDemand(DemandProcess):
    """Independent negative binomial demand per retailer and period: whole units, variance above the mean.

    It is Poisson demand whose mean is itself gamma distributed, and of one time-honoured use for slow and lumpy items.

    Attributes:
        mean, std: units per period, std^2 above mean; numbers or mappings by retailer. A scale (season, shock) scales
            the mean and keeps r = mean^2 / (std^2 - mean).
    """

    kind: Literal["negative_binomial"] = "negative_binomial"
    mean: PerRetailer
    std: PerRetailer

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R], sqrt(mean + mean^2 / r)."""
        mean, dispersion = self._parameters(retailers)
        mean = mean * scale
        return mean, np.sqrt(mean + mean**2 / dispersion)

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R]."""
        mean, dispersion = self._parameters(retailers)
        success = dispersion / (dispersion + scaled(mean, scale))
        return rng.negative_binomial(dispersion, success, size=(rows, periods, len(retailers))).astype(np.float64)

    def quantile(self, uniform: np.ndarray, retailers: Sequence[str], scale: Scale = None) -> np.ndarray:
        """The least demand whose cumulative probability exceeds `uniform` [.., R] in [0, 1)."""
        mean, dispersion = self._parameters(retailers)
        demand = np.empty_like(uniform)
        scales = np.broadcast_to(scaled(mean, scale), uniform.shape)
        for value in np.unique(dispersion):
            chosen = np.broadcast_to(dispersion == value, uniform.shape)
            demand[chosen] = by_table(uniform[chosen], scales[chosen], partial(_table, dispersion=float(value)))
        return demand

    def thresholds(self, retailers: Sequence[str], scale: float = 1.0) -> list[Thresholds]:
        """For each retailer, see `scenv.demand.quantiles.integer_thresholds`."""
        mean, dispersion = self._parameters(retailers)
        return [
            integer_thresholds(partial(_cumulative, mean=m, dispersion=r), 0.0, _reach(m, r))
            for m, r in zip(mean * scale, dispersion, strict=True)
        ]

    def _parameters(self, retailers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and r [R]."""
        mean, std = per_retailer(self.mean, retailers, "mean"), per_retailer(self.std, retailers, "std")
        excess = std**2 - mean
        bad = np.flatnonzero((excess <= 0) & (mean > 0))
        if len(bad):
            k = bad[0]
            raise FieldError(
                f"squared must exceed the mean at retailer {retailers[k]!r}, got std {shown(float(std[k]))} and mean "
                f"{shown(float(mean[k]))}; use kind 'poisson' where they are equal",
                ("std",),
            )
        some = mean > 0
        return mean, np.where(some, np.where(some, mean, 1.0) ** 2 / np.where(some, excess, 1.0), 1.0)


def _cumulative(k: np.ndarray, mean: float, dispersion: float) -> np.ndarray:
    """P(D <= k), the regularised incomplete beta function I_p(r, k + 1)."""
    return np.asarray(betainc(dispersion, np.asarray(k) + 1.0, dispersion / (dispersion + mean)))


def _table(mean: float, dispersion: float) -> np.ndarray:
    """P(D <= 0), P(D <= 1), ..."""
    return _cumulative(np.arange(_reach(mean, dispersion)), mean, dispersion)


def _reach(mean: float, dispersion: float) -> float:
    """A demand that is exceeded with probability below 1e-15: the tail falls by e every (mean + r) / r units."""
    return float(mean + 40 * np.sqrt(mean + mean**2 / dispersion) + 40 * (1 + mean / dispersion) + 40)
