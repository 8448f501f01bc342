"""What a demand process is, and how one is read from a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny, WithJsonSchema

from scenv.errors import did_you_mean, shown
from scenv.scenario.fields import FieldError, number, read_model

__all__ = [
    "DEMAND_MARK",
    "Demand",
    "DemandProcess",
    "Scale",
    "covariance_over_time",
    "demand_kind",
    "kind_names",
    "known_kinds",
    "random_period",
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

        Where periods differ in a known way (seasons, a path), of a period picked at random; of the periods that an
        episode has, see `by_period`.

        Raises:
            FieldError: if a field misses a retailer or names a firm that is none.
        """
        raise NotImplementedError

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray | None:
        """Covariance [R, R] of the retailers' demands in one period; None where they are independent."""
        return None

    @property
    def stationary(self) -> bool:
        """Whether all periods of an episode are alike before it begins, so that `moments` are those of each."""
        return True

    def by_period(self, periods: int, retailers: Sequence[str], scale: Scale = None) -> tuple[np.ndarray, np.ndarray]:
        """What is known of each period of an episode before it begins.

        Args:
            periods: T, of the episode.
            retailers: R names.
            scale: how many times the usual mean each period has, one number or [T, 1].

        Returns:
            The mean [T, R], and the covariance within a period, averaged over the periods: [R, R], or only the
            variances [R] where retailers are independent within a period.
        """
        factors, which = np.unique(np.broadcast_to(1.0 if scale is None else scale, (periods, 1)), return_inverse=True)
        share = np.bincount(which.ravel()) / periods
        moments = [self.moments(retailers, float(factor)) for factor in factors]
        mean = np.stack([mean for mean, _ in moments])[which.ravel()]
        within = [self.covariance(retailers, float(factor)) for factor in factors]
        parts = [std**2 if own is None else own for own, (_, std) in zip(within, moments, strict=True)]
        return mean, np.asarray(sum(weight * part for weight, part in zip(share, parts, strict=True)))

    def episode_moments(
        self, periods: int, retailers: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Mean [R], standard deviation [R] and covariance [R, R] (None where retailers are independent) of a period
        picked at random from an episode of so many.
        """
        if self.stationary:
            return *self.moments(retailers), self.covariance(retailers)
        return random_period(*self.by_period(periods, retailers))

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


def known_kinds() -> dict[str, type[DemandProcess]]:
    """The processes that a scenario file can name, by kind."""
    return dict(sorted(_KINDS.items()))


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


#: Marks the places of a demand process in a JSON schema; `scenv.scenario.json_schema` puts all kinds there.
DEMAND_MARK = "x-demand"

Demand = Annotated[
    SerializeAsAny[DemandProcess],
    BeforeValidator(read_demand),
    WithJsonSchema({"type": ["number", "object"], DEMAND_MARK: True}),
]


def scaled(values: np.ndarray, scale: Scale) -> np.ndarray:
    """values [R] times scale, still [R] where there is none."""
    return values if scale is None else values * np.asarray(scale, dtype=np.float64)


def random_period(mean: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean [R], standard deviation [R] and covariance [R, R] of a period picked at random, of what `by_period` says."""
    covariance = covariance_over_time(mean) + (np.diag(within) if within.ndim == 1 else within)
    overall = mean[0] if (mean == mean[0]).all() else mean.mean(axis=0)  # rounding apart, the same
    return overall, np.sqrt(np.maximum(np.diag(covariance), 0.0)), covariance


def covariance_over_time(paths: np.ndarray) -> np.ndarray:
    """Covariance [R, R] of paths [T, R], each period as likely as the others."""
    deviation = paths - paths.mean(axis=0)
    return np.asarray(deviation.T @ deviation / len(paths))
