"""Retailers whose demands rise and fall together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import BeforeValidator, model_validator
from scipy.special import ndtr

from scenv.errors import shown
from scenv.scenario.demand.negative_binomial import NegativeBinomialDemand
from scenv.scenario.demand.normal import NormalDemand
from scenv.scenario.demand.poisson import PoissonDemand
from scenv.scenario.demand.process import Demand, DemandProcess, Scale, demand_kind
from scenv.scenario.demand.quantiles import Thresholds, covariance_of_monotone
from scenv.scenario.fields import FieldError, at, list_of, number

Matrix = tuple[tuple[float, ...], ...]
_MARGINALS = (PoissonDemand, NormalDemand, NegativeBinomialDemand)
#: The largest number below 1 that the quantile functions meet.
_BELOW_ONE = 1 - 2.0**-53


def _correlation(value: Any) -> float | Matrix:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return list_of(list_of(number(-1, 1), 1, 5000), 1, 5000)(value)
    return number(-1, 1)(value)


@demand_kind
class CorrelatedDemand(DemandProcess):
    """Retailers with the marginal distributions of another process, tied by a Gaussian copula: every retailer's demand
    is a rising function of its own standard normal number, and these numbers are correlated.

    Attributes:
        marginal: Poisson, normal or negative binomial demand, with its parameters shared or by retailer.
        correlation: of the normal numbers; one number for every pair (1 is the same customers everywhere), or a matrix
            [R, R] in the order of `scenario.retailer_names`. The correlation of the demands themselves is a little
            nearer 0, see `covariance`.
    """

    kind: Literal["correlated"] = "correlated"
    marginal: Demand
    correlation: Annotated[float | Matrix, BeforeValidator(_correlation)]

    @model_validator(mode="after")
    def _known_marginal(self) -> CorrelatedDemand:
        if not isinstance(self.marginal, _MARGINALS):
            raise FieldError(
                f"must be poisson, normal or negative_binomial, got {self.marginal.kind!r}", ("marginal", "kind")
            )
        return self

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] of the marginal process."""
        self._factor(len(retailers))
        with at("marginal"):
            return self.marginal.moments(retailers, scale)

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray:
        """[R, R] of the demands, exact but for quadrature."""
        marginal = cast(PoissonDemand | NormalDemand | NegativeBinomialDemand, self.marginal)
        thresholds, (_, std) = marginal.thresholds(retailers, scale), marginal.moments(retailers, scale)
        correlation = self._matrix(len(retailers))
        covariance = np.diag(std**2)
        known: dict[tuple[Any, ...], float] = {}  # retailers with the same numbers share one integral
        keys = [_key(own) for own in thresholds]
        for r in range(len(retailers)):
            for s in range(r):
                key = (*sorted((keys[r], keys[s])), correlation[r, s])
                if key not in known:
                    known[key] = covariance_of_monotone(thresholds[r], thresholds[s], float(correlation[r, s]))
                covariance[r, s] = covariance[s, r] = known[key]
        return covariance

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R]."""
        factor = self._factor(len(retailers))
        # Row by row: a product of one shape rounds the same however many rows there are.
        normal = np.stack([rng.standard_normal(size=(periods, len(retailers))) @ factor.T for _ in range(rows)])
        marginal = cast(PoissonDemand | NormalDemand | NegativeBinomialDemand, self.marginal)
        return marginal.quantile(np.clip(ndtr(normal), 1e-300, _BELOW_ONE), retailers, scale)

    def _matrix(self, size: int) -> np.ndarray:
        """The correlation of the normal numbers, [R, R].

        Raises:
            FieldError: if it is no correlation matrix of this size.
        """
        if not isinstance(self.correlation, tuple):
            matrix = np.full((size, size), self.correlation)
            np.fill_diagonal(matrix, 1.0)
            return matrix
        lengths = {len(self.correlation), *(len(row) for row in self.correlation)}
        if lengths != {size}:
            raise FieldError(
                f"must be a number or {size} rows of {size} numbers, one per retailer, got "
                f"{len(self.correlation)} rows of {shown(sorted(len(row) for row in self.correlation))}",
                ("correlation",),
            )
        matrix = np.array(self.correlation)
        if not (np.array_equal(matrix, matrix.T) and (np.diag(matrix) == 1).all()):
            raise FieldError("must be symmetric with ones on its diagonal", ("correlation",))
        return matrix

    def _factor(self, size: int) -> np.ndarray:
        """F [R, R] with F F' the correlation matrix; it may be singular."""
        values, vectors = np.linalg.eigh(self._matrix(size))
        if values.min() < -1e-9:
            least = f"; one number for {size} retailers must be at least {-1 / max(size - 1, 1):.4g}"
            raise FieldError(
                f"is no correlation matrix: its smallest eigenvalue is {values.min():.4g}, below 0{least}",
                ("correlation",),
            )
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _key(thresholds: Thresholds) -> tuple[bytes, bytes]:
    return thresholds[0].tobytes(), thresholds[1].tobytes()
