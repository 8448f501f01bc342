"""The public checks: they pass where they should, and each of them can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

import scenv
from scenv import testing
from scenv.simulation.dynamics import LocalState
from scenv.testing import EnvCheckError, check_env, run_checks
from tests.scenv.strategies import scenarios

pytestmark = pytest.mark.filterwarnings("ignore:Agent's maximum observation space value is infinity")


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
def test_built_in_networks_pass(name: str) -> None:
    checks = check_env(name)
    assert [check.name for check in checks] == [
        "conformance",
        "episode",
        "books",
        "determinism",
        "batch",
        "independence",
    ]
    assert all(check.promise and check.evidence for check in checks)


@settings(max_examples=15)
@given(scenario=scenarios())
def test_any_network_passes(scenario: scenv.Scenario) -> None:
    check_env(scenario)


def test_a_graph_of_ones_own_passes() -> None:
    check_env(nx.DiGraph([("mill", "shop"), ("mill", "kiosk"), ("farm", "mill")]), costs="uniform", seed=3)


def test_a_bad_scenario_is_refused_before_any_check() -> None:
    with pytest.raises(scenv.ScenarioError):
        check_env("bg", horizon=1)


class Sabotage(scenv.VectorEnv):
    """A vector environment that breaks one promise from period 3 on."""

    kind = ""

    @property
    def local_state(self) -> LocalState:
        local = super().local_state
        if self.period < 3:
            return local
        if self.kind == "vanish":
            return local._replace(on_hand=local.on_hand * 0.5)
        if self.kind == "negative":
            return local._replace(backorder=local.backorder - 1.0)
        if self.kind == "lose orders":
            return local._replace(on_order=np.zeros_like(local.on_order))
        return local

    def step(self, actions: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(actions)
        if self.period >= 3 and self.kind == "random":
            reward = reward + np.random.default_rng().normal(size=reward.shape)
        if self.period >= 3 and self.kind == "reused":
            self._last = getattr(self, "_last", observation)
            self._last[...] = observation
            observation = self._last
        if self.period >= 3 and self.kind == "shift":
            observation = observation + np.float32(1.0)
        return observation, reward, terminated, truncated, info


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("vanish", r"books: period 3, \w+: expected on hand = before \+ received - shipped \(off by"),
        ("negative", r"books: period 3, \w+: expected backorder of at least 0"),
        ("lose orders", r"books: period 3, \w+: expected on order = before"),
        ("random", "determinism: .* same numbers from the same seed"),
        ("shift", r"batch: period 3, \w+: expected row 0 like the single environment"),
        ("reused", "independence: .* untouched"),
    ],
)
def test_each_broken_promise_of_a_batch_is_found(kind: str, message: str) -> None:
    scenario = scenv.load_scenario("bg", horizon=12)
    broken = type("Broken", (Sabotage,), {"kind": kind})
    with pytest.raises(EnvCheckError, match=message):
        run_checks(lambda rows: broken(scenario, rows), lambda: scenv.SupplyChainEnv(scenario), seed=0)


class BrokenSingle(scenv.SupplyChainEnv):
    """A PettingZoo environment that breaks one promise from the start."""

    kind = ""

    def step(self, actions: Any) -> Any:
        observations, rewards, terminations, truncations, infos = super().step(actions)
        if self.kind == "outside":
            observations = {name: -seen for name, seen in observations.items()}
        if self.kind == "early reward":
            rewards = dict.fromkeys(rewards, 1.0)
        if self.kind == "terminates":
            terminations = dict.fromkeys(terminations, True)
        if self.kind == "nan":
            infos = {name: {**info, "cost": float("nan")} for name, info in infos.items()}
        if self.kind == "missing":
            observations.pop("ret_0")
        return observations, rewards, terminations, truncations, infos


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("outside", r"conformance|episode: period 1, \w+: expected observation"),
        ("early reward", r"episode: period 0, ret_0: expected reward of 0 before reward_delay 7"),
        ("terminates", r"conformance|episode: .* end by truncation"),
        ("nan", "episode: period 1, ret_0: expected cost that is finite"),
        ("missing", "conformance: PettingZoo's parallel_api_test fails"),
    ],
)
def test_each_broken_promise_of_a_single_environment_is_found(kind: str, message: str) -> None:
    scenario = scenv.load_scenario("bg", horizon=12)
    broken = type("Broken", (BrokenSingle,), {"kind": kind})
    with pytest.raises(EnvCheckError, match=message):
        run_checks(lambda rows: scenv.VectorEnv(scenario, rows), lambda: broken(scenario), seed=0)


def test_an_environment_deaf_to_its_seed_is_found() -> None:
    class Deaf(scenv.VectorEnv):
        def reset(self, seed: Any = None, options: Any = None) -> Any:
            return super().reset(seed=0)

    scenario = scenv.load_scenario("bg", horizon=12)
    with pytest.raises(EnvCheckError, match="another episode from another seed"):
        testing.check_determinism(lambda rows: Deaf(scenario, rows), seed=0)


def test_known_demand_needs_no_other_episode() -> None:
    check_env("bg", demand={"kind": "deterministic", "values": [30.0, 34.0]}, horizon=12)


@pytest.mark.slow
def test_the_largest_published_chain_passes(willems_dir: Path) -> None:
    check_env(willems_dir / "38.csv", horizon=12)
