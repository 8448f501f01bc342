"""What an evaluation counts while it simulates: costs by kind, service, and how orders swing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scenv.scenario.implied import firm_demand_moments, overflow_costs, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.dynamics import LocalState, State
from scenv.simulation.structure import Structure


def late_units(structure: Structure, state: State) -> np.ndarray:
    """[N, B] units of this period's orders that each firm did not serve in the period, lost ones included.

    Each link is served first come, first served, so what is still owed on it was ordered last. That holds by link only:
    of what a firm owes in all, some may be old debt to one customer while another's new order was served
    (`allocation="priority"`).
    """
    owed: np.ndarray = structure.sellers.sum(np.minimum(state.backorder, state.claims))
    return owed if state.lost is None else owed + state.lost


_DUST = 1e-13


class RunStatistics:
    """Running sums over the counted periods of B episodes of N firms in S stages.

    Attributes:
        costs, holding_costs, order_costs, overflow_costs: [B, N] cost so far; the parts of it that are for stock, for
            orders and for goods at the gate of a full stock. The rest is for backorders.
        end_demand, end_late: [B, R] the same of end customers, by retailer.
        demand, late, lost: [B, N] units ordered from each firm so far; those of them that were not served in the same
            period; those of the latter that were lost.
    """

    def __init__(self, scenario: Scenario, structure: Structure, episodes: int) -> None:
        self._structure = structure
        network = scenario.network
        stages = np.array([network.stages[name] for name in network.agents])
        self._in_stage = (stages[:, None] == np.arange(stages.max() + 1)).astype(np.float64)  # [N, S]
        self._demand_of_stage = network.demand_weights.T @ self._in_stage  # [R, S]
        self._holding_cost = unit_costs(scenario)[0]
        self._overflow_cost = overflow_costs(scenario)
        self.costs, self.holding_costs, self.order_costs, self.overflow_costs = np.zeros(
            (4, episodes, len(network.agents))
        )
        self.demand, self.late, self.lost = np.zeros((3, episodes, len(network.agents)))
        self._retailers = network.retailers
        self.end_demand, self.end_late = np.zeros((2, episodes, len(network.retailers)))
        flow = firm_demand_moments(scenario)[0] @ self._in_stage
        self._orders = _Variance(flow, episodes)
        self._end_demand = _Variance(flow, episodes)

    def count_period(self, local: LocalState, state: State, info: Mapping[str, np.ndarray]) -> None:
        """Add a period: local states [B, N], the whole state at its end, costs [B, N] and what else infos show."""
        self.costs += info["cost"]
        self.holding_costs += self._holding_cost * local.on_hand
        self.order_costs += info.get("order_cost", 0.0)
        self.overflow_costs += self._overflow_cost * info.get("waiting", 0.0)
        self.demand += local.demand
        self.late += late_units(self._structure, state).T
        outside = slice(self._structure.num_edges, None)
        self.end_demand += state.claims[outside].T
        self.end_late += np.minimum(state.backorder[outside], state.claims[outside]).T
        if state.lost is not None:
            self.end_late += state.lost.T[:, self._retailers]
            self.lost += state.lost.T

    def count_orders(self, answered: np.ndarray, orders: np.ndarray) -> None:
        """Add the decisions of a counted period: orders [B, N], and the end customers' demand [B, R] that they
        answer.
        """
        self._orders.add(orders @ self._in_stage)
        self._end_demand.add(answered @ self._demand_of_stage)

    @property
    def order_variance(self) -> np.ndarray:
        """[B, S] variance over time of each stage's total orders; NaN for fewer than two periods."""
        return self._orders.value

    @property
    def demand_variance(self) -> np.ndarray:
        """[B, S] variance over time of the end customers' demand for what passes each stage, with equal split."""
        return self._end_demand.value


class _Variance:
    """Variance over time of [B, K] numbers, summed about a `centre` [K] near their mean so that no digits are lost."""

    def __init__(self, centre: np.ndarray, episodes: int) -> None:
        self._centre = centre
        self._periods = 0
        self._sum, self._squares = np.zeros((2, episodes, len(centre)))

    def add(self, values: np.ndarray) -> None:
        deviation = values - self._centre
        self._periods += 1
        self._sum += deviation
        self._squares += deviation**2

    @property
    def value(self) -> np.ndarray:
        if self._periods < 2:
            return np.full_like(self._sum, np.nan)
        squares = self._squares / self._periods
        variance = squares - (self._sum / self._periods) ** 2
        return np.where(variance > _DUST * squares, variance, 0.0)  # of a constant, rounding leaves no variance
