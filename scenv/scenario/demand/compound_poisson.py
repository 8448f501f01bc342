"""Compound Poisson demand: customers arrive at random, each with an order of random size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, model_validator

from scenv.scenario.demand.process import DemandProcess, Scale, demand_kind, scaled
from scenv.scenario.fields import FieldError, PerRetailer, list_of, number, per_retailer

Numbers = Annotated[tuple[float, ...], BeforeValidator(list_of(number(), 1, 1000))]


@demand_kind
class CompoundPoissonDemand(DemandProcess):
    """A Poisson number of customers per retailer and period, each ordering a random quantity.

    Attributes:
        customers: mean number of customers per period, one number or a mapping by retailer. A scale scales it.
        mean_size: mean order size of at least 1 where sizes are geometric (1, 2, 3, ...); or
        sizes, probabilities: the possible order sizes (units, any number of at least 0) and their probabilities,
            which sum to 1. `sizes` alone are equally likely.
    """

    kind: Literal["compound_poisson"] = "compound_poisson"
    customers: PerRetailer
    mean_size: Annotated[float, BeforeValidator(number(1.0))] | None = None
    sizes: Numbers | None = None
    probabilities: Numbers | None = None

    @model_validator(mode="after")
    def _one_distribution(self) -> CompoundPoissonDemand:
        if (self.mean_size is None) == (self.sizes is None):
            raise FieldError("give either mean_size (geometric) or sizes with probabilities")
        if self.probabilities is not None:
            if self.sizes is None or len(self.sizes) != len(self.probabilities):
                raise FieldError("must have one entry for each of sizes", ("probabilities",))
            total = sum(self.probabilities)
            if abs(total - 1) > 1e-6:
                raise FieldError(f"must sum to 1, got {total:g}", ("probabilities",))
        return self

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R], customers x E[size]; standard deviation [R], sqrt(customers x E[size^2])."""
        customers = per_retailer(self.customers, retailers, "customers") * scale
        if self.mean_size is not None:
            first, second = self.mean_size, self.mean_size * (2 * self.mean_size - 1)
        else:
            sizes, probabilities = self._sizes()
            first, second = float(sizes @ probabilities), float(sizes**2 @ probabilities)
        return customers * first, np.sqrt(customers * second)

    def sample(
        self, rng: np.random.Generator, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[periods, R]."""
        customers = scaled(per_retailer(self.customers, retailers, "customers"), scale)
        shape = (periods, len(retailers))
        if self.mean_size is None:
            sizes, probabilities = self._sizes()
            # Customers of each size are Poisson numbers of their own.
            return np.asarray(rng.poisson(customers[..., None] * probabilities, size=(*shape, len(sizes))) @ sizes)
        count = rng.poisson(customers, size=shape)
        # A geometric size is 1 and the failures before a success; failures of many customers are negative binomial.
        beyond = rng.negative_binomial(np.maximum(count, 1), 1 / self.mean_size)
        return np.where(count > 0, count + beyond, 0).astype(np.float64)

    def _sizes(self) -> tuple[np.ndarray, np.ndarray]:
        assert self.sizes is not None
        if self.probabilities is None:
            return np.array(self.sizes), np.full(len(self.sizes), 1 / len(self.sizes))
        return np.array(self.sizes), np.array(self.probabilities) / sum(self.probabilities)
