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

    def reset(self, seed: Any = None, options: Any = None) -> Any:
        if self.kind == "same demand":
            self._last_seed = seed = getattr(self, "_last_seed", 0) if seed is None else seed
        return super().reset(seed, options)

    def __deepcopy__(self, memo: Any) -> Any:
        return self if self.kind == "shared copies" else super().__deepcopy__(memo)

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

    def step_orders(self, quantities: Any) -> Any:
        if self.kind == "negative orders":
            quantities = np.nan_to_num(np.maximum(quantities, 0.0), posinf=0.0)
        observation, reward, terminated, truncated, info = super().step_orders(quantities)
        if self.period >= 3 and self.kind == "cheap":
            info["cost"] = info["cost"] * 0.9
        if self.period >= 9 and self.kind == "generous":
            reward = reward + 1.0
        return observation, reward, terminated, truncated, info

    def step(self, actions: Any) -> Any:
        if self.kind == "clipped":
            actions = np.clip(actions, 0, 32)
        if self.kind == "steps after the end" and self.period == self.horizon - 1:
            self.reset()
        observation, reward, terminated, truncated, info = super().step(actions)
        if self.period >= 3 and self.kind == "random":
            reward = reward + np.random.default_rng().normal(size=reward.shape)
        if self.period >= 3 and self.kind == "reused":
            self._last = getattr(self, "_last", observation)
            self._last[...] = observation
            observation = self._last
        if self.period >= 3 and self.kind == "shift":
            observation = observation + np.float32(1.0)
        if self.kind == "never ends":
            truncated = np.zeros_like(truncated)
        if self.kind == "terminates":
            terminated, truncated = truncated, terminated
        if self.kind == "no cost":
            info = {}
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
        ("cheap", r"books: period 3, \w+: expected cost = backorder cost x owed or lost"),
        ("generous", r"books: period 9, \w+: expected the reward that follows from the costs"),
        ("never ends", "batch: period 11, all rows: expected end by truncation"),
        ("terminates", "batch: period 11, all rows: expected end by truncation"),
        ("no cost", "determinism: the environment raised KeyError: 'cost'"),
        ("clipped", "batch: period 6, all rows: expected an error for action 33 of 0 .. 32"),
        ("negative orders", "batch: period 6, all rows: expected an error for orders of -1.0"),
        ("steps after the end", "batch: period 11, all rows: expected an error for a step after the end"),
        ("same demand", "determinism: .* another demand in the next episode"),
        ("shared copies", "independence: .*"),
    ],
)
def test_each_broken_promise_of_a_batch_is_found(kind: str, message: str) -> None:
    scenario = scenv.load_scenario("bg", horizon=12)
    broken = type("Broken", (Sabotage,), {"kind": kind})
    with pytest.raises(EnvCheckError, match=message):
        run_checks(lambda rows: broken(scenario, rows), lambda: scenv.SupplyChainEnv(scenario), seed=0)


