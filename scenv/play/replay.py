"""A game once more on the same demand, with other decisions: what if somebody else had sat there?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scenv.evaluation.conduct import Conducted, begin
from scenv.play.decisions import Decisions
from scenv.play.opponents import make_opponent
from scenv.policies.base import Policy
from scenv.policies.mixed import Mixed
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv

__all__ = ["replay", "with_policy"]


def with_policy(scenario: Scenario, firms: list[int], policy: Policy, others: str) -> Policy:
    """`policy` at these firms (positions in `agents`), the policy named `others` at all the rest."""
    own: Mapping[str, Policy] = {scenario.network.agents[firm]: policy for firm in firms}
    return Mixed(scenario, own, others=make_opponent(others, scenario))


def replay(scenario: Scenario, seed: int, policy: Policy, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Live through B episodes, all on the demand of a game with this seed.

    Args:
        scenario: the game's, T periods of N firms.
        seed: the game's.
        policy: who orders where nothing is given; it sees every period of every row.
        given: [B, T - 1, N] orders, units; NaN leaves one to the policy.

    Returns:
        (cost [B, T, N], what the policy orders or would have ordered [B, T - 1, N]).
    """
    rows = len(given)
    env = VectorEnv(scenario, num_envs=rows, seed=[seed] * rows)
    env.reset()
    begin(policy, "replay", rows, seed)
    conducted = Conducted(policy, "replay", env)
    costs, advice = [env.last_info["cost"]], []
    for period in range(env.horizon - 1):
        decisions = Decisions(conducted, given[:, period])
        env.step_policy(decisions)
        advice.append(decisions.advice)
        costs.append(env.last_info["cost"])
    return np.stack(costs, axis=1), np.stack(advice, axis=1)
