"""A known path of demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

from scenv.scenario.demand.process import DemandProcess, Scale, covariance_over_time, demand_kind
from scenv.scenario.fields import at, check_retailers, list_of, number

Path = tuple[float, ...]
_path = list_of(number(), 1, 1_000_000)


def paths_of(value: Any) -> Path | dict[str, Path]:
    """One list of periods, a number for a constant, or a mapping of these by retailer."""
    if not isinstance(value, Mapping):
        return _path(value if isinstance(value, (list, tuple, np.ndarray)) else [number()(value)])
    paths = {}
    for name, entry in value.items():
        with at(name):
            own = paths_of(entry)
            paths[str(name)] = own if isinstance(own, tuple) else _path(entry)
    return paths


_NUMBERS = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "array", "items": {"type": "number", "minimum": 0}}]}
#: What `paths_of` reads, as a JSON schema.
PATHS_SCHEMA = WithJsonSchema({"anyOf": [*_NUMBERS["anyOf"], {"type": "object", "additionalProperties": _NUMBERS}]})


@demand_kind
class DeterministicDemand(DemandProcess):
    """A known path of demand, for hand computations and what-if studies.

    Attributes:
        values: one number per period, the same for every retailer, or a mapping retailer -> list ("default" for the
            rest). A number alone is constant demand; a path shorter than the episode repeats its last value.
    """

    kind: Literal["deterministic"] = "deterministic"
    values: Annotated[Path | Mapping[str, Path], BeforeValidator(paths_of), PATHS_SCHEMA]

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] of the given path; its standard deviation [R] over time. Both up to the end of the longest path."""
        paths = np.ascontiguousarray(self._columns(self._longest(retailers), retailers).T)
        return np.mean(paths, axis=1) * scale, np.std(paths, axis=1) * scale

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray:
        """[R, R] over time: paths that rise and fall together do not average out upstream."""
        return covariance_over_time(self._columns(self._longest(retailers), retailers) * scale)

    @property
    def stationary(self) -> bool:
        """No: the path is known."""
        return False

    def by_period(self, periods: int, retailers: Sequence[str], scale: Scale = None) -> tuple[np.ndarray, np.ndarray]:
        """The path itself, without variance."""
        path = self._columns(periods, retailers)
        return path if scale is None else path * scale, np.zeros(len(retailers))

    def sample(
        self, rng: np.random.Generator, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """The path itself, [periods, R] float64; `rng` is not used."""
        path = self._columns(periods, retailers)
        return path if scale is None else path * scale

    def _longest(self, retailers: Sequence[str]) -> int:
        return max(len(path) for path in self._paths(retailers))

    def _columns(self, periods: int, retailers: Sequence[str]) -> np.ndarray:
        index = np.arange(periods)
        columns = [np.asarray(path)[np.minimum(index, len(path) - 1)] for path in self._paths(retailers)]
        return np.stack(columns, axis=1).astype(np.float64)

    def _paths(self, retailers: Sequence[str]) -> list[Path]:
        if not isinstance(self.values, Mapping):
            return [self.values] * len(retailers)
        check_retailers(self.values, retailers, "values")
        return [self.values[name if name in self.values else "default"] for name in retailers]
