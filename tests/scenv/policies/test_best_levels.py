"""The best constant levels on record: whose they are, that they are the benchmark's, and that they are good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import scenv
from scenv.policies import BaseStock, OptimisedBaseStock, baselines
from scenv.policies.best_levels import best_levels

CELLS = [(name, lead_time) for name in ("bg", "r1", "r2", "r3") for lead_time in (1, 2, 3)]


@pytest.mark.parametrize(("name", "lead_time"), CELLS)
def test_the_levels_on_record_are_the_benchmarks(name: str, lead_time: int, repository: Path) -> None:
    document = json.loads((repository / "benchmarks/results/classical.json").read_text())
    [cell] = [each for each in document["table"] if (each["network"], each["lead_time"]) == (name, lead_time)]
    scenario = scenv.load_scenario(name, shipment_lead_time=lead_time)
    assert best_levels(scenario) == cell["policies"]["optimised-base-stock"]["levels"]
    policy = OptimisedBaseStock(scenario)
    assert policy.method == "recorded"
    assert policy.level_of == best_levels(scenario)
    assert "optimised-base-stock" in baselines(scenario)
    if lead_time == 2:
        both = scenv.evaluate({"formula": BaseStock(scenario), "best": policy}, scenario, episodes=50, seed=77)
        assert both.difference("best").ratio < 0.8


@pytest.mark.parametrize(
    "fields",
    [
        {"demand": 30},
        {"costs": "uniform"},
        {"horizon": 60},
        {"warmup": 0},
        {"initial_stock_periods": 2},
        {"order_lead_time": 2},
        {"shipment_lead_time": 4},
        {"shipment_lead_time": {"values": [1, 3]}},
        {"shipment_lead_time": {"external -> sup_0": 3, "default": 2}},
        {"allocation": "priority"},
        {"capacity": 100},
        {"lost_sales": True},
        {"disruptions": [{"kind": "closure", "period": 10}]},
    ],
)
def test_another_problem_has_no_levels_on_record(fields: dict[str, Any]) -> None:
    scenario = scenv.load_scenario("bg", **fields)
    assert best_levels(scenario) is None
    assert "optimised-base-stock" not in baselines(scenario)


@pytest.mark.parametrize("fields", [{"history": 2}, {"reward": "cost"}, {"gamma": 0.9}, {"shipment_lead_time": 2}])
def test_what_only_learners_see_does_not_matter(fields: dict[str, Any]) -> None:
    assert best_levels(scenv.load_scenario("bg", **fields)) == best_levels(scenv.load_scenario("bg"))


def test_another_network_of_the_same_name_has_none() -> None:
    graph = nx.DiGraph([("whole_0", "ret_0"), ("dist_0", "ret_0"), ("sup_0", "whole_0"), ("sup_0", "dist_0")])
    graph.graph["name"] = "bg"
    network = scenv.load_network(graph)
    assert best_levels(scenv.load_scenario(network, costs="uniform", demand=32)) is None


def test_arguments_of_the_search_ask_for_a_search() -> None:
    pytest.importorskip("torch")
    assert OptimisedBaseStock("bg", episodes=4, steps=2).method == "gradient"
