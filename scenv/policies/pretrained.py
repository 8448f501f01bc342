"""A policy for any network, without training: learned once on random networks, shipped with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.policies.base import AnsweredDemand, as_array_like, at_least_zero
from scenv.policies.context_network import SEEN, adjustment, context_of, shapes
from scenv.policies.firm_policy import read_tensors
from scenv.policies.place import FEATURES, deviations, places_of
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import demand_moments, extensions, firm_demand_moments, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState
from scenv.simulation.structure import build_structure

__all__ = ["WEIGHTS", "Pretrained"]

#: What is shipped; the docs' page "A policy for your network in one minute" is its card.
WEIGHTS = Path(__file__).parent / "data" / "pretrained.safetensors"
#: Standard deviation over mean of a retailer's demand below which nothing was trained.
_LEAST_VARIATION = 0.05


class Pretrained:
    """One small network decides for every firm, whatever the supply network: q = max(0, d + a).

    It was trained by the simulator's own gradient (Alvo, Russo & Kanoria 2023) on random layered networks only, never
    on a real one. Before operation a graph network reads structure, costs, lead times and demand of the whole network
    once, and gives each firm its context. In operation a firm decides from that and from its own six periods, nothing
    else. It counts in standard deviations of its own demand.

    Attributes:
        agents: the N firms.
        beyond: what of the scenario is unlike anything it was trained on, one sentence each; it is used all the same.

    Example:
        >>> import scenv
        >>> result = scenv.evaluate(["base-stock", Pretrained("bg")], "bg", episodes=10)
        >>> result.difference("Pretrained").ratio < 0.8
        True
    """

    def __init__(self, scenario: Any = "r2", *, weights: str | Path = WEIGHTS) -> None:
        """Read the network once.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            weights: a safetensors file of `python -m benchmarks.pretrain`; the shipped one by default.

        Raises:
            ScenarioError: if the file is missing or damaged; if the scenario loses unmet demand, which the policy has
                not learned, or if nothing costs anything.
        """
        scenario = load_scenario(scenario)
        _require_suited(scenario)
        self.agents = scenario.network.agents
        structure = build_structure(scenario)
        self.beyond = _beyond(scenario, structure.lead_time)
        self._parameters = _read(Path(weights))
        self._places = places_of(scenario, structure)
        self._context = context_of(
            self._parameters, self._places.features, self._places.of_customers, self._places.of_suppliers
        )
        self._flows = firm_demand_moments(scenario)[0] > 0
        self._window: np.ndarray | None = None
        self._answered = AnsweredDemand(scenario)

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forget the past: before the start everything was as usual."""
        self._window = None
        self._answered.reset()

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]; each call is one period, which enters what the firms remember."""
        num_envs, firms = state.demand.shape
        if firms != len(self.agents):
            raise ScenarioError(f"this is a policy of {len(self.agents)} firms, not of {firms}")
        now = deviations(np.stack([np.asarray(field).T for field in state]), self._places.usual, self._places.unit)
        if self._window is None:
            self._window = np.zeros((firms, num_envs, SEEN), dtype=np.float32)
        self._window = np.concatenate([self._window[:, :, now.shape[2] :], now], axis=2)
        adjusted = adjustment(self._parameters, self._context, self._window) * self._places.unit[:, None]
        quantities = at_least_zero(self._answered.of(np.asarray(state.demand)) + adjusted.T) * self._flows
        return as_array_like(quantities, state.demand)


def _require_suited(scenario: Scenario) -> None:
    if scenario.lost_sales:
        raise ScenarioError("policy pretrained has learned that unmet demand waits; expected lost_sales: false")
    holding, backorder = unit_costs(scenario)
    if holding.max() <= 0 or backorder.max() <= 0:
        raise ScenarioError("policy pretrained weighs holding against backorder costs; expected both above 0 somewhere")


def _beyond(scenario: Scenario, lead_time: np.ndarray) -> tuple[str, ...]:
    """What it has not been trained on; `lead_time` [N] is the firms'."""
    found = [f"{field}: none in training" for field in extensions(scenario) if not field.endswith("lead_time")]
    if any(field.endswith("lead_time") for field in extensions(scenario)):
        found.append("random lead times: fixed ones in training")
    elif lead_time.min() < 2 or lead_time.max() > 9:
        found.append(f"lead times of {lead_time.min()} to {lead_time.max()} periods: 2 to 9 in training")
    holding, backorder = unit_costs(scenario)
    ratio = backorder[scenario.network.retailers] / np.maximum(holding[scenario.network.retailers], 1e-12)
    if ratio.min() < 1 or ratio.max() > 10:
        found.append("backorder over holding cost at a retailer: 1 to 10 in training")
    mean, std = demand_moments(scenario)
    if (std < _LEAST_VARIATION * mean).any():
        found.append("a retailer's demand that varies by less than 5 % of its mean: more in training")
    if not scenario.demand.stationary:
        found.append("demand that changes with time: stationary demand in training")
    return tuple(found)


def _read(path: Path) -> dict[str, np.ndarray]:
    """The parameters, if they are what this policy needs.

    Raises:
        ScenarioError: naming the file and what is wrong.
    """
    tensors = read_tensors(path)
    sizes = [tensors[name].shape for name in ("place.weight", "second") if name in tensors]
    if len(sizes) < 2 or any(len(size) != 2 for size in sizes):
        raise ScenarioError(f"{path}: not the weights of a pretrained policy")
    expected = shapes(len(FEATURES), width=sizes[0][1], hidden=sizes[1][1])
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise ScenarioError(f"{path}: weights of another version of the pretrained policy; its arrays do not fit")
    if not all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ScenarioError(f"{path}: damaged: expected finite float32 numbers")
    return tensors
