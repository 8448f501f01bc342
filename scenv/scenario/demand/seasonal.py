"""Demand with seasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, model_validator

from scenv.scenario.demand.process import Demand, DemandProcess, Scale, demand_kind, random_period
from scenv.scenario.fields import FieldError, at, list_of, number, whole


@demand_kind
class SeasonalDemand(DemandProcess):
    """Another demand process whose mean goes through seasons, the same for all retailers.

    Attributes:
        base: the process; its mean is multiplied by the season's factor. How its scatter follows is its own business
            (Poisson: root of the mean).
        factors: the factor of each period of a season, repeated; or
        length, amplitude: a sine wave, 1 + amplitude sin(2 pi (t + phase) / length), amplitude from 0 to 1.
        phase: the period of the season with which an episode begins.
    """

    kind: Literal["seasonal"] = "seasonal"
    base: Demand
    factors: Annotated[tuple[float, ...], BeforeValidator(list_of(number(0, 1e6), 1, 100_000))] | None = None
    length: Annotated[int, BeforeValidator(whole(2, 100_000))] | None = None
    amplitude: Annotated[float, BeforeValidator(number(0, 1))] | None = None
    phase: Annotated[int, BeforeValidator(whole(0, 1_000_000))] = 0

    @model_validator(mode="after")
    def _one_shape(self) -> SeasonalDemand:
        wave = (self.length, self.amplitude)
        if (self.factors is None) == (wave == (None, None)) or (self.factors is None and None in wave):
            raise FieldError("give either factors, or length and amplitude")
        return self

    @property
    def stationary(self) -> bool:
        """No: the seasons are known."""
        return False

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] of a period picked at random from a whole season."""
        with at("base"):
            moments = [self.base.moments(retailers, scale * float(factor)) for factor in self._season()]
        means, stds = (np.stack(numbers) for numbers in zip(*moments, strict=True))
        mean = means.mean(axis=0)
        return mean, np.sqrt(np.maximum(np.mean(stds**2 + means**2, axis=0) - mean**2, 0.0))

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray:
        """[R, R] of a period picked at random: retailers share their seasons, and the base's own correlation."""
        return random_period(*self.by_period(len(self._season()), retailers, scale))[2]

    def by_period(self, periods: int, retailers: Sequence[str], scale: Scale = None) -> tuple[np.ndarray, np.ndarray]:
        """The base's, in the seasons that the episode meets."""
        path = self._path(periods)
        with at("base"):
            return self.base.by_period(periods, retailers, path if scale is None else path * scale)

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R]."""
        path = self._path(periods)
        return self.base.sample_rows(rng, rows, periods, retailers, path if scale is None else path * scale)

    def _path(self, periods: int) -> np.ndarray:
        """The factor of each period of an episode, [T, 1]."""
        season = self._season()
        return season[(np.arange(periods) + self.phase) % len(season)][:, None]

    def _season(self) -> np.ndarray:
        """The factors of one season, without the phase."""
        if self.factors is not None:
            return np.array(self.factors)
        assert self.length is not None
        assert self.amplitude is not None
        return 1 + self.amplitude * np.sin(2 * np.pi * np.arange(self.length) / self.length)
