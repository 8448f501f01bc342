"""Demand over several periods: its quantiles and its expected excess over a level, which every stock formula asks for.

Poisson and negative binomial demand are exact (their sums over periods are their like); every other kind is taken as
normal with the same mean and variance per period, independent between periods.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal, Protocol

from scipy import optimize, special, stats

from scenv.scenario.demand import (
    CorrelatedDemand,
    DemandProcess,
    NegativeBinomialDemand,
    PerRetailerDemand,
    PoissonDemand,
)
from scenv.scenario.implied import demand_moments
from scenv.scenario.scenario import Scenario


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
        """Linear between the integers, see `_interpolated_quantile`."""
        return _interpolated_quantile(stats.poisson, (self.mean,), probability)

    def expected_excess(self, level: float) -> float:
        """E[(D - level)^+] = mean P(D >= m) - level P(D > m) with m the integer part of `level`."""
        m = math.floor(level)
        return self.mean * _poisson_beyond(m - 1, self.mean) - level * _poisson_beyond(m, self.mean)


@dataclass(frozen=True)
class NegativeBinomialLeadTimeDemand:
    """D is negative binomial with `mean` units and variance mean + mean^2 / `dispersion`."""

    mean: float
    dispersion: float

    def quantile(self, probability: float) -> float:
        """Linear between the integers, see `_interpolated_quantile`."""
        return _interpolated_quantile(stats.nbinom, (self.dispersion, self._success), probability)

    def expected_excess(self, level: float) -> float:
        """E[(D - level)^+] = mean P(D' >= m) - level P(D > m), m = floor(level), D' with the dispersion + 1."""
        m = math.floor(level)
        larger = stats.nbinom.sf(m - 1, self.dispersion + 1, self._success)
        return float(self.mean * larger - level * stats.nbinom.sf(m, self.dispersion, self._success))

    @property
    def _success(self) -> float:
        return self.dispersion / (self.dispersion + self.mean)


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


def lead_time_demands(scenario: Scenario) -> Callable[[int, int], LeadTimeDemand]:
    """A function of a retailer (its index in `network.agents`) and a number of periods: its demand over them."""
    retailers = scenario.network.retailers.tolist()
    means, stds = demand_moments(scenario)
    kinds = [_counts_of(scenario.demand, name) for name in scenario.retailer_names]
    column = {firm: k for k, firm in enumerate(retailers)}

    def demand_over(retailer: int, periods: int) -> LeadTimeDemand:
        k = column[retailer]
        mean, std = float(means[k]), float(stds[k])
        if kinds[k] == "poisson":
            return PoissonLeadTimeDemand(mean * periods)
        if kinds[k] == "negative_binomial" and std**2 > mean:
            return NegativeBinomialLeadTimeDemand(mean * periods, mean**2 / (std**2 - mean) * periods)
        return NormalLeadTimeDemand(mean * periods, std * math.sqrt(periods))

    return demand_over


def inexact_retailers(scenario: Scenario) -> list[str]:
    """The retailers whose demand over several periods `lead_time_demands` takes as normal though it is not."""
    return [name for name in scenario.retailer_names if _counts_of(scenario.demand, name) is None]


def _counts_of(demand: DemandProcess, retailer: str) -> Literal["poisson", "negative_binomial"] | None:
    """The kind of a retailer's demand if it is counts, independent from period to period, that add up to their like."""
    if isinstance(demand, CorrelatedDemand):  # between retailers, in the same period
        return _counts_of(demand.marginal, retailer)
    if isinstance(demand, PerRetailerDemand):
        return _counts_of(demand.processes[retailer if retailer in demand.processes else "default"], retailer)
    return demand.kind if isinstance(demand, PoissonDemand | NegativeBinomialDemand) else None


@lru_cache(maxsize=10_000)  # large networks ask for the same few quantiles on every path
def _interpolated_quantile(counts: Any, parameters: tuple[float, ...], probability: float) -> float:
    """Linear between the integers: where the linearly interpolated distribution function reaches it; 0 at least."""
    above = float(counts.ppf(probability, *parameters))
    below, at = counts.cdf((above - 1, above), *parameters)
    return max(0.0, above - 1 + float((probability - below) / (at - below))) if at > below else above


def _poisson_beyond(k: int, mean: float) -> float:
    """P(D > k); scipy.stats has it too, a hundred times slower for single numbers."""
    return float(special.pdtrc(k, mean)) if k >= 0 else 1.0


def _normal_loss(z: float) -> float:
    """phi(z) - z (1 - Phi(z)), the expected excess of a standard normal number over z."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - z * math.erfc(z / math.sqrt(2)) / 2
