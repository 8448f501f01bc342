"""Several policies at once: pairing, the parts of the cost, service, bullwhip, tables, plots, JSON, command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import scenv
from scenv.cli import app
from scenv.evaluation.comparison import Comparison
from scenv.evaluation.intervals import mean_interval, paired_difference
from scenv.scenario.implied import order_costs, unit_costs
from tests.scenv.strategies import scenarios


def lived_through(policy: scenv.policies.Policy, scenario: scenv.Scenario, episodes: int, seed: int):
    """Local states, costs and orders of every period, [T, ...], kept the slow way."""
    env = scenv.vector_env(scenario, episodes, seed=seed)
    env.reset()
    policy.reset(episodes, seed)
    states, costs, orders = [env.local_state], [env.last_info["cost"]], []
    while env.period < env.horizon - 1:
        env.step_policy(policy)
        orders.append(env.ordered)
        states.append(env.local_state)
        costs.append(env.last_info["cost"])
    return states, np.array(costs), np.array(orders)


@given(scenario=scenarios(horizon=14, warmup=3), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_counts_are_those_of_a_run_kept_whole(scenario: scenv.Scenario, seed: int) -> None:
    policy = scenv.policies.Sterman(scenario)
    result = scenv.evaluate(policy, scenario, episodes=3, seed=seed)
    states, costs, orders = lived_through(policy, scenario, 3, seed)
    holding, backorder = unit_costs(scenario)
    np.testing.assert_allclose(result.firm_costs, costs[3:].sum(axis=0))
    np.testing.assert_allclose(result.holding_costs, sum(s.on_hand for s in states[3:]) * holding)
    owed = sum(s.backorder for s in states[3:]) * backorder
    fixed = order_costs(scenario) * (orders[2:] > 0).sum(axis=0)  # of the orders that open the periods that count
    np.testing.assert_allclose(result.order_costs, fixed)
    beside = result.order_costs + result.overflow_costs
    lost = result.firm_costs - result.holding_costs - owed - beside  # a retailer that loses sales pays for them once
    np.testing.assert_allclose(result.backorder_costs, owed + lost, atol=1e-7)
    assert scenario.lost_sales or np.abs(lost).max() < 1e-7
    np.testing.assert_allclose(result.demand, sum(s.demand for s in states[3:]))
    stages = np.array(list(scenario.network.stages.values()))
    for stage in range(stages.max() + 1):
        by_hand = orders[3:, :, stages == stage].sum(axis=2).var(axis=0)
        np.testing.assert_allclose(result.order_variance[:, stage], by_hand, atol=1e-8)
    kinds = ("holding", "backorder", "orders", "overflow")
    assert result.mean == pytest.approx(sum(row.get(kind, 0.0) for row in result.per_stage for kind in kinds))


def test_bullwhip_is_that_of_a_recorded_episode() -> None:
    policy = scenv.policies.Sterman("r2")
    result = scenv.evaluate(policy, "r2", episodes=1, seed=4)
    np.testing.assert_allclose(result.bullwhip, scenv.record_episode(policy, "r2", seed=4).bullwhip)


def test_passing_demand_on_swings_no_more_than_demand() -> None:
    result = scenv.evaluate("pass-through", "bg", episodes=200)
    np.testing.assert_allclose(result.bullwhip, 1.0, atol=0.05)
    assert scenv.evaluate("constant", "bg", episodes=2).bullwhip == [0.0, 0.0, 0.0, 0.0]


def test_fill_rate_by_hand() -> None:
    """One firm that stops ordering, 10 units of stock, demand 12; its pipeline still brings 12 for three periods."""
    fields = {
        "costs": "uniform",
        "demand": {"kind": "deterministic", "values": [12]},
        "initial_stock_periods": 10 / 12,
        "horizon": 4,
        "warmup": 0,
    }
    graph = nx.DiGraph()
    graph.add_node("shop")
    scenario = scenv.load_scenario(graph, **fields)
    result = scenv.evaluate(scenv.policies.ConstantOrder(scenario, quantity=0), scenario, episodes=1)
    # On hand 10, 10, 10 after serving; in the fourth period nothing arrives, and 2 of 12 units are late.
    assert result.late.tolist() == [[2.0]]
    assert result.fill_rate == pytest.approx(1 - 2 / 48)
    assert result.fill_rates == {"shop": result.fill_rate}


def test_policies_share_paths_and_pairing_narrows_the_interval() -> None:
    both = scenv.evaluate(["bs", "da"], "bg", episodes=50)
    difference = both.difference("da")
    np.testing.assert_allclose(difference.mean, both["da"].mean - both["bs"].mean)
    assert difference.ci95 == mean_interval(both["da"].episode_costs - both["bs"].episode_costs)
    assert difference.ratio == pytest.approx(both["da"].mean / both["bs"].mean)
    assert difference.ratio_ci95[0] < difference.ratio < difference.ratio_ci95[1] < 1
    alone = scenv.evaluate("da", "bg", episodes=50)
    np.testing.assert_array_equal(alone.episode_costs, both["da"].episode_costs)
    assert both.difference("bs", "da").mean == pytest.approx(-difference.mean)


@given(scale=st.floats(0.1, 10), seed=st.integers(0, 10_000))
def test_ratio_interval_covers_nothing_else_for_proportional_costs(scale: float, seed: int) -> None:
    reference = np.random.default_rng(seed).uniform(1, 2, size=20)
    difference = paired_difference(scale * reference, reference)
    np.testing.assert_allclose((difference.ratio, *difference.ratio_ci95), scale)


def test_ratio_interval_covers_the_true_ratio() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        reference = rng.normal(100, 10, size=60)
        low, high = paired_difference(0.8 * reference + rng.normal(0, 8, size=60), reference).ratio_ci95
        hits += low <= 0.8 <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_a_free_reference_has_no_ratio() -> None:
    difference = paired_difference(np.ones(3), np.zeros(3))
    assert difference.mean == 1
    assert np.isnan(difference.ratio)


def test_names_of_a_list_do_not_collide() -> None:
    one, two = scenv.policies.BaseStock("bg"), scenv.policies.BaseStock("bg", service_level=0.5)
    both = scenv.evaluate([one, two, "bs"], "bg", episodes=2)
    assert list(both) == ["BaseStock", "BaseStock 2", "bs"]
    assert len(both) == 3
    assert both.reference == "BaseStock"
    with pytest.raises(
        scenv.ScenarioError, match="no policy 'BaseStok' in this comparison \\(did you mean 'BaseStock'"
    ):
        both["BaseStok"]


def test_only_like_is_compared_with_like() -> None:
    one, other = (scenv.evaluate("bs", "bg", episodes=n) for n in (2, 3))
    with pytest.raises(scenv.ScenarioError, match="same firms, seed and number of episodes"):
        Comparison({"one": one, "other": other})
    with pytest.raises(scenv.ScenarioError, match="needs at least one policy, got none"):
        scenv.evaluate([], "bg")
    with pytest.raises(scenv.ScenarioError, match="episodes must be at least 1, got 0"):
        scenv.evaluate("bs", "bg", episodes=0)


def test_table_and_json(tmp_path: Path) -> None:
    both = scenv.evaluate({"ours": "bs", "theirs": "constant"}, "bg", episodes=3)
    text = str(both)
    assert all(word in text for word in ("ours", "theirs", "÷ ours", f"{both['ours'].mean:,.0f}", "fill rate"))
    both.to_json(tmp_path / "both.json")
    document = json.loads((tmp_path / "both.json").read_text())
    assert document["policies"]["theirs"]["mean"] == both["theirs"].mean
    assert document["policies"]["ours"]["per_agent"] == both["ours"].per_agent
    assert document["scenario"]["network"] == "bg"
    assert len(document["policies"]["ours"]["per_stage"]) == 4


def test_what_is_not_defined_is_null_in_json(tmp_path: Path) -> None:
    fields = {"demand": {"kind": "deterministic", "values": [0]}, "initial_stock_periods": 0}
    result = scenv.evaluate(["pass-through"], "bg", episodes=1, **fields)
    result.to_json(tmp_path / "zero.json")
    row = json.loads((tmp_path / "zero.json").read_text())["policies"]["pass-through"]
    assert row["ratio"] is None
    assert row["fill_rate"] is None
    assert row["ci95"] == [None, None]


def test_plot_is_a_picture_of_bars(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    both = scenv.evaluate(["bs", "da", "sterman"], "bg", episodes=3)
    figure = both.plot(tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")
    backorder_bars = figure.axes[0].patches[1::2]  # each stands on its policy's holding bar
    tops = [patch.get_y() + patch.get_height() for patch in backorder_bars]
    np.testing.assert_allclose(tops, [result.mean for result in both.evaluations.values()])


def run(*arguments: str):
    return CliRunner().invoke(app, ["evaluate", *arguments])


def test_command_line_compares_policies_over_lead_times(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    result = run("-s", "bg", "--policy", "bs,da,sterman,passthrough", "--lead-times", "1,2", "--episodes", "3",
                 "--json", str(path))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "shipment lead time 2" in result.output
    first, second = json.loads(path.read_text())["comparisons"]
    assert [d["scenario"]["shipment_lead_time"] for d in (first, second)] == [1, 2]
    assert list(second["policies"]) == ["bs", "da", "sterman", "passthrough"]
    expected = scenv.evaluate(scenv.policies.BaseStock("bg"), "bg", episodes=3).mean
    assert second["policies"]["bs"]["mean"] == expected
    again = ("-s", "bg", "-p", "bs", "--episodes", "2", "--json", str(path))
    refused = run(*again)
    assert refused.exit_code != 0
    assert "use --force" in str(refused.exception)
    assert json.loads(path.read_text())["comparisons"][1]["policies"]["bs"]["mean"] == expected
    assert run(*again, "--force").exit_code == 0


def test_command_line_takes_levels_from_a_file_and_shows_stages(tmp_path: Path) -> None:
    scenv.policies.BaseStock("bg", service_level=0.7).save(tmp_path / "levels.json")
    result = run("-s", "bg", "-p", f"bs,{tmp_path / 'levels.json'}", "--episodes", "2", "--by-stage")
    assert result.exit_code == 0, result.output
    assert "Wholesaler" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-p", "bs,foo"), "unknown policy 'foo'; expected base-stock"),
        (("-p", "sterma"), "did you mean 'sterman'"),
        (("-p", ","), "--policy: expected at least one policy"),
        (("--lead-times", "1,x"), "--lead-times: expected whole periods by comma, e.g. 1,2,3, got '1,x'"),
        (("--lead-times", "1001"), "shipment_lead_time"),
        (("-p", "ebs"), "serial system"),
        (("--plot", "costs.txt"), "a picture's name must end in one of .png"),
        (
            ("--json", "/no/such/folder/x.json", "--episodes", "1", "-s", "bg"),
            "/no/such/folder/x.json: there is no folder",
        ),
    ],
)
def test_command_line_refuses_in_one_line(arguments: tuple[str, ...], message: str, monkeypatch, capsys) -> None:
    from scenv.cli import main

    monkeypatch.setattr(sys, "argv", ["scenv", "evaluate", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("scenv: ")
    assert message in error
    assert error.count("\n") == 1
