"""Numbers of periods: fixed, or drawn from a discrete distribution. Lead times and the length of disruptions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from scenv.network.rows import MAX_LEAD_TIME
from scenv.scenario.fields import FieldError, at, list_of, number, read_model, whole

__all__ = ["NumberOfPeriods", "PeriodsDistribution", "fixed", "read_periods"]

_period = whole(0, MAX_LEAD_TIME)


def _schema(least: int) -> dict[str, Any]:
    return {
        "properties": {
            "values": {"type": "array", "items": {"type": "integer", "minimum": least}},
            "probabilities": {"type": "array", "items": {"type": "number", "minimum": 0}},
        },
        "required": ["values"],
        "additionalProperties": False,
    }


class PeriodsDistribution(BaseModel):
    """A whole number of periods that is drawn anew each time.

    Attributes:
        values: the possible numbers, none negative, no two equal; ascending once read.
        probabilities: of the values, with sum 1; equal when left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_schema(0))
    values: Annotated[tuple[int, ...], BeforeValidator(list_of(_period, 1, 1000))]
    probabilities: Annotated[tuple[float, ...], BeforeValidator(list_of(number(0, 1), 1, 1000))]

    def __eq__(self, other: object) -> bool:
        """Equal numbers; what was computed from them (`cached_property`) does not count."""
        if not isinstance(other, PeriodsDistribution):
            return NotImplemented
        return (self.values, self.probabilities) == (other.values, other.probabilities)

    def __hash__(self) -> int:
        return hash((self.values, self.probabilities))

    @model_validator(mode="before")
    @classmethod
    def _equal_probabilities(cls, given: Any) -> Any:
        values = given.get("values") if isinstance(given, Mapping) else None
        if isinstance(values, (list, tuple)) and values and given.get("probabilities") is None:
            return {**given, "probabilities": [1 / len(values)] * len(values)}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> PeriodsDistribution:
        if len(self.values) != len(self.probabilities):
            raise FieldError("must have one entry for each of values", ("probabilities",))
        if len(set(self.values)) < len(self.values):
            raise FieldError("must not hold a number twice", ("values",))
        total = sum(self.probabilities)
        if abs(total - 1) > 1e-6:
            raise FieldError(f"must sum to 1, got {total:g}", ("probabilities",))
        order = np.argsort(self.values)
        object.__setattr__(self, "values", tuple(self.values[i] for i in order))
        object.__setattr__(self, "probabilities", tuple(self.probabilities[i] / total for i in order))
        return self

    @property
    def longest(self) -> int:
        """The largest number that can come."""
        return max(value for value, p in zip(self.values, self.probabilities, strict=True) if p > 0)

    @property
    def shortest(self) -> int:
        """The smallest number that can come."""
        return min(value for value, p in zip(self.values, self.probabilities, strict=True) if p > 0)

    @property
    def is_fixed(self) -> bool:
        """Whether only one number can come."""
        return self.longest == self.shortest

    @property
    def mean(self) -> float:
        """Expected number of periods."""
        return float(np.dot(self.values, self.probabilities))

    @cached_property
    def cumulative(self) -> np.ndarray:
        """P(number <= x) for x = 0 .. longest."""
        probability = np.zeros(max(self.values) + 1)
        probability[list(self.values)] = self.probabilities
        return np.minimum(probability.cumsum(), 1.0)[: self.longest + 1]

    @cached_property
    def mean_without_crossing(self) -> float:
        """Expected lead time where no consignment overtakes an earlier one, one leaving each period.

        It arrives with the latest of those before, after max_s (L_s - s) periods, s periods ago: P(at most x) =
        prod_s P(L <= x + s), and the mean is the sum of what is missing to 1.
        """
        tails = np.cumprod(self.cumulative[::-1])[::-1]
        return float((1 - tails[: self.longest]).sum())

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        """Numbers of periods, int32, drawn by inversion from numbers in [0, 1)."""
        cumulative = self.cumulative.copy()
        cumulative[-1] = 1.0
        return np.searchsorted(cumulative, uniform, side="right").astype(np.int32)


@lru_cache(maxsize=MAX_LEAD_TIME)
def fixed(periods: int) -> PeriodsDistribution:
    """Always the same number of periods."""
    return PeriodsDistribution(values=(periods,), probabilities=(1.0,))


def read_periods(value: Any, least: int = 1) -> PeriodsDistribution:
    """A whole number of at least `least`, or a mapping with such values and their probabilities."""
    if not isinstance(value, (Mapping, PeriodsDistribution)):
        return fixed(whole(least, MAX_LEAD_TIME)(value))
    periods = read_model(PeriodsDistribution, value)
    for index, number_of in enumerate(periods.values):
        with at("values", index):
            whole(least, MAX_LEAD_TIME)(number_of)
    return periods


NumberOfPeriods = Annotated[
    PeriodsDistribution,
    BeforeValidator(read_periods),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "object", **_schema(1)}]}),
]
