"""Demand over several periods: its quantiles and its expected excess over a level, which every stock formula asks for.

Poisson demand is exact (a sum of Poisson numbers is Poisson); every other kind is taken as normal with the same mean
and variance per period, independent between periods.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Protocol

import numpy as np
from scipy import optimize, stats

from scenv.demand import PoissonDemand
from scenv.scenario import Scenario


class LeadTimeDemand(Protocol):
    """The demand D of a number of periods."""

    def quantile(self, probability: float) -> float:
        """The level that D does not exceed with `probability`, units."""

    def expected_excess(self, level: float) -> float:
        """E[(D - level)^+], the expected backorders of a stock of `level` units, units."""


@dataclass(frozen=True)
class PoissonLeadTimeDemand:
    """D is Poisson with `mean` units."""

    mean: float

    def quantile(self, probability: float) -> float:
        """Linear between the integers: where the linearly interpolated distribution function reaches it; 0 at least."""
        return _poisson_quantile(self.mean, probability)

    def expected_excess(self, level: float) -> float:
        """E[(D - level)^+] = mean P(D >= m) - level P(D > m) with m the integer part of `level`."""
        m = math.floor(level)
        return float(self.mean * stats.poisson.sf(m - 1, self.mean) - level * stats.poisson.sf(m, self.mean))


@dataclass(frozen=True)
class NormalLeadTimeDemand:
    """D is normal with `mean` and standard deviation `std`, units; `std` 0 is a certain demand."""

    mean: float
    std: float

    def quantile(self, probability: float) -> float:
        """Mean + z std."""
        return self.mean + NormalDist().inv_cdf(probability) * self.std

    def expected_excess(self, level: float) -> float:
        """E[(D - level)^+] = std G(z), z = (level - mean) / std, G(z) = phi(z) - z (1 - Phi(z)) the normal loss."""
        if self.std == 0:
            return max(self.mean - level, 0.0)
        return self.std * _normal_loss((level - self.mean) / self.std)

    def level_of_expected_excess(self, excess: float) -> float:
        """The level at which E[(D - level)^+] is `excess` > 0 units: the inverse of `expected_excess`."""
        if self.std == 0:
            return self.mean - excess
        target = excess / self.std
        # G(z) lies between max(0, -z) and max(0, -z) + phi(0), and falls below 1e-300 at z = 37.
        low = -target - 1.0
        if _normal_loss(37.0) >= target:
            return self.mean + 37.0 * self.std
        return self.mean + self.std * float(optimize.brentq(lambda z: _normal_loss(z) - target, low, 37.0, xtol=1e-12))


@lru_cache(maxsize=10_000)  # large networks ask for the same few quantiles on every path
def _poisson_quantile(mean: float, probability: float) -> float:
    above = float(stats.poisson.ppf(probability, mean))
    below, at = stats.poisson.cdf((above - 1, above), mean)
    return max(0.0, above - 1 + float((probability - below) / (at - below))) if at > below else above


def _normal_loss(z: float) -> float:
    return float(stats.norm.pdf(z) - z * stats.norm.sf(z))


def lead_time_demand(scenario: Scenario, mean: float, std: float, periods: int) -> LeadTimeDemand:
    """The demand of one retailer over `periods` periods.

    Args:
        scenario: tells the kind of demand.
        mean, std: of the retailer's demand per period, units.
        periods: whole periods.
    """
    if isinstance(scenario.demand, PoissonDemand):
        return PoissonLeadTimeDemand(mean * periods)
    return NormalLeadTimeDemand(mean * periods, std * float(np.sqrt(periods)))
