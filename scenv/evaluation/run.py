"""Evaluation: what policies cost, with confidence intervals, on demand paths that they all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, overload

import networkx as nx
import numpy as np

from scenv.errors import ScenarioError
from scenv.evaluation.comparison import Comparison
from scenv.evaluation.intervals import mean_interval
from scenv.evaluation.statistics import RunStatistics
from scenv.network.network import Network
from scenv.policies.base import Policy
from scenv.policies.registry import make_policy
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv

ScenarioSource: TypeAlias = str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one policy did over a number of episodes. All counts leave the warm-up periods out.

    An episode's cost is Z = sum over counted periods and firms (paper eq. 2).

    Attributes:
        scenario: what was simulated; N firms in S stages (0 = nearest the customer).
        seed: of the demand paths; the same seed and scenario give every policy the same paths.
        firm_costs: [episodes, N] cost of each firm in each episode.
        holding_costs: [episodes, N] the part of it that is for stock.
        demand: [episodes, N] units ordered from each firm.
        late: [episodes, N] units of them that were not served in the period they were ordered in, lost ones included.
        order_variance: [episodes, S] variance over time of each stage's total orders.
        demand_variance: [episodes, S] variance over time of the end demand for what passes each stage.
    """

    scenario: Scenario
    seed: int
    firm_costs: np.ndarray
    holding_costs: np.ndarray
    demand: np.ndarray
    late: np.ndarray
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
        """[episodes, N] the part of the cost that is for backorders."""
        return self.firm_costs - self.holding_costs

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
        """Mean cost of backorders by firm."""
        return self._by_firm(self.backorder_costs.mean(axis=0))

    @property
    def fill_rates(self) -> dict[str, float]:
        """By firm, the part of what was ordered from it that it served in the same period; NaN without demand."""
        return self._by_firm(_fill_rate(self.late.sum(axis=0), self.demand.sum(axis=0)))

    @property
    def fill_rate(self) -> float:
        """What end customers see: the part of their demand that all retailers together served at once."""
        retailers = self.scenario.network.retailers
        return float(_fill_rate(self.late[:, retailers].sum(), self.demand[:, retailers].sum()))

    @property
    def per_stage(self) -> list[dict[str, float]]:
        """Per stage, nearest the customer first: mean cost for stock and for backorders, fill rate, bullwhip ratio."""
        stages = np.array([self.scenario.network.stages[name] for name in self.agents])
        rows = []
        for stage, bullwhip in enumerate(self.bullwhip):
            firms = stages == stage
            rows.append(
                {
                    "holding": float(self.holding_costs[:, firms].sum(axis=1).mean()),
                    "backorder": float(self.backorder_costs[:, firms].sum(axis=1).mean()),
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


@overload
def evaluate(
    policy: Policy | str, scenario: ScenarioSource = ..., *, episodes: int = ..., seed: int = ..., **overrides: Any
) -> Evaluation: ...


@overload
def evaluate(
    policy: Mapping[str, Policy | str] | Sequence[Policy | str],
    scenario: ScenarioSource = ...,
    *,
    episodes: int = ...,
    seed: int = ...,
    **overrides: Any,
) -> Comparison: ...


def evaluate(
    policy: Policy | str | Mapping[str, Policy | str] | Sequence[Policy | str],
    scenario: ScenarioSource = "r2",
    *,
    episodes: int = 100,
    seed: int = 0,
    **overrides: Any,
) -> Evaluation | Comparison:
    """Run a policy for a number of episodes and add up its costs; or several policies, on the same demand paths.

    Args:
        policy: a `scenv.policies.Policy`, which orders real quantities, or the name of one (`make_policy`); or
            several, as a mapping from names of your choice or as a list.
        scenario: name, path, mapping, graph or Scenario.
        episodes: number of independent episodes, all simulated in one batch.
        seed: of the demand paths (common random numbers across policies).
        **overrides: fields of the scenario.

    Returns:
        An `Evaluation` for one policy; a `Comparison` of evaluations for several.

    Raises:
        ScenarioError: for an unknown name, a bad scenario, or fewer than one episode.

    Example:
        >>> result = evaluate("base-stock", "bg", episodes=10)
        >>> len(result.episode_costs)
        10
        >>> both = evaluate(["base-stock", "decomposition-aggregation"], "bg", episodes=10)
        >>> both.difference("decomposition-aggregation").ratio < 1
        True
    """
    if episodes < 1:
        raise ScenarioError(f"episodes must be at least 1, got {episodes}")
    loaded = load_scenario(scenario, **overrides)
    if isinstance(policy, str) or not isinstance(policy, Mapping | Sequence):
        return _run(_policy(policy, loaded), loaded, episodes, seed)
    named = policy if isinstance(policy, Mapping) else _named(policy)
    return Comparison({name: _run(_policy(one, loaded), loaded, episodes, seed) for name, one in named.items()})


def _run(policy: Policy, scenario: Scenario, episodes: int, seed: int) -> Evaluation:
    env = VectorEnv(scenario, num_envs=episodes, seed=seed)
    env.reset()
    policy.reset(episodes, seed)
    counts = RunStatistics(scenario, episodes)
    while True:
        local, counted = env.local_state, env.period >= env.warmup
        if counted:
            counts.count_period(local, env.last_info["cost"], env.last_info.get("lost_sales"))
        if env.period == env.horizon - 1:
            break
        orders = np.asarray(policy.orders(local))
        if counted:  # a closed firm orders nothing, whatever it decided
            counts.count_orders(local, np.where(env.last_info.get("closed", False), 0.0, orders))
        env.step_orders(orders)
    return Evaluation(
        scenario=scenario,
        seed=seed,
        firm_costs=counts.costs,
        holding_costs=counts.holding_costs,
        demand=counts.demand,
        late=counts.late,
        order_variance=counts.order_variance,
        demand_variance=counts.demand_variance,
    )


def _policy(policy: Policy | str, scenario: Scenario) -> Policy:
    return make_policy(policy, scenario) if isinstance(policy, str) else policy


def _named(policies: Sequence[Policy | str]) -> dict[str, Policy | str]:
    """Names for a list of policies: their own, or their class's, with a number where one would come twice."""
    named: dict[str, Policy | str] = {}
    for policy in policies:
        name = own = policy if isinstance(policy, str) else type(policy).__name__
        while name in named:
            name = f"{own} {sum(known.split(' ')[0] == own for known in named) + 1}"
        named[name] = policy
    return named
