"""The best constant levels: both searches agree, and both find what theory knows."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv.policies import BaseStock, DecompositionAggregation, OptimisedBaseStock
from scenv.theory.serial_optimum import serial_optimum

QUICK = {"horizon": 25, "warmup": 5, "shipment_lead_time": 1}


def cost(policy: BaseStock, scenario: scenv.Scenario, episodes: int = 200) -> float:
    return scenv.evaluate(policy, scenario, episodes=episodes, seed=7).mean


def test_gradient_beats_the_formulas() -> None:
    pytest.importorskip("torch")
    scenario = scenv.load_scenario("bg", **QUICK)
    policy = OptimisedBaseStock(scenario, method="gradient", episodes=48, steps=60)
    assert cost(policy, scenario) < 0.97 * cost(DecompositionAggregation(scenario), scenario)
    assert policy.method == "gradient"


def test_cma_and_gradient_find_the_same_cost() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("cma")
    scenario = scenv.load_scenario("bg", **QUICK)
    by_gradient = OptimisedBaseStock(scenario, method="gradient", episodes=64, steps=80)
    by_cma = OptimisedBaseStock(scenario, method="cma", episodes=64)
    assert cost(by_cma, scenario) == pytest.approx(cost(by_gradient, scenario), rel=0.01)


def test_the_same_seed_finds_the_same_levels() -> None:
    pytest.importorskip("torch")
    first, second = (OptimisedBaseStock("bg", **{"episodes": 8, "steps": 5}) for _ in range(2))
    np.testing.assert_array_equal(first.levels, second.levels)


@pytest.mark.parametrize("library", ["torch", "cma"])
def test_a_missing_library_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, library, None)
    method = {"torch": "gradient", "cma": "cma"}[library]
    with pytest.raises(scenv.ScenvError, match=rf"needs {library}: pip install \"scenv\[(train|optimise)\]\""):
        OptimisedBaseStock("bg", method=method)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(scenv.ScenarioError, match="method must be 'auto', 'gradient' or 'cma', got 'guess'"):
        OptimisedBaseStock("bg", method="guess")
    with pytest.raises(scenv.ScenarioError, match="episodes must be at least 1, got 0"):
        OptimisedBaseStock("bg", episodes=0)


@pytest.mark.slow
def test_simulation_finds_the_clark_scarf_optimum() -> None:
    scenario = scenv.load_scenario("bg", costs="cs2000", shipment_lead_time=1, horizon=300, warmup=100)
    found = cost(OptimisedBaseStock(scenario, episodes=48, steps=100), scenario)
    best = cost(BaseStock(scenario, levels=serial_optimum(scenario).local_levels), scenario)
    assert found == pytest.approx(best, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "edges",
    [
        [("w", "a"), ("w", "b")],
        [("w", "a"), ("w", "b"), ("w", "c")],
        [("s", "w"), ("w", "a"), ("w", "b"), ("s", "v"), ("v", "c")],
    ],
)
def test_decomposition_aggregation_from_costs_is_near_optimal_on_small_trees(edges: list[tuple[str, str]]) -> None:
    graph = nx.DiGraph(edges)
    stage = {name: len(nx.ancestors(graph, name)) for name in graph}
    costs = {
        "holding": {name: 0.4 + 0.3 * stage[name] for name in graph},
        "backorder": {name: 9.0 * (graph.out_degree(name) == 0) for name in graph},
    }
    scenario = scenv.load_scenario(graph, costs=costs, demand=8, shipment_lead_time=1, horizon=200, warmup=50)
    best = cost(OptimisedBaseStock(scenario, episodes=48, steps=100), scenario)
    heuristic = cost(DecompositionAggregation(scenario, variant="cost"), scenario)
    assert heuristic <= 1.02 * best