class BrokenSingle(scenv.SupplyChainEnv):
    """A PettingZoo environment that breaks one promise."""

    kind = ""

    def __init__(self, scenario: scenv.Scenario) -> None:
        super().__init__(scenario)
        if self.kind == "no render_mode":
            del self.render_mode
        if self.kind == "unknown render_mode":
            self.render_mode = "hologram"
        if self.kind == "no metadata":
            self.metadata = None  # type: ignore[assignment,misc]
        if self.kind == "other network":
            self.adjacency_matrix = -self.adjacency_matrix
        if self.kind == "other delay":
            self.reward_delay = {name: delay - 1 for name, delay in self.reward_delay.items()}
        self._memory: dict[str, np.ndarray] = {}

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        observations, infos = super().reset(None if self.kind == "deaf" else seed, options)
        if self.kind == "reset raises":
            raise FileNotFoundError("no such world\nanywhere")
        if self.kind == "reused":
            self._memory = {name: seen.copy() for name, seen in observations.items()}
            return self._memory, infos
        return observations if self.kind == "no pair" else (observations, infos)

    def step(self, actions: Any) -> Any:
        if self.kind == "bad actions ignored":
            actions = {n: a if isinstance(a, int) and 0 <= a < 33 else 0 for n, a in actions.items()}
        if self.kind == "missing actions ignored":
            actions = dict.fromkeys(self.agents, 0) | actions
        if self.kind == "unknown firms ignored":
            actions = {name: action for name, action in actions.items() if name in self.possible_agents}
        if self.kind == "steps after the end" and not self.agents:
            return {}, {}, {}, {}, {}
        if self.kind == "refuses, but acts" and self.agents and 33 in actions.values():
            super().step(dict.fromkeys(actions, 0))
        if self.kind == "raises":
            raise ZeroDivisionError("division by zero")
        if self.kind == "leaves":
            raise SystemExit(0)
        result = list(super().step(actions))
        for k, part in enumerate(("observations", "rewards", "terminations", "truncations", "infos")):
            result[k] = getattr(self, f"_{part}")(result[k])
        if self.kind == "ends early" and self._batch.period == 5:
            self.agents = []
        if self.kind == "agents stay" and not self.agents:
            self.agents = list(self.possible_agents)
        return tuple(result)

    def _observations(self, seen: Any) -> Any:
        match self.kind:
            case "outside":
                return {name: -values for name, values in seen.items()}
            case "double precision":
                return {name: values.astype(float) for name, values in seen.items()}
            case "reused":
                for name, values in seen.items():
                    self._memory[name][...] = values
                return dict(self._memory)
            case "shared":
                return dict.fromkeys(seen, seen["ret_0"])
            case "missing":
                return {name: values for name, values in seen.items() if name != "ret_0"}
            case "stranger":
                return {**seen, "nobody": seen["ret_0"]}
        return seen

    def _rewards(self, rewards: Any) -> Any:
        match self.kind:
            case "early reward":
                return dict.fromkeys(rewards, 1.0)
            case "text as reward":
                return dict.fromkeys(rewards, "good")
            case "array as reward":
                return {name: np.array([reward]) for name, reward in rewards.items()}
            case "no reward":
                return dict.fromkeys(rewards)
            case "lost reward":
                return {name: reward for name, reward in rewards.items() if name != "ret_0"}
            case "wrong reward":
                return {name: 2 * reward for name, reward in rewards.items()}
        return rewards

    def _terminations(self, ended: Any) -> Any:
        match self.kind:
            case "terminates":
                return dict.fromkeys(ended, True)
            case "number as done":
                return dict.fromkeys(ended, 0)
        return ended

    def _truncations(self, cut: Any) -> Any:
        match self.kind:
            case "numpy bool":
                return {name: np.bool_(value) for name, value in cut.items()}
            case "never ends":
                if not self.agents:
                    super().reset()
                return dict.fromkeys(cut, False)
        return cut

    def _infos(self, infos: Any = None) -> Any:
        infos = super()._infos() if infos is None else infos
        match self.kind:
            case "nan":
                return {name: {**info, "cost": float("nan")} for name, info in infos.items()}
            case "text as cost":
                return {name: {**info, "cost": "dear"} for name, info in infos.items()}
            case "no cost":
                return {name: {} for name in infos}
            case "no infos":
                return {}
        return infos

    def state(self) -> np.ndarray:
        return super().state()[:-1] if self.kind == "short state" else super().state()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no render_mode", "conformance: .* render_mode of None or one of"),
        ("unknown render_mode", "conformance: .* render_mode of None or one of .* got 'hologram'"),
        ("no metadata", r"conformance: .* metadata\['render_modes'\], a list"),
        ("other network", "batch: .* the same adjacency_matrix in both"),
        ("other delay", "batch: .* the same reward_delay in both"),
        ("deaf", "episode: period 1, all firms: expected to be as an untouched twin"),
        ("reset raises", "conformance: .* no such world anywhere"),
        ("no pair", "conformance: PettingZoo's parallel_api_test fails"),
        ("outside", r"conformance|episode: period 1, \w+: expected observation in space"),
        ("double precision", r"conformance|episode: period 1, \w+: expected observation in space"),
        ("reused", "episode: period 1, all firms: expected earlier observations never to be written again"),
        ("shared", "episode: period 1, all firms: expected arrays that no two firms share"),
        ("bad actions ignored", "episode: period 5, ret_0: expected an error for action 33 of 0 .. 32"),
        ("missing actions ignored", "episode: period 5, ret_0: expected an error for actions without 'ret_0'"),
        ("unknown firms ignored", "episode: period 5, ret_0: expected an error for an action of an unknown firm"),
        ("refuses, but acts", "episode: period 6, all firms: expected to be as an untouched twin"),
        ("steps after the end", "episode: period (0|11), all firms: expected an error for a step"),
        ("raises", "conformance: PettingZoo's parallel_api_test fails: division by zero"),
        ("leaves", "conformance: the environment raised SystemExit: 0"),
        ("early reward", r"episode: period 0, ret_0: expected reward of 0 before reward_delay 7"),
        ("text as reward", r"episode: period 0, ret_0: expected reward that is a finite number, got 'good' \(str\)"),
        ("array as reward", r"expected reward that is a finite number, got array\(\[.*\]\) \(ndarray\)"),
        ("no reward", r"expected reward that is a finite number, got None"),
        ("lost reward", "(conformance|episode: period 0, rewards: expected a dictionary with every firm)"),
        ("wrong reward", r"batch: period \d+, ret_0: expected row 0 like the single environment"),
        ("terminates", "(conformance|episode): .*"),
        ("numpy bool", r"expected truncations to be True or False, got np.False_ \(bool\)"),
        ("number as done", r"expected terminations to be True or False, got 0 \(int\)"),
        ("never ends", "(conformance|episode): .*"),
        ("ends early", "(conformance|episode): .*"),
        ("agents stay", "(conformance|episode): .*"),
        ("nan", "episode: period 0, ret_0: expected cost that is a finite number, got nan"),
        ("text as cost", "episode: period 0, ret_0: expected cost that is a finite number, got 'dear'"),
        ("no cost", "episode: period 0, ret_0: expected cost that is a finite number, got None"),
        ("no infos", "(conformance|episode): .*"),
        ("missing", "conformance: PettingZoo's parallel_api_test fails"),
        ("stranger", "(conformance|episode): .*"),
        ("short state", "conformance|episode: period 0, .*state in state_space"),
    ],
)
def test_each_broken_promise_of_a_single_environment_is_found_in_one_line(kind: str, message: str) -> None:
    scenario = scenv.load_scenario("bg", horizon=12)
    broken = type("Broken", (BrokenSingle,), {"kind": kind})
    with pytest.raises(EnvCheckError, match=message) as caught:
        run_checks(lambda rows: scenv.VectorEnv(scenario, rows), lambda: broken(scenario), seed=0)
    assert "\n" not in str(caught.value)


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
