"""Scenarios that are good: where they come from, which layer wins, and what follows from them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv.scenario.implied import demand_moments, lead_time_of, unit_costs
from scenv.scenario.scenario import Scenario

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "mean", "low", "high"), [("bg", 32, -8, 24), ("r1", 8, -4, 10), ("r2", 32 / 9, -3, 6), ("r3", 4, -3, 6)]
)
def test_the_built_in_scenarios_are_the_papers(name: str, mean: float, low: int, high: int) -> None:
    """Table 2 and section 5.1."""
    scenario = scenv.load_scenario(name)
    assert scenario.demand.kind == "poisson"
    assert demand_moments(scenario)[0] == pytest.approx(mean)
    assert (scenario.actions.low, scenario.actions.high) == (low, high)
    assert (scenario.horizon, scenario.warmup, scenario.history) == (50, 5, 5)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_scenario_files_of_the_project_load(path: Path) -> None:
    scenario = scenv.load_scenario(path)
    assert scenario.network.name == ("bg" if path.stem == "smoke" else path.stem)


def test_later_layers_win(tmp_path: Path) -> None:
    """Schema, then the network's block, the base scenario, the file, the call."""
    graph = nx.DiGraph([("a", "b")], name="mine", scenario={"horizon": 40, "warmup": 4, "demand": 7, "gamma": 0.8})
    scenv.load_network(graph).to_json(tmp_path / "mine.json")
    (tmp_path / "base.yaml").write_text("network: mine.json\ncosts: uniform\nwarmup: 3\ndemand: 8\n")
    (tmp_path / "own.yaml").write_text(
        "env:\n  entry: scenv:vector_env\n  scenario: base.yaml\n  demand: 9\ntrain: {}\n"
    )
    scenario = scenv.load_scenario(tmp_path / "own.yaml", history=2)
    assert scenario.network.name == "mine"
    assert (scenario.history, scenario.warmup, scenario.horizon, scenario.gamma) == (2, 3, 40, 0.8)
    assert scenario.demand == scenv.load_scenario("bg", demand=9).demand
    assert scenario.allocation == "proportional"


def test_the_same_scenario_from_every_kind_of_source(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text("\ufeffnetwork: r1\nhorizon: 30\n")
    named = scenv.load_scenario("r1", horizon=30)
    sources: list[Any] = [
        tmp_path / "s.yml",
        str(tmp_path / "s.yml"),
        {"network": "r1", "horizon": 30},
        {"scenario": "r1", "horizon": 30},
        {"scenario": scenv.load_scenario("r1", horizon=20), "horizon": 30.0},
        {"network": scenv.load_network("r1"), "horizon": np.int64(30)},
        {"network": scenv.load_network("r1").graph, "horizon": np.array(30)},
        named,
    ]
    for source in sources:
        scenario = scenv.load_scenario(source)
        assert scenario.model_dump() == named.model_dump()


def test_a_scenario_is_frozen_and_can_be_varied_pickled_and_dumped() -> None:
    scenario = scenv.load_scenario("r2")
    with pytest.raises(ValueError, match="frozen"):
        scenario.horizon = 3  # type: ignore[misc]
    variant = scenv.load_scenario(scenario, shipment_lead_time=3)
    assert (scenario.shipment_lead_time, variant.shipment_lead_time) == (2, 3)
    copy = pickle.loads(pickle.dumps(variant))
    assert copy.model_dump() == variant.model_dump()
    document = variant.model_dump(mode="json")
    assert scenv.load_scenario(document).model_dump(mode="json") == document


def test_every_field_says_what_it_is_and_what_is_the_papers() -> None:
    for name, field in Scenario.model_fields.items():
        assert field.description, name
        assert name in ("network", "reward") or "[" in field.description, name


def test_demand_in_short() -> None:
    long = scenv.load_scenario("bg", demand={"kind": "poisson", "mean": 5}).demand
    assert scenv.load_scenario("bg", demand=5).demand == long
    assert scenv.load_scenario("bg", demand={"mean": 5}).demand == long
    assert scenv.load_scenario("bg", demand=np.float64(5)).demand == long


def test_lead_times_by_link_then_network_file_then_default() -> None:
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    graph.edges["b", "c"]["shipment_lead_time"] = 5
    scenario = scenv.load_scenario(graph, costs="uniform", shipment_lead_time={"a -> b": 3, "default": 4})
    times = [lead_time_of(scenario, "shipment", *link) for link in (("a", "b"), ("b", "c"), (None, "a"))]
    assert times == [3, 5, 4]
    assert lead_time_of(scenario, "order", "a", "b") == 1


def test_costs_by_hand() -> None:
    holding, backorder = unit_costs(scenv.load_scenario("bg", costs={"holding": {"ret_0": 9}, "backorder": 7}))
    assert holding.tolist() == [9, 1.2, 0.8, 0.4]
    assert backorder.tolist() == [7, 7, 7, 7]
    holding, backorder = unit_costs(scenv.load_scenario("bg", costs={"holding": 2, "backorder_ratio": 5}))
    assert backorder.tolist() == [10, 10, 10, 10]


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    scenv.load_network("r1").to_json(inner / "net.json")
    (tmp_path / "s.yaml").write_text("network: inner/net.json\n")
    monkeypatch.chdir("/")
    assert len(scenv.load_scenario(tmp_path / "s.yaml").network.agents) == 17
