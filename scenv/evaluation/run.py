"""Run policies for a number of episodes, on demand paths that they all share, and add up their costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload

import networkx as nx
import numpy as np

from scenv.errors import ScenarioError
from scenv.evaluation.comparison import Comparison
from scenv.evaluation.conduct import Conducted, begin, whole_number
from scenv.evaluation.result import Evaluation
from scenv.evaluation.statistics import RunStatistics
from scenv.evaluation.trace import Trace
from scenv.network.network import Network
from scenv.policies.base import Policy
from scenv.policies.registry import make_policies
from scenv.progress import track
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv

ScenarioSource: TypeAlias = str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario


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

    All policies are made before the first one runs, those that search last: what does not suit the scenario is refused
    at once.

    Args:
        policy: a `scenv.policies.Policy`, which orders real quantities, or the name of one (`make_policy`); or
            several, as a mapping from names of your choice or as a list.
        scenario: name, path, mapping, graph or Scenario.
        episodes: number of independent episodes, all simulated in one batch.
        seed: of the demand paths (common random numbers across policies), a whole number of at least 0.
        **overrides: fields of the scenario.

    Returns:
        An `Evaluation` for one policy; a `Comparison` of evaluations for several.

    Raises:
        ScenarioError: for an unknown name, a bad scenario, a policy that does not suit it, or numbers of episodes or
            seeds that are none.
        ActionError: if a policy orders what is no finite quantity of at least 0 for each episode and firm.
        PolicyError: if it is no policy, or raises an exception of its own, which is the cause of this one.

    Example:
        >>> result = evaluate("base-stock", "bg", episodes=10)
        >>> len(result.episode_costs)
        10
        >>> both = evaluate(["base-stock", "decomposition-aggregation"], "bg", episodes=10)
        >>> both.difference("decomposition-aggregation").ratio < 1
        True
    """
    if isinstance(policy, str) or not isinstance(policy, Mapping | Sequence):
        return next(iter(evaluate([policy], scenario, episodes=episodes, seed=seed, **overrides).values()))
    episodes, seed = whole_number(episodes, "episodes", 1), whole_number(seed, "seed", 0)
    loaded = load_scenario(scenario, **overrides)
    policies = policies_for(policy, loaded, "evaluate")
    return Comparison({name: run_policy(name, made, loaded, episodes, seed) for name, made in policies.items()})


def policies_for(
    policies: Mapping[str, Policy | str] | Sequence[Policy | str], scenario: Scenario, asker: str
) -> dict[str, Policy]:
    """Several policies by name, each made for the scenario; errors as in `evaluate`."""
    if not policies:
        raise ScenarioError(f"{asker} needs at least one policy, got none")
    return make_policies(policies if isinstance(policies, Mapping) else _named(policies), scenario)


def run_policy(
    name: str, policy: Policy, scenario: Scenario, episodes: int, seed: int, trace: Trace | None = None
) -> Evaluation:
    """Run one policy, and record every period of it in `trace` if there is one. Errors as in `evaluate`."""
    env = VectorEnv(scenario, num_envs=episodes, seed=seed)
    env.reset()
    begin(policy, name, episodes, seed)
    conducted, counts = Conducted(policy, name, env), RunStatistics(scenario, env.structure, episodes)
    for period in track(range(scenario.horizon), f"{name}: periods"):
        counted = period >= scenario.warmup
        if trace is not None:
            trace.record(env)
        if counted:
            counts.count_period(env.local_state, env.state, env.last_info)
        if period < scenario.horizon - 1:
            before = _end_demand(env)
            env.step_policy(conducted)
            if counted:
                within = env.orders_within[scenario.network.retailers]  # they answer the demand of the period itself
                counts.count_orders(np.where(within, _end_demand(env), before) if within.any() else before, env.ordered)
    return Evaluation(
        scenario=scenario,
        seed=seed,
        firm_costs=counts.costs,
        holding_costs=counts.holding_costs,
        order_costs=counts.order_costs,
        overflow_costs=counts.overflow_costs,
        demand=counts.demand,
        late=counts.late,
        end_demand=counts.end_demand,
        end_late=counts.end_late,
        lost=counts.lost,
        order_variance=counts.order_variance,
        demand_variance=counts.demand_variance,
    )


def _end_demand(env: VectorEnv) -> np.ndarray:
    """[B, R] the end customers' demand of the period just observed."""
    if not len(env.scenario.network.selling_depots):
        return np.asarray(env.local_state.demand[:, env.scenario.network.retailers])
    return np.asarray(env.exogenous.demand[:, env.period])


def _named(policies: Sequence[Policy | str]) -> dict[str, Policy | str]:
    """Names for a list of policies: their own, or their class's, with a number where one would come twice."""
    named: dict[str, Policy | str] = {}
    for policy in policies:
        name = own = policy if isinstance(policy, str) else type(policy).__name__
        while name in named:
            name = f"{own} {sum(known.split(' ')[0] == own for known in named) + 1}"
        named[name] = policy
    return named
