"""What an evaluation of one policy found: costs, service and the bullwhip ratio, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenv.evaluation.intervals import mean_interval
from scenv.scenario.implied import extensions
from scenv.scenario.scenario import Scenario

__all__ = ["Evaluation"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one policy did over a number of episodes. All counts leave the warm-up periods out.

    An episode's cost is Z = sum over counted periods and firms (paper eq. 2).

    Attributes:
        scenario: what was simulated; N firms in S stages (0 = nearest the customer).
        seed: of the demand paths; the same seed and scenario give every policy the same paths.
        firm_costs: [episodes, N] cost of each firm in each episode.
        holding_costs: [episodes, N] the part of it that is for stock.
        order_costs: [episodes, N] the part that is for orders, whatever their size (`order_cost`).
        overflow_costs: [episodes, N] the part that is for goods at the gate of a full stock (`storage_capacity`).
        demand: [episodes, N] units ordered from each firm.
        late: [episodes, N] units of them that were not served in the period they were ordered in, lost ones included.
        end_demand, end_late: [episodes, R] the same two of end customers, by retailer.
        lost: [episodes, N] units of external demand that were lost; 0 where unmet demand is owed.
        order_variance: [episodes, S] variance over time of each stage's total orders.
        demand_variance: [episodes, S] variance over time of the end demand for what passes each stage.
    """

    scenario: Scenario
    seed: int
    firm_costs: np.ndarray
    holding_costs: np.ndarray
    order_costs: np.ndarray
    overflow_costs: np.ndarray
    demand: np.ndarray
    late: np.ndarray
    end_demand: np.ndarray
    end_late: np.ndarray
    lost: np.ndarray
    order_variance: np.ndarray
    demand_variance: np.ndarray

    @property
    def agents(self) -> tuple[str, ...]:
        """The N firms, in the order of the arrays."""
        return self.scenario.network.agents

    @property
    def episode_costs(self) -> np.ndarray:
        """[episodes] total cost Z of each episode."""
        return self.firm_costs.sum(axis=1)

    @property
    def mean(self) -> float:
        """Mean total cost."""
        return float(self.episode_costs.mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """The 95 % confidence interval of the mean (Student's t over episodes)."""
        return mean_interval(self.episode_costs)

    @property
    def backorder_costs(self) -> np.ndarray:
        """[episodes, N] the part of the cost that is for unmet demand: backorders, and lost units."""
        return self.firm_costs - self.holding_costs - self.order_costs - self.overflow_costs

    @property
    def other_costs(self) -> dict[str, np.ndarray]:
        """Kind -> [episodes, N] of the kinds of cost beside stock and backorders that the scenario has: "orders",
        "overflow".
        """
        there = extensions(self.scenario)
        kinds = {"orders": ("order_cost", self.order_costs), "overflow": ("storage_capacity", self.overflow_costs)}
        return {name: costs for name, (field, costs) in kinds.items() if field in there}

    @property
    def per_agent(self) -> dict[str, float]:
        """Mean cost by firm."""
        return self._by_firm(self.firm_costs.mean(axis=0))

    @property
    def holding_per_agent(self) -> dict[str, float]:
        """Mean cost of stock by firm."""
        return self._by_firm(self.holding_costs.mean(axis=0))

    @property
    def backorder_per_agent(self) -> dict[str, float]:
        """Mean cost of unmet demand by firm: backorders, and lost units."""
        return self._by_firm(self.backorder_costs.mean(axis=0))

    @property
    def other_costs_per_agent(self) -> dict[str, dict[str, float]]:
        """Mean costs by firm of each kind in `other_costs`."""
        return {kind: self._by_firm(costs.mean(axis=0)) for kind, costs in self.other_costs.items()}

    @property
    def fill_rates(self) -> dict[str, float]:
        """By firm, the part of what was ordered from it that it served in the same period; NaN without demand."""
        return self._by_firm(_fill_rate(self.late.sum(axis=0), self.demand.sum(axis=0)))

    @property
    def fill_rate(self) -> float:
        """What end customers see: the part of their demand that all retailers together served at once."""
        return float(_fill_rate(self.end_late.sum(), self.end_demand.sum()))

    @property
    def per_stage(self) -> list[dict[str, float]]:
        """Per stage, nearest the customer first: mean cost for stock, for backorders and of other kinds that the
        scenario has (`other_costs`), fill rate, bullwhip ratio.
        """
        stages = np.array([self.scenario.network.stages[name] for name in self.agents])
        rows = []
        for stage, bullwhip in enumerate(self.bullwhip):
            firms = stages == stage
            rows.append(
                {
                    "holding": float(self.holding_costs[:, firms].sum(axis=1).mean()),
                    "backorder": float(self.backorder_costs[:, firms].sum(axis=1).mean()),
                    **{name: float(costs[:, firms].sum(axis=1).mean()) for name, costs in self.other_costs.items()},
                    "fill_rate": float(_fill_rate(self.late[:, firms].sum(), self.demand[:, firms].sum())),
                    "bullwhip": bullwhip,
                }
            )
        return rows

    @property
    def bullwhip(self) -> list[float]:
        """Bullwhip ratio per stage: variance of its orders over that of the end demand for what passes it.

        Variances are over time, averaged over episodes. Above 1, orders swing more than demand (Lee, Padmanabhan &
        Whang 1997). NaN where demand does not vary.
        """
        orders, demand = self.order_variance.mean(axis=0), self.demand_variance.mean(axis=0)
        ratio = np.full(len(orders), np.nan)
        np.divide(orders, demand, out=ratio, where=demand > 0)
        return [float(value) for value in ratio]

    def __str__(self) -> str:
        """Mean and half-width of the interval, e.g. `1234.5 ± 6.7 (100 episodes)`."""
        return f"{self.mean:.1f} ± {(self.ci95[1] - self.ci95[0]) / 2:.1f} ({len(self.episode_costs)} episodes)"

    def _by_firm(self, values: np.ndarray) -> dict[str, float]:
        return dict(zip(self.agents, values.tolist(), strict=True))


def _fill_rate(late: Any, demand: Any) -> np.ndarray:
    demand = np.asarray(demand, dtype=np.float64)
    return 1 - np.divide(late, demand, out=np.full(demand.shape, np.nan), where=demand > 0)
