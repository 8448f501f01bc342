"""Normal demand, cut at 0, alone or with memory from period to period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator
from scipy.special import ndtr, ndtri

from scenv.scenario.demand.process import DemandProcess, Scale, demand_kind
from scenv.scenario.demand.quantiles import Thresholds, normal_thresholds
from scenv.scenario.fields import PerRetailer, number, per_retailer


def cut_normal_moments(mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of max(0, X) for normal X.

    With a = mean / std: E = mean Phi(a) + std phi(a), E of the square = (mean^2 + std^2) Phi(a) + mean std phi(a).
    """
    safe = np.where(std > 0, std, 1.0)
    ratio = np.where(std > 0, mean / safe, 40.0)
    density, below = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi), ndtr(ratio)
    first = mean * below + std * density
    # E[Y^2] - E[Y]^2 in an order that does not cancel where mean is many std.
    variance = std**2 * below + first * (mean - first) + 0.0
    return first, np.sqrt(np.maximum(variance, 0.0))


@demand_kind
class NormalDemand(DemandProcess):
    """Independent normal demand per retailer and period; what falls below 0 is 0.

    Attributes:
        mean, std: of the normal distribution before it is cut, units per period; numbers or mappings by retailer.
            `moments` are those after the cut.
    """

    kind: Literal["normal"] = "normal"
    mean: PerRetailer
    std: PerRetailer

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] after the cut."""
        mean, std = cut_normal_moments(*self.before_cut(retailers))
        return mean * scale, std * scale

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R]; a scale scales the standard deviation with the mean."""
        mean, std = self.before_cut(retailers)
        demand = np.maximum(mean + std * rng.standard_normal(size=(rows, periods, len(retailers))), 0.0)
        return demand if scale is None else demand * scale

    def quantile(self, uniform: np.ndarray, retailers: Sequence[str], scale: Scale = None) -> np.ndarray:
        """Demand of cumulative probability `uniform` [.., R] in (0, 1)."""
        mean, std = self.before_cut(retailers)
        demand = np.maximum(mean + std * ndtri(uniform), 0.0)
        return demand if scale is None else demand * scale

    def thresholds(self, retailers: Sequence[str], scale: float = 1.0) -> list[Thresholds]:
        """For each retailer, see `scenv.demand.quantiles.normal_thresholds`."""
        mean, std = self.before_cut(retailers)
        return [normal_thresholds(float(m), float(s)) for m, s in zip(mean * scale, std * scale, strict=True)]

    def before_cut(self, retailers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] of the normal distribution itself."""
        return per_retailer(self.mean, retailers, "mean"), per_retailer(self.std, retailers, "std")


@demand_kind
class AutoregressiveDemand(DemandProcess):
    """Normal demand that remembers: D_t = max(0, mean + X_t), X_t = correlation X_{t-1} + noise, from its long-run
    distribution on. The model of most studies of the bullwhip effect (Lee, Padmanabhan & Whang 1997; Chen et al. 2000).

    Attributes:
        mean, std: of one period's demand before it is cut at 0, units; numbers or mappings by retailer.
        correlation: of successive periods, between -1 and 1.
    """

    kind: Literal["autoregressive"] = "autoregressive"
    mean: PerRetailer
    std: PerRetailer
    correlation: Annotated[float, BeforeValidator(number(-0.999, 0.999))]

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R] of any one period, after the cut."""
        mean, std = cut_normal_moments(
            per_retailer(self.mean, retailers, "mean"), per_retailer(self.std, retailers, "std")
        )
        return mean * scale, std * scale

    def sample_rows(
        self, rng: np.random.Generator, rows: int, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[rows, periods, R]."""
        mean, std = per_retailer(self.mean, retailers, "mean"), per_retailer(self.std, retailers, "std")
        deviation = rng.standard_normal(size=(rows, periods, len(retailers)))
        fresh = np.sqrt(1 - self.correlation**2)
        for t in range(1, periods):
            deviation[:, t] = self.correlation * deviation[:, t - 1] + fresh * deviation[:, t]
        demand = np.maximum(mean + std * deviation, 0.0)
        return demand if scale is None else demand * scale
