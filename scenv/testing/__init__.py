"""Checks that anyone can run on a network or scenario of their own: does the environment keep its promises there?

    scenv.testing.check_env("my_network.json")

Every check lives through whole episodes (PettingZoo's own seed test looks at one step) with random actions, orders of
every kind included, and keeps its own books from what the firms see, beside the simulator's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx

from scenv.envs.parallel import SupplyChainEnv
from scenv.network.network import Network
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv
from scenv.testing.batch import check_batch, check_books, check_determinism, check_independence
from scenv.testing.check import Check, EnvCheckError, MakeBatch, MakeSingle, guarded
from scenv.testing.single import check_conformance, check_episode

__all__ = ["Check", "EnvCheckError", "check_env", "run_checks"]


def check_env(
    scenario: str | Path | nx.DiGraph | Network | Scenario | dict[str, Any] = "r2", *, seed: int = 0, **overrides: Any
) -> tuple[Check, ...]:
    """Check the environment of a network or scenario from end to end, over full episodes.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        seed: of demand and actions.
        **overrides: fields of the scenario.

    Returns:
        The checks, all passed.

    Raises:
        EnvCheckError: for the first promise that is broken, in one line.
        ScenvError: where the scenario itself is not valid.

    Example:
        >>> for check in check_env("bg", horizon=20):
        ...     print(check.name)
        conformance
        episode
        books
        determinism
        batch
        independence
    """
    loaded = load_scenario(scenario, **overrides)
    return run_checks(lambda rows: VectorEnv(loaded, num_envs=rows), lambda: SupplyChainEnv(loaded), seed)


def run_checks(make_batch: MakeBatch, make_single: MakeSingle, seed: int) -> tuple[Check, ...]:
    """All checks on environments made by the two functions, of somebody's own classes too; see `check_env`.

    Args:
        make_batch: number of rows -> a new `scenv.VectorEnv`.
        make_single: a new `scenv.SupplyChainEnv` of the same scenario.
        seed: of demand and actions.
    """
    return (
        guarded("conformance", lambda: check_conformance(make_single)),
        guarded("episode", lambda: check_episode(make_single, seed)),
        guarded("books", lambda: check_books(make_batch, seed)),
        guarded("determinism", lambda: check_determinism(make_batch, seed)),
        guarded("batch", lambda: check_batch(make_batch, make_single, seed)),
        guarded("independence", lambda: check_independence(make_batch, seed)),
    )
