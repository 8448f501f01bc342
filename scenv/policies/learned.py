"""Learned policies, one per firm, from the files that `pmarl-export` writes: numpy only, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.policies.base import AnsweredDemand, as_array_like, at_least_zero
from scenv.policies.firm_policy import FirmPolicy
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState
from scenv.simulation.observation import LOCAL_STATE_SIZE, FunctionalHistory


class LearnedPolicies:
    """Every firm decides alone, by its own network, from its own last periods: q = max(0, d + a), a the most probable.

    Example:
        >>> scenv.evaluate(scenv.policies.LearnedPolicies("policies/", "r2"), "r2")  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, scenario: Any = None) -> None:
        """Read every firm's policy.

        Args:
            folder: what `pmarl-export` wrote, NAME.json and NAME.safetensors for each firm.
            scenario: what the policies shall run on (name, path, mapping, graph or Scenario): every firm of it must
                have a policy that fits. Without it, the firms are those of the folder, in their order in training.

        Raises:
            ScenarioError: if a file is missing or damaged, or does not fit the scenario.
        """
        folder = Path(folder)
        found = sorted(folder.glob("*.json"))
        if not found:
            raise ScenarioError(f"{folder}: holds no policies; expected the folder that pmarl-export wrote")
        policies = {policy.agent: policy for policy in map(FirmPolicy.from_file, found)}
        if scenario is None:
            self.firms = _in_order_of_training(folder, policies)
        else:
            scenario = load_scenario(scenario)
            self.firms = _for_scenario(folder, policies, scenario)
        sizes = {firm.observation_size for firm in self.firms}
        if len(sizes) > 1 or min(sizes) % LOCAL_STATE_SIZE:
            raise ScenarioError(f"{folder}: firms observe {sorted(sizes)} numbers; scenv's see 5 a period, all alike")
        self._memory = min(sizes) // LOCAL_STATE_SIZE - 1
        self._history: FunctionalHistory | None = None
        self._answered = None if scenario is None else AnsweredDemand(scenario)

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forget the past: what was before the start is observed as zeros."""
        self._history = None
        if self._answered is not None:
            self._answered.reset()

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]; each call is one period, which enters what the firms remember."""
        return self._ordered(state.demand, self._adjustments(state))

    def orders_within(self, observed: LocalState, seen: LocalState) -> Array:
        """Order quantities [B, N] where firms order within a period: each adjusts the demand that it knows by then, by
        what it decided on its observations before.
        """
        return self._ordered(seen.demand, self._adjustments(observed))

    def _ordered(self, demand: Array, adjustments: np.ndarray) -> Array:
        answered = np.asarray(demand) if self._answered is None else self._answered.of(np.asarray(demand))
        return as_array_like(at_least_zero(answered + adjustments), demand)

    def _adjustments(self, state: LocalState) -> np.ndarray:
        """[B, N] the most probable action's, from the history with the period `state` added."""
        num_envs, firms = state.demand.shape
        if firms != len(self.firms):
            raise ScenarioError(f"these are policies of {len(self.firms)} firms, not of {firms}")
        local = LocalState(*(np.asarray(field).T for field in state))  # [N, B], as a history takes it
        if self._history is None:
            self._history = FunctionalHistory(num_envs, firms, self._memory, local.demand)
        observations = self._history.append(local)
        adjustments = [firm.action_values[firm.actions(observations[:, i])] for i, firm in enumerate(self.firms)]
        return np.stack(adjustments, axis=1)


def _in_order_of_training(folder: Path, policies: dict[str, FirmPolicy]) -> tuple[FirmPolicy, ...]:
    firms = tuple(sorted(policies.values(), key=lambda policy: policy.position))
    if [policy.position for policy in firms] != list(range(firms[0].team)):
        raise ScenarioError(f"{folder}: holds {len(firms)} of the {firms[0].team} policies that were trained together")
    return firms


def _for_scenario(folder: Path, policies: dict[str, FirmPolicy], scenario: Scenario) -> tuple[FirmPolicy, ...]:
    """Each firm's policy, in the scenario's order, if they fit it."""
    missing = [agent for agent in scenario.network.agents if agent not in policies]
    if missing:
        more = f" and {len(missing) - 1} more firms" if missing[1:] else ""
        raise ScenarioError(f"{folder}: holds no policy for {missing[0]!r}{more} of network {scenario.network.name}")
    firms = tuple(policies[agent] for agent in scenario.network.agents)
    size, adjustments = LOCAL_STATE_SIZE * (scenario.history + 1), scenario.actions.adjustments
    for firm in firms:
        if firm.observation_size != size:
            raise ScenarioError(
                f"{folder}: {firm.agent!r} was trained on {firm.observation_size} observed numbers, "
                f"but the scenario's history={scenario.history} makes {size}"
            )
        if not np.array_equal(firm.action_values, adjustments):
            trained = f"{firm.action_values.min():g} .. {firm.action_values.max():g}"
            raise ScenarioError(
                f"{folder}: {firm.agent!r} was trained to adjust its orders by {trained}, "
                f"but the scenario allows {adjustments.min()} .. {adjustments.max()}"
            )
    return firms
