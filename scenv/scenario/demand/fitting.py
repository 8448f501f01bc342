"""Which kind of demand a series of counts is: Poisson, negative binomial, intermittent (compound Poisson), seasonal.

Every candidate is fitted by maximum likelihood, and the one with the least Bayesian information criterion (Schwarz
1978) is taken: BIC = -2 ln L + k ln T for k parameters and T periods. Seasons have a mean of their own each,
which are the means of their periods (the maximum for Poisson, and for a negative binomial with one dispersion for all).
A hold-out check fits the candidates on the first four fifths and scores each by the log-likelihood of the last fifth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, xlogy

from scenv.errors import ScenarioError, shown

__all__ = ["SEASONS", "DemandFit", "fit_demand"]

#: Season lengths that are tried, by what a period is.
SEASONS: Mapping[str, int] = {"hour": 24, "day": 7, "week": 52, "month": 12, "quarter": 4}
LEAST_PERIODS = 20
_LARGEST_COMPOUND = 1000.0
_LEAST_SEASONS = 3

#: From counts [T] and means [T], the log-likelihood of each period [T] and the second parameter (NaN without one).
_Model = Callable[[np.ndarray, np.ndarray], tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], float]]


@dataclass(frozen=True, eq=False)
class DemandFit:
    """What kind of demand a series is.

    Attributes:
        kind: "poisson", "negative_binomial", "compound_poisson", or one of these after "seasonal ".
        process: the demand process as a scenario says it.
        series: [T] units.
        bic: candidate -> Bayesian information criterion, the least first.
        held_out: candidate -> mean log-likelihood of a period of the last fifth, fitted without it; the largest first.
        better: the candidate that foretells the last fifth better than the kind does, by more than two standard errors
            of their difference; None where there is none.
        season_means: [L] mean of each period of a season; [1] without seasons.
    """

    kind: str
    process: dict[str, Any]
    series: np.ndarray
    bic: dict[str, float]
    held_out: dict[str, float]
    better: str | None
    season_means: np.ndarray

    @property
    def margin(self) -> float:
        """By how much BIC is less than that of the next kind; above 10 is strong evidence (Kass & Raftery 1995)."""
        first, second, *_ = [*self.bic.values(), np.inf, np.inf]
        return float(second - first)


def fit_demand(series: Any, season: int | None = None) -> DemandFit:
    """The kind of demand of one retailer.

    Args:
        series: [T] whole units of successive periods, at least 20.
        season: a season length in periods to be tried beside none; it needs three seasons.

    Raises:
        ScenarioError: if the series is too short, not of whole units, or always 0.
    """
    counts = np.asarray(series, dtype=np.float64)
    _check(counts, season)
    lengths = [1, *([season] if season is not None else [])]
    candidates = {
        f"{'seasonal ' if length > 1 else ''}{name}": (length, name)
        for length in lengths
        for name in _MODELS
        if name != "compound_poisson" or counts.max() <= _LARGEST_COMPOUND
    }
    total = len(counts)
    bic, fitted = {}, {}
    for label, (length, name) in candidates.items():
        likelihood, fitted[label] = _fitted(counts, length, name)
        parameters = length + (not np.isnan(fitted[label]))
        bic[label] = -2 * float(likelihood(counts, _means(counts, length, total)).sum()) + parameters * np.log(total)
    early = counts[: total - total // 5]
    scores = {}
    for label, (length, name) in candidates.items():
        late = _means(early, length, total)[len(early) :]
        scores[label] = _fitted(early, length, name)[0](counts[len(early) :], late)
    bic = dict(sorted(bic.items(), key=lambda item: item[1]))
    kind = next(iter(bic))
    length, name = candidates[kind]
    means = _means(counts, length, length)
    process = _process(name, float(means.mean()), fitted[kind])
    if length > 1:
        factors = [_round(factor) for factor in means / means.mean()]
        process = {"kind": "seasonal", "base": process, "factors": factors}
    held_out = dict(
        sorted(((label, float(score.mean())) for label, score in scores.items()), key=lambda item: -item[1])
    )
    return DemandFit(kind, process, counts, bic, held_out, _better(scores, next(iter(held_out)), kind), means)


def _better(scores: Mapping[str, np.ndarray], best: str, kind: str) -> str | None:
    gap = scores[best] - scores[kind]
    return best if gap.mean() > 2 * gap.std() / np.sqrt(len(gap)) else None


def _check(counts: np.ndarray, season: int | None) -> None:
    if counts.ndim != 1 or len(counts) < LEAST_PERIODS:
        raise ScenarioError(f"needs at least {LEAST_PERIODS} periods, and has {counts.size}")
    bad = ~(np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts)))
    if bad.any():
        at = int(np.argmax(bad))
        raise ScenarioError(
            f"period {at + 1} is {shown(float(counts[at]))}, no whole number of units; counts are fitted, and what "
            "is not counted can be replayed (kind: time_series)"
        )
    if not counts.any():
        raise ScenarioError("is always 0; there is nothing to fit")
    if season is not None and not 2 <= season <= len(counts) // _LEAST_SEASONS:
        raise ScenarioError(
            f"season must be from 2 to {len(counts) // _LEAST_SEASONS}, a third of {len(counts)} periods, got {season}"
        )


def _means(counts: np.ndarray, length: int, periods: int) -> np.ndarray:
    """[periods] the mean of each period's season; never quite 0, which would forbid every unit."""
    means = np.array([counts[k::length].mean() for k in range(length)])
    return np.asarray(np.maximum(means, 0.5 / len(counts))[np.arange(periods) % length])


