"""Evaluation: what a policy costs, with a confidence interval, on demand paths that every policy shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from scipy import stats

from scenv.network import Network
from scenv.policies.base import Policy
from scenv.scenario import Scenario
from scenv.scenario_files import load_scenario
from scenv.vector_env import VectorEnv


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Costs of one policy over a number of episodes. An episode's cost is Z = sum over counted periods and firms
    (paper eq. 2).

    Attributes:
        agents: the N firms.
        firm_costs: [episodes, N] cost of each firm in each episode, warm-up periods left out.
        seed: of the demand paths; the same seed and scenario give every policy the same paths.
    """

    agents: tuple[str, ...]
    firm_costs: np.ndarray
    seed: int

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
    def per_agent(self) -> dict[str, float]:
        """Mean cost by firm."""
        return dict(zip(self.agents, self.firm_costs.mean(axis=0).tolist(), strict=True))

    def __str__(self) -> str:
        """Mean and half-width of the interval, e.g. `1234.5 ± 6.7 (100 episodes)`."""
        return f"{self.mean:.1f} ± {(self.ci95[1] - self.ci95[0]) / 2:.1f} ({len(self.episode_costs)} episodes)"


def mean_interval(samples: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of a mean at `level`; (nan, nan) for fewer than two samples."""
    if len(samples) < 2:
        return float("nan"), float("nan")
    mean, error = float(np.mean(samples)), float(stats.sem(samples))
    half = float(stats.t.ppf(0.5 + level / 2, len(samples) - 1)) * error
    return mean - half, mean + half


def evaluate(
    policy: Policy,
    scenario: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2",
    *,
    episodes: int = 100,
    seed: int = 0,
    **overrides: Any,
) -> Evaluation:
    """Run a policy for a number of episodes and add up its costs.

    Args:
        policy: see `scenv.policies.Policy`; it orders real quantities.
        scenario: name, path, mapping, graph or Scenario.
        episodes: number of independent episodes, all simulated in one batch.
        seed: of the demand paths (common random numbers across policies).
        **overrides: fields of the scenario.

    Example:
        >>> from scenv.policies import BaseStock
        >>> result = evaluate(BaseStock("bg"), "bg", episodes=10)
        >>> len(result.episode_costs)
        10
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    env = VectorEnv(load_scenario(scenario, **overrides), num_envs=episodes, seed=seed)
    env.reset()
    policy.reset(episodes, seed)
    costs = np.zeros((episodes, len(env.agents)))
    while True:
        if env.period >= env.warmup:
            costs += env.last_info["cost"]
        if env.period == env.horizon - 1:
            return Evaluation(agents=env.agents, firm_costs=costs, seed=seed)
        env.step_orders(policy.orders(env.local_state))
