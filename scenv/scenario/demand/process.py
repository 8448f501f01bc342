"""What a demand process is, and how one is read from a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny

from scenv.errors import did_you_mean, shown
from scenv.scenario.fields import FieldError, number, read_model

__all__ = [
    "Demand",
    "DemandProcess",
    "Scale",
    "covariance_over_time",
    "demand_kind",
    "kind_names",
    "read_demand",
    "scaled",
]

#: How many times its usual mean the demand has, broadcast to [rows, T, R]; None is 1 everywhere.
Scale = np.ndarray | float | None

_KINDS: dict[str, type[DemandProcess]] = {}


class DemandProcess(BaseModel):
    """External demand of all retailers: its moments, which policies and scaling need, and its sampler.

    Write your own in ten lines: subclass it frozen, with a `kind`, `moments` and `sample`; hand an instance to
    `load_scenario(demand=...)`, or decorate the class with `@demand_kind` to name it in scenario files.

    Demand is drawn an episode ahead and never depends on what the firms do: two policies on one seed meet the same
    customers (common random numbers). Row k of a batch comes after rows 0 .. k-1 in the random stream, so it is the
    same whatever the size of the batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] of one period's demand, units, when its mean is `scale` times the usual.

        Where periods differ in a known way (seasons, a path), of a period picked at random.

        Raises:
            FieldError: if a field misses a retailer or names a firm that is none.
        """
        raise NotImplementedError

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray | None:
        """Covariance [R, R] of the retailers' demands in one period; None where they are independent."""
        return None

    def sample(
        self, rng: np.random.Generator, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """One episode's demand, [periods, R] float64 units; `scale` broadcasts to [periods, R]."""
        return self.sample_rows(rng, 1, periods, retailers, scale)[0]

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """`rows` episodes, [rows, periods, R]: the same numbers as from `rows` calls of `sample`.

        A process overrides this one or `sample`: this one where rows can be drawn faster together.
        """
        if scale is None:
            return np.stack([self.sample(rng, periods, retailers) for _ in range(rows)])
        scales = np.broadcast_to(scale, (rows, periods, len(retailers)))
        return np.stack([self.sample(rng, periods, retailers, row) for row in scales])


P = TypeVar("P", bound=DemandProcess)


def demand_kind(process: type[P]) -> type[P]:
    """Class decorator: make a process known to scenario files by its `kind`."""
    _KINDS[process.model_fields["kind"].default] = process
    return process


def kind_names() -> tuple[str, ...]:
    """The kinds of demand that a scenario file can name."""
    return tuple(sorted(_KINDS))


def read_demand(value: Any) -> DemandProcess:
    """A process as it is; a mapping by its `kind`; a bare number, or a mapping without kind, is Poisson.

    Raises:
        FieldError: naming the field that is wrong.
    """
    if isinstance(value, DemandProcess):
        return value
    if not isinstance(value, Mapping):
        if isinstance(value, str | list | tuple | set) or value is None:
            raise FieldError(f"must be a mean or a mapping with 'kind' ({', '.join(kind_names())}), got {shown(value)}")
        value = {"mean": number()(value)}
    kind = value.get("kind", "poisson")
    process = _KINDS.get(kind) if isinstance(kind, str) else None
    if process is None:
        hint = did_you_mean(kind, _KINDS) or f"; expected one of {', '.join(kind_names())}"
        raise FieldError(f"unknown kind of demand {shown(kind)}{hint}", ("kind",))
    return read_model(process, value)


Demand = Annotated[SerializeAsAny[DemandProcess], BeforeValidator(read_demand)]


def scaled(values: np.ndarray, scale: Scale) -> np.ndarray:
    """values [R] times scale, still [R] where there is none."""
    return values if scale is None else values * np.asarray(scale, dtype=np.float64)


def covariance_over_time(paths: np.ndarray) -> np.ndarray:
    """Covariance [R, R] of paths [T, R], each period as likely as the others."""
    deviation = paths - paths.mean(axis=0)
    return np.asarray(deviation.T @ deviation / len(paths))
