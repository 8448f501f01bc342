"""Demand as a function of a uniform or standard normal number: tables for sampling by inversion, and the exact
covariance of two demands that are driven by correlated normal numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

#: Standard normal numbers beyond this are left out: they have probability 1e-16.
_FAR = 8.3
_MOST_THRESHOLDS = 400
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)

#: The demand f(Z) of a standard normal Z rises by `jump[i]` where Z passes `at[i]`.
Thresholds = tuple[np.ndarray, np.ndarray]


def by_table(uniform: np.ndarray, parameter: np.ndarray, cumulative: Callable[[float], np.ndarray]) -> np.ndarray:
    """Whole-numbered demand by inversion: the least k whose cumulative probability exceeds the uniform number.

    Args:
        uniform: [.., R] numbers in [0, 1).
        parameter: broadcasts to the same shape; one table is made for each distinct value.
        cumulative: parameter -> cumulative probabilities of 0, 1, 2, ...
    """
    demand = np.empty_like(uniform)
    distinct = np.unique(parameter)
    if len(distinct) == 1:
        demand[...] = np.searchsorted(cumulative(float(distinct[0])), uniform, side="right")
        return demand
    parameter = np.broadcast_to(parameter, uniform.shape)
    for value in distinct:
        chosen = parameter == value
        demand[chosen] = np.searchsorted(cumulative(float(value)), uniform[chosen], side="right")
    return demand


def integer_thresholds(cumulative: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> Thresholds:
    """The thresholds of a whole-numbered demand whose mass lies in low .. high; at most 400, wide ranges in steps."""
    step = max(1, int(np.ceil((high - low) / _MOST_THRESHOLDS)))
    passed = np.arange(np.floor(low), np.ceil(high) + 1, step) + (step - 1) // 2
    at = ndtri(np.clip(cumulative(passed), 0.0, 1.0))
    inside = np.abs(at) < _FAR
    return at[inside], np.full(int(inside.sum()), float(step))


def normal_thresholds(mean: float, std: float) -> Thresholds:
    """The thresholds of max(0, mean + std Z), in 400 steps."""
    if std == 0:
        return np.empty(0), np.empty(0)
    first = min(max(-mean / std, -_FAR), _FAR)
    edges = np.linspace(first, _FAR, _MOST_THRESHOLDS + 1)
    return (edges[1:] + edges[:-1]) / 2, std * np.diff(edges)


def covariance_of_monotone(first: Thresholds, second: Thresholds, correlation: float) -> float:
    """Cov(f(X), g(Y)) for standard normal X, Y with `correlation`, f and g rising by jumps at thresholds.

    Hoeffding's identity, Cov = sum_ij f_i g_j (P(X <= a_i, Y <= b_j) - P(X <= a_i) P(Y <= b_j)), with Plackett's
    integral for the bivariate normal over the angle of the correlation, whose integrand is smooth up to 1 and -1.
    """
    (a, f), (b, g) = first, second
    if correlation == 0 or len(a) == 0 or len(b) == 0:
        return 0.0
    angle = float(np.arcsin(correlation))
    total = 0.0
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        theta = angle * (1 + node) / 2
        exponent = a[:, None] ** 2 - 2 * np.sin(theta) * a[:, None] * b + b**2
        total += weight * float(f @ np.exp(-exponent / (2 * np.cos(theta) ** 2)) @ g)
    return total * angle / 2 / (2 * np.pi)
