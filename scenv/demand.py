"""External demand at the retailers: small frozen classes with a mean, a standard deviation and a sampler.

Every class answers two questions: what the classical policies and the scaling need (`moments`), and what one episode of
one environment row meets (`sample`). A whole episode is drawn ahead, so that demand never depends on what the firms do:
two policies on the same seed meet the same customers (common random numbers). A class whose rows can be drawn faster
together than one by one also has `sample_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from scipy.special import pdtr

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PerRetailer = NonNegative | Mapping[str, NonNegative]
_LARGEST_TABULATED_MEAN = 1000.0


def per_retailer(value: float | Mapping[str, float], retailers: Sequence[str], field: str) -> np.ndarray:
    """Spread one number, or a mapping retailer -> number, over the retailers.

    Returns:
        [R] float64.

    Raises:
        ValueError: if the mapping misses a retailer or names a firm that is none.
    """
    if not isinstance(value, Mapping):
        return np.full(len(retailers), float(value))
    missing = [name for name in retailers if name not in value]
    unknown = [name for name in value if name not in retailers]
    if missing or unknown:
        raise ValueError(
            f"{field} must have one entry per retailer {list(retailers)}; missing {missing}, not a retailer {unknown}"
        )
    return np.array([float(value[name]) for name in retailers])


class PoissonDemand(BaseModel):
    """Independent Poisson demand per retailer and period (paper, Table 2).

    Attributes:
        mean: units per period, one number for every retailer or a mapping retailer -> mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["poisson"] = "poisson"
    mean: PerRetailer

    def moments(self, retailers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] of one period's demand."""
        mean = per_retailer(self.mean, retailers, "demand.mean")
        return mean, np.sqrt(mean)

    def sample(self, rng: np.random.Generator, periods: int, retailers: Sequence[str]) -> np.ndarray:
        """One episode's demand, [periods, R] float64 units."""
        return self.sample_rows(rng, 1, periods, retailers)[0]

    def sample_rows(self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str]) -> np.ndarray:
        """`rows` episodes at once, [rows, periods, R]: the same numbers as from `rows` calls of `sample`."""
        mean = per_retailer(self.mean, retailers, "demand.mean")
        if mean.max() > _LARGEST_TABULATED_MEAN:
            return rng.poisson(mean, size=(rows, periods, len(mean))).astype(np.float64)
        uniform = rng.random(size=(rows, periods, len(mean)))
        demand = np.empty_like(uniform)
        means = np.unique(mean)
        for value in means:
            # Inversion: the least k whose cumulative probability exceeds u. Half the time of numpy's rejection.
            cumulative = pdtr(np.arange(value + 12 * np.sqrt(value) + 40), value)
            columns = slice(None) if len(means) == 1 else mean == value
            demand[..., columns] = np.searchsorted(cumulative, uniform[..., columns], side="right")
        return demand


class DeterministicDemand(BaseModel):
    """A known path of demand, for hand computations and what-if studies.

    Attributes:
        values: one number per period, the same for every retailer, or a mapping retailer -> list. A path that is
            shorter
            than the episode repeats its last value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["deterministic"] = "deterministic"
    values: list[NonNegative] | Mapping[str, list[NonNegative]]

    @model_validator(mode="after")
    def _not_empty(self) -> DeterministicDemand:
        paths = self.values.values() if isinstance(self.values, Mapping) else [self.values]
        if not paths or any(len(path) == 0 for path in paths):
            raise ValueError("demand.values must hold at least one period")
        return self

    def _paths(self, retailers: Sequence[str]) -> list[list[float]]:
        if not isinstance(self.values, Mapping):
            return [self.values] * len(retailers)
        per_retailer({name: 0.0 for name in self.values}, retailers, "demand.values")
        return [self.values[name] for name in retailers]

    def moments(self, retailers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] of the given path; its standard deviation [R] over time."""
        paths = self._paths(retailers)
        return np.array([np.mean(path) for path in paths]), np.array([np.std(path) for path in paths])

    def sample(self, rng: np.random.Generator, periods: int, retailers: Sequence[str]) -> np.ndarray:
        """The path itself, [periods, R] float64; `rng` is not used."""
        index = np.arange(periods)
        columns = [np.asarray(path)[np.minimum(index, len(path) - 1)] for path in self._paths(retailers)]
        return np.stack(columns, axis=1).astype(np.float64)


def _shorthand(value: Any) -> Any:
    """A bare number is the mean of a Poisson demand."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"kind": "poisson", "mean": value}
    if isinstance(value, Mapping) and "kind" not in value:
        return {"kind": "poisson", **value}
    return value


Demand = Annotated[
    Annotated[PoissonDemand | DeterministicDemand, Field(discriminator="kind")], BeforeValidator(_shorthand)
]
