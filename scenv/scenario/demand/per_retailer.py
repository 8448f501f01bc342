"""A demand process of its own for each retailer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator

from scenv.errors import shown
from scenv.scenario.demand.process import Demand, DemandProcess, Scale, demand_kind, read_demand
from scenv.scenario.fields import FieldError, at, check_retailers


def read_processes(value: Any) -> dict[str, DemandProcess]:
    """The process of each name of a mapping."""
    if not isinstance(value, Mapping) or not value:
        raise FieldError(f"must be a mapping of retailers to demand processes, got {shown(value)}")
    processes = {}
    for name, entry in value.items():
        with at(name):
            processes[str(name)] = read_demand(entry)
    return processes


@demand_kind
class PerRetailerDemand(DemandProcess):
    """Independent retailers with demand processes of different kinds.

    Where only numbers differ, the kinds take mappings themselves: `{"kind": "poisson", "mean": {"ret_0": 4, ...}}`.

    Attributes:
        processes: retailer -> its process; "default" for the rest.
    """

    kind: Literal["per_retailer"] = "per_retailer"
    processes: Annotated[Mapping[str, Demand], BeforeValidator(read_processes)]

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] and standard deviation [R]."""
        own = []
        for name, process in zip(retailers, self._processes(retailers), strict=True):
            with at("processes", name if name in self.processes else "default"):
                own.append(process.moments((name,), scale))
        return np.concatenate([mean for mean, _ in own]), np.concatenate([std for _, std in own])

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray | None:
        """None: processes of their own are independent; but paths and seasons that all know rise and fall together, see
        `by_period`.
        """
        return None

    @property
    def stationary(self) -> bool:
        """Whether all processes are."""
        return all(process.stationary for process in self.processes.values())

    def by_period(self, periods: int, retailers: Sequence[str], scale: Scale = None) -> tuple[np.ndarray, np.ndarray]:
        """Each retailer's own process."""
        own = []
        for name, process in zip(retailers, self._processes(retailers), strict=True):
            with at("processes", name if name in self.processes else "default"):
                own.append(process.by_period(periods, (name,), scale))
        return np.hstack([mean for mean, _ in own]), np.concatenate([within.reshape(-1)[:1] for _, within in own])

    def sample(
        self, rng: np.random.Generator, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[periods, R]."""
        processes = self._processes(retailers)
        scales = None if scale is None else np.broadcast_to(scale, (periods, len(retailers)))
        columns = [
            process.sample(rng, periods, (name,), None if scales is None else scales[:, k : k + 1])
            for k, (name, process) in enumerate(zip(retailers, processes, strict=True))
        ]
        return np.concatenate(columns, axis=1)

    def _processes(self, retailers: Sequence[str]) -> list[DemandProcess]:
        check_retailers(self.processes, retailers, "processes")
        return [self.processes[name if name in self.processes else "default"] for name in retailers]
