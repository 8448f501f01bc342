"""One episode on record: every firm's local state and cost, period by period, and how orders swing up the chain."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scenv.errors import ScenvError
from scenv.evaluation.conduct import Conducted, begin, whole_number
from scenv.network.network import Network
from scenv.policies.base import Policy
from scenv.policies.registry import make_policies
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import orders_within_period
from scenv.scenario.scenario import Scenario
from scenv.simulation.dynamics import LocalState
from scenv.simulation.vector_env import VectorEnv

__all__ = ["Episode", "EpisodeRecorder", "record_episode"]


@dataclass(frozen=True, eq=False)
class Episode:
    """T periods of one environment row with N firms in S stages (0 = nearest the customer). Units of product.

    Attributes:
        scenario: what was simulated.
        local: the local states, five arrays [T, N].
        cost: [T, N] cost of each firm in each period (paper eq. 1).
        infos: [T, N] by name, what lost sales and disruptions did, if the scenario has them: "lost_sales" (units),
            "closed" (1 or 0), "delay" (the most periods that any of the firm's incoming links was delayed by),
            "demand_factor"; and what rules for orders did: "review" (1 where a firm orders at the end of the period),
            "order_cost" (of the order that opened it), "waiting" (units at the gate of a full stock).
    """

    scenario: Scenario
    local: LocalState
    cost: np.ndarray
    infos: Mapping[str, np.ndarray] = field(default_factory=dict)
    external: np.ndarray | None = None

    @property
    def periods(self) -> int:
        """T, the number of periods on record."""
        return len(self.cost)

    @property
    def orders(self) -> np.ndarray:
        """[T - 1, N] what each firm ordered at the end of each period but the last (or within the next one, where its
        order lead time is 0), from the books: what is on order grows by what is ordered and shrinks by what is
        received."""
        on_order, received = self.local.on_order, self.local.received
        # Equal splits leave rounding dust, never more.
        return (on_order[1:] + received[1:] - on_order[:-1]).clip(0)

    @property
    def stage_demand(self) -> np.ndarray:
        """[T, S] what end customers asked for in each period of the goods that pass each stage, with equal split.

        A stage that everything passes has the total demand of all end customers.
        """
        network = self.scenario.network
        return self.by_stage(self._end_demand @ network.demand_weights.T)

    @property
    def _end_demand(self) -> np.ndarray:
        """[T, R] of each retailer's outside customers."""
        return self.local.demand[:, self.scenario.network.retailers] if self.external is None else self.external

    @property
    def _answered_demand(self) -> np.ndarray:
        """[T - 1, S] the same of the periods whose demand the orders answer: the next one's of retailers that order
        within it.
        """
        network, demand = self.scenario.network, self._end_demand
        within = orders_within_period(self.scenario)[network.retailers]
        return self.by_stage(np.where(within, demand[1:], demand[:-1]) @ network.demand_weights.T)

    @property
    def total_cost(self) -> float:
        """Z, the cost of all firms over the periods after warm-up (paper eq. 2)."""
        return float(self.cost[self.scenario.warmup :].sum())

    @property
    def bullwhip(self) -> np.ndarray:
        """[S] each stage's bullwhip ratio: the variance of its orders over the variance of its end customers' demand.

        Orders and `stage_demand` are the stage's totals per period, over the periods after warm-up. Above 1, orders
        swing more than demand does (Lee, Padmanabhan & Whang 1997). NaN where demand is constant or fewer than two
        periods are on record.
        """
        counted = slice(self.scenario.warmup, self.periods - 1)
        orders, demand = self.by_stage(self.orders)[counted], self._answered_demand[counted]
        ratio = np.full(orders.shape[1], np.nan)
        if len(orders) > 1:
            variance = demand.var(axis=0)
            np.divide(orders.var(axis=0), variance, out=ratio, where=variance > 0)
        return ratio

    def until(self, period: int) -> Episode:
        """The record up to and with a period: what an observer had seen then."""
        end = period + 1
        infos = {name: values[:end] for name, values in self.infos.items()}
        external = None if self.external is None else self.external[:end]
        local = LocalState(*(values[:end] for values in self.local))
        return Episode(self.scenario, local, self.cost[:end], infos, external)

    def to_csv(self, path: str | Path) -> None:
        """Write one row per period and firm: what it saw, ordered and paid; UTF-8, numbers with a decimal point.

        Raises:
            ScenvError: where the file cannot be written.
        """
        try:
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(self.table())
        except OSError as error:
            raise ScenvError(f"{path}: cannot be written ({error.strerror})") from error

    def table(self) -> Iterator[list[Any]]:
        """The rows that `to_csv` writes, the heading first."""
        network = self.scenario.network
        columns = {**self.local._asdict(), "ordered": self.orders, **self.infos, "cost": self.cost}
        yield ["period", "firm", "stage", *columns]
        for period in range(self.periods):
            for i, name in enumerate(network.agents):
                # Nothing is ordered at the end of the last period.
                cells = [values[period, i] if period < len(values) else "" for values in columns.values()]
                yield [period, name, network.stages[name], *cells]

    def by_stage(self, values: np.ndarray) -> np.ndarray:
        """Sum [.., N] over the firms of each stage: [.., S]."""
        network = self.scenario.network
        stages = np.array([network.stages[name] for name in network.agents])
        total = np.zeros((*values.shape[:-1], int(stages.max()) + 1))
        for stage in range(total.shape[-1]):
            total[..., stage] = values[..., stages == stage].sum(axis=-1)
        return total


class EpisodeRecorder:
    """Keeps what one row of a vector environment lives through; a new episode starts a new record."""

    def __init__(self, scenario: Scenario, row: int = 0) -> None:
        self._scenario = scenario
        self._row = row
        self._rows: list[np.ndarray] = []
        self._infos: list[str] = []
        self._external: np.ndarray | None = None

    def observe(self, batch: VectorEnv) -> None:
        """Record the period just observed; call after every `reset` and every step."""
        if batch.period == 0:
            self._rows = []
        self._infos = [name for name in batch.last_info if name != "cost"]
        columns = (*batch.local_state, batch.last_info["cost"], *(batch.last_info[name] for name in self._infos))
        self._rows.append(np.array([np.asarray(column[self._row], dtype=np.float64) for column in columns]))
        self._external = batch.exogenous.demand[self._row] if len(self._scenario.network.selling_depots) else None

    def episode(self) -> Episode:
        """What is on record so far; at least one period must be."""
        fields = np.stack(self._rows, axis=1)
        size = len(LocalState._fields)
        infos = dict(zip(self._infos, fields[size + 1 :], strict=True))
        external = None if self._external is None else self._external[: len(self._rows)]
        return Episode(self._scenario, LocalState(*fields[:size]), fields[size], infos, external)


def record_episode(
    policy: Policy | str,
    scenario: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2",
    *,
    seed: int = 0,
    **overrides: Any,
) -> Episode:
    """Live through one episode under a policy and keep all of it.

    Args:
        policy: a `scenv.policies.Policy`, or the name of one (`make_policy`).
        scenario: name, path, mapping, graph or Scenario.
        seed: of the demand; the same demand that `parallel_env` meets after `reset(seed=seed)`.
        **overrides: fields of the scenario.

    Raises:
        ScenarioError, ActionError, PolicyError: as `evaluate`.

    Example:
        >>> episode = record_episode("base-stock", "bg", seed=1)
        >>> episode.periods
        50
    """
    seed, loaded = whole_number(seed, "seed", 0), load_scenario(scenario, **overrides)
    name = policy if isinstance(policy, str) else type(policy).__name__
    made = make_policies({name: policy}, loaded)[name]
    env = VectorEnv(loaded, num_envs=1, seed=seed)
    recorder = EpisodeRecorder(env.scenario)
    env.reset()
    begin(made, name, 1, seed)
    recorder.observe(env)
    conducted = Conducted(made, name, env)
    while env.period < env.horizon - 1:
        env.step_policy(conducted)
        recorder.observe(env)
    return recorder.episode()
