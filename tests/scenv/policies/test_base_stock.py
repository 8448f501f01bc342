"""Base stock beyond the formula (that is in test_evaluation.py): review period, files, names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import scenv
from scenv.policies import NAMED_POLICIES, BaseStock, ReorderPoint, baselines, make_policy

Z95 = 1.6448536269514722


def test_review_period_adds_to_the_lead_time() -> None:
    expected = 32 * 4 + Z95 * np.sqrt(32 * 4)
    np.testing.assert_allclose(BaseStock("bg", review_period=1).levels, expected)
    with pytest.raises(scenv.ScenarioError, match="review_period must be at least 0, got -1"):
        BaseStock("bg", review_period=-1)


def test_variance_of_shared_demand_is_the_squared_weights() -> None:
    # r1: a retailer's demand is Poisson(8); a firm that sees weights w_r of it has variance 8 sum w_r^2.
    scenario = scenv.load_scenario("r1")
    weights = scenario.network.demand_weights
    expected = 8 * weights.sum(axis=1) * 3 + Z95 * np.sqrt(8 * (weights**2).sum(axis=1) * 3)
    np.testing.assert_allclose(BaseStock(scenario).levels, expected)


def test_levels_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "levels.json"
    policy = BaseStock("r1", service_level=0.8)
    policy.save(path)
    np.testing.assert_array_equal(BaseStock.from_file(path, "r1").levels, policy.levels)
    np.testing.assert_array_equal(make_policy(str(path), scenv.load_scenario("r1")).levels, policy.levels)


def test_both_levels_of_s_s_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "both.json"
    policy = ReorderPoint("r1", batch_periods=3)
    policy.save(path)
    again = make_policy(str(path), scenv.load_scenario("r1"))
    assert isinstance(again, ReorderPoint)
    assert again.levels_by_kind == policy.levels_by_kind
    with pytest.raises(scenv.ScenarioError, match=r"both.json: expected an object 'levels'"):
        BaseStock.from_file(path, "r1")
    path.write_text('{"reorder_point": {"ret_0": 3}, "order_up_to": 4}')
    with pytest.raises(scenv.ScenarioError, match=r"both.json: expected an object 'order_up_to' with a number for"):
        make_policy(str(path), scenv.load_scenario("bg"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{", "not JSON"),
        ("[1]", "expected an object 'levels' with a number for every firm"),
        ('{"levels": {"ret_0": "many"}}', "expected an object 'levels' with a number for every firm"),
        ('{"levels": {"ret_0": 1}}', "missing \\['whole_0', 'dist_0', 'sup_0'\\]"),
        (json.dumps({"levels": dict.fromkeys(["ret_0", "whole_0", "dist_0", "supp_0"], 1)}), "did you mean 'sup_0'"),
    ],
)
def test_bad_level_files_are_refused_by_name(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "levels.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(scenv.ScenarioError, match=f"levels.json: .*{message}"):
        BaseStock.from_file(path, "bg")


def test_every_name_makes_a_policy_that_runs() -> None:
    scenario = scenv.load_scenario("bg", costs="cs2000", horizon=6, warmup=0)
    names = [name for policy in NAMED_POLICIES for name in (policy.name, *policy.short)]
    assert len(names) == len(set(names))
    for policy in NAMED_POLICIES:
        if policy.name == "optimised-base-stock":
            continue  # takes its time; test_optimised_base_stock.py
        costs = {
            scenv.evaluate(make_policy(n, scenario), scenario, episodes=2).mean for n in (policy.name, *policy.short)
        }
        assert len(costs) == 1, policy.name
    assert next(iter(baselines(scenario))) == "base-stock"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sterman_", "unknown policy 'sterman_' \\(did you mean 'sterman'\\?\\)"),
        ("no.such.module:make", "cannot import 'make' from 'no.such.module'"),
        ("scenv.policies:Nothing", "cannot import 'Nothing'"),
        ("scenv:__name__", "not callable"),
    ],
)
def test_unknown_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(scenv.ScenarioError, match=message):
        make_policy(name, scenv.load_scenario("bg"))


def test_a_policy_of_ones_own_goes_by_module_and_name() -> None:
    assert isinstance(make_policy("scenv.policies:PassThrough", scenv.load_scenario("bg")), scenv.policies.PassThrough)
