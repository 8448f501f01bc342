"""benchmarks.classical: levels on record stand in for the search for them, and bad records are refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import scenv
from benchmarks.classical import BEST_LEVELS, main_table, recorded_levels


def _arguments(**changes) -> SimpleNamespace:
    return SimpleNamespace(
        **{"networks": ["bg"], "lead_times": [1], "episodes": 4, "seed": 0, "extra": {}, "levels": {}, **changes}
    )


@pytest.fixture
def record(tmp_path) -> Path:
    levels = dict.fromkeys(scenv.load_network("bg").agents, 25.0)
    entry = {"network": "bg", "lead_time": 1, "newsvendor_bound": 1.0, "policies": {BEST_LEVELS: {"levels": levels}}}
    path = tmp_path / "classical.json"
    path.write_text(json.dumps({"table": [entry], "sensitivity": []}), encoding="utf-8")
    return path


def test_levels_on_record_are_evaluated_without_a_search(record, monkeypatch) -> None:
    def search(*_args, **_keywords):
        raise AssertionError("searched, although the levels are on record")

    monkeypatch.setattr(scenv.policies.OptimisedBaseStock, "__init__", search)
    (entry,) = main_table(_arguments(levels=recorded_levels(record)))
    scenario = scenv.load_scenario("bg", shipment_lead_time=1)
    levels = dict.fromkeys(scenario.network.agents, 25.0)
    expected = scenv.evaluate(scenv.policies.BaseStock(scenario, levels=levels), scenario, episodes=4, seed=0)
    row = entry["policies"][BEST_LEVELS]
    assert row["mean"] == expected.mean
    assert row["levels"] == levels
    assert row["to_best_levels"]["ratio"] == 1.0


def test_levels_of_another_cell_are_not_taken(record, monkeypatch) -> None:
    def search(*_args, **_keywords):
        raise scenv.ScenvError("searched")

    monkeypatch.setattr(scenv.policies.OptimisedBaseStock, "__init__", search)
    with pytest.raises(KeyError, match=BEST_LEVELS):  # refused, so there is nothing to compare with
        main_table(_arguments(lead_times=[2], levels=recorded_levels(record)))


@pytest.mark.parametrize("text", ['{"table": [', "[]", '{"table": [{}], "sensitivity": []}'])
def test_a_bad_record_is_refused_by_name(text, tmp_path) -> None:
    path = tmp_path / "old.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(scenv.ScenvError, match=r"--levels-from .*old\.json: expected a classical\.json"):
        recorded_levels(path)
