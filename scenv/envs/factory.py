"""The makers: from a scenario's name, file or graph and a few overrides to an environment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import networkx as nx
import numpy as np
from pettingzoo import AECEnv
from pettingzoo.utils import parallel_to_aec, wrappers

from scenv.envs.firm import FirmEnv
from scenv.envs.parallel import SupplyChainEnv
from scenv.errors import ScenarioError
from scenv.network.network import Network
from scenv.policies.registry import baselines
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.random_streams import Seed
from scenv.simulation.vector_env import VectorEnv

__all__ = ["Source", "env", "load_with_max_cycles", "parallel_env", "raw_env", "vector_env"]

Source: TypeAlias = str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario


def vector_env(
    scenario: Source = "r2",
    num_envs: int = 64,
    *,
    backend: Literal["numpy", "torch"] = "numpy",
    device: Any = None,
    seed: Seed = None,
    **overrides: Any,
) -> VectorEnv:
    """Make `num_envs` copies of a scenario that advance together; see `scenv.VectorEnv`.

    `reset` returns the observations alone; `scenv.multi_agent_vector_env` is the same batch in Gymnasium's vector
    interface.

    Args:
        scenario: name (bg, r1, r2, r3), path of a scenario or network file, mapping, graph or Scenario.
        num_envs: B.
        backend: the array library; "torch" keeps everything on `device` and is differentiable with respect to orders.
        device: the torch device, e.g. "cuda".
        seed: of the random streams; None draws fresh entropy.
        **overrides: fields of the scenario, e.g. `shipment_lead_time=3`.

    Example:
        >>> env = vector_env("r2", num_envs=8, seed=0)
        >>> env.reset().shape
        (8, 22, 30)
    """
    loaded = load_scenario(scenario, **overrides)
    return VectorEnv(
        loaded,
        num_envs,
        backend=backend,
        device=device,
        seed=seed,
        baselines=baselines(loaded),
        firm_env=partial(FirmEnv, loaded),
    )


def parallel_env(
    scenario: Source = "r2", *, render_mode: str | None = None, max_cycles: int | None = None, **overrides: Any
) -> SupplyChainEnv:
    """Make the PettingZoo ParallelEnv of a scenario; see `SupplyChainEnv`.

    Args:
        scenario: name (bg, r1, r2, r3), path of a scenario or network file, mapping, graph or Scenario.
        render_mode: None, "ansi", "rgb_array" or "human".
        max_cycles: steps of an episode, PettingZoo's usual name: sets `horizon` to max_cycles + 1 periods, because
            `reset` already shows the first one, and shortens a warm-up that would not fit.
        **overrides: fields of the scenario, e.g. `reward="cost"`.

    Raises:
        ScenarioError: for a scenario that is not valid, or both `max_cycles` and `horizon`.

    Example:
        >>> env = parallel_env("bg")
        >>> observations, infos = env.reset(seed=0)
        >>> sorted(observations)
        ['dist_0', 'ret_0', 'sup_0', 'whole_0']
    """
    return SupplyChainEnv(load_with_max_cycles(scenario, max_cycles, overrides), render_mode)


def raw_env(
    scenario: Source = "r2", *, render_mode: str | None = None, max_cycles: int | None = None, **overrides: Any
) -> AECEnv[str, np.ndarray, int]:
    """The same as a turn-based PettingZoo AEC environment, without any wrapper; arguments as `parallel_env`."""
    return parallel_to_aec(parallel_env(scenario, render_mode=render_mode, max_cycles=max_cycles, **overrides))


def env(
    scenario: Source = "r2", *, render_mode: str | None = None, max_cycles: int | None = None, **overrides: Any
) -> AECEnv[str, np.ndarray, int]:
    """The turn-based `raw_env` with PettingZoo's usual order-enforcing wrapper; arguments as `parallel_env`."""
    return wrappers.OrderEnforcingWrapper(
        raw_env(scenario, render_mode=render_mode, max_cycles=max_cycles, **overrides)
    )


def reward_batch(
    source: Source, num_envs: int, max_cycles: int | None, reward: str, overrides: Mapping[str, Any]
) -> VectorEnv:
    """The rows that a Gymnasium environment stands on; these choose their reward themselves."""
    return VectorEnv(load_with_max_cycles(source, max_cycles, {**overrides, "reward": reward}), num_envs)


def load_with_max_cycles(source: Source, max_cycles: int | None, overrides: Mapping[str, Any]) -> Scenario:
    """Load a scenario whose horizon is given in steps instead of periods; see `parallel_env`."""
    if max_cycles is None:
        return load_scenario(source, **overrides)
    if "horizon" in overrides:
        raise ScenarioError("give max_cycles (steps) or horizon (periods = steps + 1), not both")
    if isinstance(max_cycles, bool) or not isinstance(max_cycles, (int, np.integer)) or max_cycles < 1:
        raise ScenarioError(f"max_cycles must be a whole number of steps, at least 1, got {max_cycles!r:.60}")
    scenario = load_scenario(source, **overrides)
    horizon = int(max_cycles) + 1
    warmup = scenario.warmup if "warmup" in overrides else min(scenario.warmup, horizon - 1)
    return load_scenario(scenario, horizon=horizon, warmup=warmup)
