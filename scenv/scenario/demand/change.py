"""Demand that changes at a given time: for good (a step) or for a while (a shock)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator

from scenv.errors import did_you_mean, shown
from scenv.scenario.demand.process import Demand, DemandProcess, Scale, demand_kind
from scenv.scenario.fields import FieldError, at, list_of, number, whole

__all__ = ["Factor", "FirmNames", "Period", "ShockDemand", "StepDemand", "changed_retailers"]


def _firm_name(value: object) -> str:
    if not isinstance(value, str):
        raise FieldError(f"must be a firm's name, got {shown(value)}")
    return value


Period = Annotated[int, BeforeValidator(whole(0, 1_000_000))]
Factor = Annotated[float, BeforeValidator(number(0, 1e6))]
FirmNames = Annotated[tuple[str, ...], BeforeValidator(list_of(_firm_name, 1, 100_000))]


def changed_retailers(chosen: Sequence[str] | None, retailers: Sequence[str]) -> np.ndarray:
    """[R] whether each retailer is among the chosen; all where none are named.

    Raises:
        FieldError: for a name that is no retailer.
    """
    for name in chosen or ():
        if name not in retailers:
            hint = did_you_mean(name, retailers)
            raise FieldError(f"{shown(name)} is no retailer of this network{hint}", ("retailers",))
    return np.array([chosen is None or name in chosen for name in retailers])


class _ChangedDemand(DemandProcess):
    """Another demand process whose mean is multiplied from a period on.

    Its moments are those before the change: what a firm knows that does not foresee it. So initial pipelines, scaling
    and classical policies are set for the world before. Where there is no period before (a change from period 0 on),
    they are those of the episode as it comes.
    """

    base: Demand
    period: Period
    factor: Factor
    retailers: FirmNames | None = None

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] before the change."""
        changed_retailers(self.retailers, retailers)
        with at("base"):
            return self.base.moments(retailers, scale)

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray | None:
        """[R, R] before the change."""
        return self.base.covariance(retailers, scale)

    @property
    def stationary(self) -> bool:
        """Whether what is known before the change is alike in all periods."""
        return self.base.stationary and self.period > 0

    def by_period(self, periods: int, retailers: Sequence[str], scale: Scale = None) -> tuple[np.ndarray, np.ndarray]:
        """The base's; with the factor where all periods of the episode are changed."""
        with at("base"):
            usual = self.base.by_period(periods, retailers, scale)
            if not self._changed(np.arange(periods)).all():
                return usual
            changed = self.base.by_period(periods, retailers, self.factor * (1.0 if scale is None else scale))
        return _mixed(changed, usual, changed_retailers(self.retailers, retailers))

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R]."""
        path = np.where(self._changed(np.arange(periods))[:, None], self.factor, 1.0)
        path = np.where(changed_retailers(self.retailers, retailers), path, 1.0)
        return self.base.sample_rows(rng, rows, periods, retailers, path if scale is None else path * scale)

    def _changed(self, period: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def _mixed(
    changed: tuple[np.ndarray, np.ndarray], usual: tuple[np.ndarray, np.ndarray], which: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`by_period` of some retailers under the change and the others without; between the two, the geometric mean."""
    mean = np.where(which, changed[0], usual[0])
    first, second = changed[1], usual[1]
    if first.ndim == 1:
        return mean, np.where(which, first, second)
    between = np.sign(second) * np.sqrt(np.abs(first * second))
    return mean, np.where(which[:, None] & which, first, np.where(which[:, None] | which, between, second))


@demand_kind
class StepDemand(_ChangedDemand):
    """Demand that steps to another mean for good, as in the beer game's classroom version (4, then 8).

    Attributes:
        base: the process before.
        period: the first period of the new mean.
        factor: the new mean as a multiple of the old.
        retailers: whose demand steps; all by default.
    """

    kind: Literal["step"] = "step"

    def _changed(self, period: np.ndarray) -> np.ndarray:
        return period >= self.period


@demand_kind
class ShockDemand(_ChangedDemand):
    """Demand that has another mean for a while, known to the modeller and not to the firms.

    Shocks at random times, and shocks that show in `infos`, are disruptions (field `disruptions` of the scenario).

    Attributes:
        base: the process before and after.
        period: the first period of the shock.
        duration: how many periods it lasts.
        factor: the mean during the shock as a multiple of the usual one.
        retailers: whose demand is shocked; all by default.
    """

    kind: Literal["shock"] = "shock"
    duration: Annotated[int, BeforeValidator(whole(1, 1_000_000))] = 1

    def _changed(self, period: np.ndarray) -> np.ndarray:
        return (period >= self.period) & (period < self.period + self.duration)