def _fitted(counts: np.ndarray, length: int, name: str) -> tuple[Callable[..., np.ndarray], float]:
    return _MODELS[name](counts, _means(counts, length, len(counts)))


def _poisson(counts: np.ndarray, mean: np.ndarray) -> tuple[Callable[..., np.ndarray], float]:
    return lambda x, m: xlogy(x, m) - m - gammaln(x + 1), np.nan


def _negative_binomial(counts: np.ndarray, mean: np.ndarray) -> tuple[Callable[..., np.ndarray], float]:
    """Dispersion r: variance m + m^2 / r."""

    def likelihood(x: np.ndarray, m: np.ndarray, r: float) -> np.ndarray:
        binomial = gammaln(x + r) - gammaln(r) - gammaln(x + 1)
        return np.asarray(binomial + r * np.log(r / (r + m)) + xlogy(x, m / (r + m)))

    best = _best(lambda log_r: likelihood(counts, mean, float(np.exp(log_r))).sum(), -6.0, 12.0)
    return lambda x, m: likelihood(x, m, float(np.exp(best))), float(np.exp(best))


def _compound_poisson(counts: np.ndarray, mean: np.ndarray) -> tuple[Callable[..., np.ndarray], float]:
    """Geometric order sizes of mean s: the Polya-Aeppli distribution, by Panjer's recursion (Johnson, Kemp & Kotz)."""
    best = _best(lambda log: _polya_aeppli(counts, mean, 1 + float(np.exp(log))).sum(), -5.0, 7.0)
    size = 1 + float(np.exp(best))
    return lambda x, m: _polya_aeppli(x, m, size), size


def _polya_aeppli(counts: np.ndarray, mean: np.ndarray, size: float) -> np.ndarray:
    """ln P(x) with p_n = ((2 t (n - 1) + c (1 - t)) p_{n-1} - t^2 (n - 2) p_{n-2}) / n, t = 1 - 1 / size, in parts of
    p_{n-1}, so that nothing underflows.
    """
    customers, which = np.unique(mean / size, return_inverse=True)
    t = 1 - 1 / size
    logs = np.empty((int(counts.max()) + 1, len(customers)))
    logs[0] = -customers
    ratio = np.full(len(customers), np.inf)  # p_{n-1} / p_{n-2}
    for n in range(1, len(logs)):
        ratio = (2 * t * (n - 1) + customers * (1 - t) - (t * t * (n - 2) / ratio if n > 1 else 0.0)) / n
        logs[n] = logs[n - 1] + np.log(ratio)
    return np.asarray(logs[counts.astype(int), which.ravel()])


def _best(log_likelihood: Callable[[float], float], low: float, high: float) -> float:
    return float(minimize_scalar(lambda x: -log_likelihood(x), bounds=(low, high), method="bounded").x)


_MODELS: Mapping[str, _Model] = {
    "poisson": _poisson,
    "negative_binomial": _negative_binomial,
    "compound_poisson": _compound_poisson,
}


def _process(name: str, mean: float, parameter: float) -> dict[str, Any]:
    if name == "poisson":
        return {"kind": name, "mean": _round(mean)}
    if name == "negative_binomial":
        return {"kind": name, "mean": _round(mean), "std": _round(float(np.sqrt(mean + mean**2 / parameter)))}
    return {"kind": name, "customers": _round(mean / parameter), "mean_size": _round(parameter)}


def _round(value: float) -> float:
    return float(f"{value:.6g}")
