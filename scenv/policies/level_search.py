"""The best static base-stock levels, found by simulation: by gradient through the simulator, or by CMA-ES.

Both minimise the same number, the mean total cost over a fixed set of demand paths (sample average approximation), in
the same scaled levels x = (S - start) / (standard deviation of lead-time demand).
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import numpy as np

from scenv.errors import ScenvError
from scenv.policies.base import at_least_zero, inventory_position
from scenv.policies.base_stock import covered_periods
from scenv.progress import track
from scenv.scenario.implied import firm_demand_moments
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState
from scenv.simulation.vector_env import VectorEnv


@dataclass(frozen=True)
class LevelSearch:
    """A search for base-stock levels.

    Attributes:
        scenario: what is simulated; its own horizon, warm-up and initial state count.
        start: [N] levels to start from, units.
        episodes: number of demand paths, the same in every step.
        seed: of the paths.
    """

    scenario: Scenario
    start: np.ndarray
    episodes: int
    seed: int

    @property
    def scale(self) -> np.ndarray:
        """[N] standard deviation of the demand of each firm's covered periods, units; 1 where demand is certain."""
        _, std = firm_demand_moments(self.scenario)
        scale = std * np.sqrt(covered_periods(self.scenario))
        return np.where(scale > 0, scale, 1.0)

    @property
    def path_seeds(self) -> list[int]:
        """One seed per demand path."""
        return [int(seed) for seed in np.random.SeedSequence(self.seed).generate_state(self.episodes)]


def search_by_gradient(search: LevelSearch, steps: int = 150, learning_rate: float = 0.15) -> np.ndarray:
    """Levels [N] by Adam on the episode's cost, back-propagated through the torch simulator.

    Args:
        search: what to minimise.
        steps: number of gradient steps.
        learning_rate: of the first step, in scaled levels; falls to 0 as a cosine.
    """
    torch = _require("torch", "train", "the gradient search")
    threads = torch.get_num_threads()
    # One thread: steps are small, and OpenMP's threads spin while they wait. On two busy cores a step on r2 took 5 s
    # with two threads, 0.6 s with one; the numbers are then the same on every machine, too.
    torch.set_num_threads(1)
    try:
        return _by_adam(torch, search, steps, learning_rate)
    finally:
        torch.set_num_threads(threads)


def _by_adam(torch: ModuleType, search: LevelSearch, steps: int, learning_rate: float) -> np.ndarray:
    start, scale = torch.as_tensor(search.start), torch.as_tensor(search.scale)
    shift = torch.zeros(len(search.start), dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([shift], lr=learning_rate)
    env = VectorEnv(search.scenario, search.episodes, backend="torch")
    for step in track(range(steps), "searching the best constant levels: step"):
        adam.param_groups[0]["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        adam.zero_grad()
        cost = _total_cost(env, start + scale * shift, search.path_seeds).mean()
        cost.backward()
        adam.step()
    return cast(np.ndarray, (start + scale * shift).detach().numpy())


def search_by_cma(search: LevelSearch, iterations: int | None = None, step_size: float = 0.5) -> np.ndarray:
    """Levels [N] by CMA-ES (Hansen), a search that needs the costs only.

    Args:
        search: what to minimise.
        iterations: number of generations; by default 30 and 4 for each firm.
        step_size: initial standard deviation, in scaled levels.
    """
    cma = _require("cma", "optimise", "CMA-ES")
    start, scale = search.start, search.scale
    options = {"seed": search.seed % 2**31 + 1, "verbose": -9, "maxiter": iterations or 30 + 4 * len(start)}
    strategy = cma.CMAEvolutionStrategy(np.zeros(len(start)), step_size, options)
    env: VectorEnv | None = None
    for _ in track(range(options["maxiter"]), "searching the best constant levels: generation"):
        if strategy.stop():
            break
        candidates = strategy.ask()
        rows = len(candidates) * search.episodes
        if env is None or env.num_envs != rows:
            env = VectorEnv(search.scenario, rows)
        levels = np.repeat(start + scale * np.array(candidates), search.episodes, axis=0)
        costs = _total_cost(env, levels, search.path_seeds * len(candidates))
        strategy.tell(candidates, costs.reshape(len(candidates), search.episodes).mean(axis=1).tolist())
    return np.asarray(start + scale * np.asarray(strategy.result.xfavorite))


def _total_cost(env: VectorEnv, levels: Array, seeds: list[int]) -> Array:
    """Z of each row [B] under base stock at `levels`, [N] or [B, N] units."""
    env.reset(seed=seeds)
    policy, total = _UpTo(levels), cast(Any, 0.0)
    while True:
        if env.period >= env.warmup:
            total = total + env.last_info["cost"].sum(axis=1)
        if env.period == env.horizon - 1:
            return total
        env.step_policy(policy)


@dataclass(frozen=True, eq=False)
class _UpTo:
    """Base stock at `levels`, [N] or [B, N] units, whose gradient passes."""

    levels: Array

    def __deepcopy__(self, memo: dict[int, Any]) -> _UpTo:
        """Levels are not written, so a copy may share them, and with them the gradient."""
        return self

    def orders(self, state: LocalState) -> Array:
        return at_least_zero(self.levels - inventory_position(state))


def _require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional library by name, so that nothing in scenv depends on it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ScenvError(f'{purpose} needs {module}: pip install "scenv[{extra}]"') from error
