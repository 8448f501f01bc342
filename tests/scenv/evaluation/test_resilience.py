"""Disturbed paths beside the same paths undisturbed: a path worked out by hand, laws, and what users type."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest
from typer.testing import CliRunner

import scenv
from scenv.cli import app
from scenv.evaluation.resilience import median_time
from scenv.scenario.disruption_sets import DISRUPTION_SETS


def two_firms(**fields):
    """a sells to b, b to customers who want 10 a period; one period for orders, one for goods; costs 0.5 and 1."""
    base = {
        "demand": {"kind": "deterministic", "values": 10},
        "costs": "uniform",
        "shipment_lead_time": 1,
        "horizon": 20,
        "warmup": 0,
    }
    return scenv.load_scenario(nx.DiGraph([("a", "b")]), **{**base, **fields})


def test_a_path_worked_out_by_hand():
    """a closes in periods 10 and 11; both pass on what was ordered from them.

    Calm: both hold 10 all the time, cost 10 a period. While a is closed it owes 10, then 20, and b lives on its stock
    and owes 10 in period 12. Then 20 units come in from a's gate and with its 10 serve all that it owes; b is back in
    period 13. The 20 units that a did not order while closed are missing for ever: from 13 on it owes 10, and b's
    10 go out in 14. Network cost from period 10: 20, 25, 10, 15, 10, 10, ...
    """
    closed = two_firms(disruptions=[{"kind": "closure", "firms": ["a"], "period": 10, "duration": 2}])
    result = scenv.resilience("pass-through", closed, episodes=3)["pass-through"]
    np.testing.assert_allclose(result.calm_trace.cost, 10.0)
    np.testing.assert_allclose(result.disturbed_trace.cost[0, 9:17], [10, 20, 25, 10, 15, 10, 10, 10])
    assert result.cost.ratio == pytest.approx(230 / 200)
    assert result.cvar == pytest.approx(230 / 200)
    assert result.onset.tolist() == [10, 10, 10]
    np.testing.assert_allclose(result.service_lost, 1.0)
    assert [times.tolist() for times in result.time_to_survive] == [[2, 2, 2], [False] * 3]
    assert [times.tolist() for times in result.time_to_recover] == [[3, 3, 3], [False] * 3]
    assert {name: count.tolist() for name, count in result.ripple.items()} == {
        "firms": [1, 1, 1],
        "stages": [1, 1, 1],
        "hops": [1, 1, 1],
    }
    np.testing.assert_allclose(result.tail, 0.5)


def test_what_lasts_to_the_end_is_censored():
    """Closed for ever from period 15: b serves out of its stock in 15 and 16 at most, and never recovers."""
    closed = two_firms(disruptions=[{"kind": "closure", "firms": ["a"], "period": 15, "duration": 100}])
    result = scenv.resilience("pass-through", closed, episodes=2)["pass-through"]
    assert [times.tolist() for times in result.time_to_recover] == [[5, 5], [True, True]]
    assert result.to_dict()["time_to_recover"] == float("inf")
    assert np.isnan(result.tail).all()


def test_a_disruption_that_changes_nothing_costs_nothing():
    shock = [{"kind": "demand_shock", "period": 8, "duration": 4, "factor": 1}]
    result = scenv.resilience("bs", "r2", disruptions=shock, episodes=5)["bs"]
    assert result.cost.ratio == 1.0
    assert result.cost.mean == 0.0
    assert not result.impaired.any()
    assert not result.reached.any()
    assert (result.onset == 50).all()  # a factor of 1 hits nobody
    assert np.isnan(result.to_dict()["time_to_survive"])


@pytest.mark.parametrize("name", DISRUPTION_SETS)
@pytest.mark.parametrize("network", ["bg", "r2"])
def test_paths_are_the_same_until_something_happens(network, name):
    lead = {"values": [1, 2, 4], "probabilities": [0.5, 0.3, 0.2]}
    result = scenv.resilience("da", network, disruptions=name, shipment_lead_time=lead, episodes=6, seed=3)["da"]
    before = np.arange(result.periods) < result.onset[:, None]
    assert before.any()
    for field in ("cost", "demand", "late", "waiting"):
        disturbed, calm = getattr(result.disturbed_trace, field), getattr(result.calm_trace, field)
        np.testing.assert_array_equal(disturbed[before], calm[before])
    if name != "demand-doubled":
        np.testing.assert_array_equal(result.disturbed_trace.demand, result.calm_trace.demand)
    assert (result.disturbed_trace.cost != result.calm_trace.cost).any()


def test_each_side_is_what_evaluate_finds():
    disturbed = scenv.load_scenario("r1", disruptions="storm")
    result = scenv.resilience({"mine": "bs"}, disturbed, episodes=4, seed=2)["mine"]
    calm = scenv.evaluate("bs", "r1", episodes=4, seed=2)
    np.testing.assert_array_equal(result.calm.firm_costs, calm.firm_costs)
    levels = scenv.policies.make_policy("bs", scenv.load_scenario("r1"))  # made for the calm scenario
    np.testing.assert_array_equal(
        result.disturbed.firm_costs, scenv.evaluate(levels, disturbed, episodes=4, seed=2).firm_costs
    )


@pytest.mark.parametrize(
    ("times", "censored", "median"),
    [
        ([1, 2, 3, 4], [False, False, True, False], 2),
        ([5, 5, 5], [False] * 3, 5),
        # Survival 4/5, then 4/5 · 2/3 = 8/15 (one was lost sight of at 2), then 0 at 7.
        ([1, 2, 3, 7, 3], [False, True, False, False, True], 7),
        ([1, 4, 4, 4], [False, True, True, True], float("inf")),
        ([4, 4], [True, True], float("inf")),
    ],
)
def test_the_median_of_censored_times(times, censored, median):
    assert median_time(np.array(times), np.array(censored)) == median


def test_sets_hit_what_they_name():
    r2 = scenv.load_scenario("r2").network
    (source,) = scenv.load_scenario("r2", disruptions="source-closed").disruptions
    (hub,) = scenv.load_scenario("r2", disruptions="hub-closed").disruptions
    flow = dict(zip(r2.agents, r2.demand_weights.sum(axis=1), strict=True))
    assert flow[source.firms[0]] == max(flow[r2.agents[i]] for i in r2.sources)
    assert not {hub.firms[0]} & {r2.agents[i] for i in (*r2.sources, *r2.retailers)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"disruptions": "storn"}, "did you mean 'storm'"),
        ({"disruptions": "hub-closed"}, "no firm that both buys from a firm and sells to one"),
        ({"disruptions": ""}, "the name of a set"),
        ({"disruptions": "storm", "horizon": 0}, "horizon"),
    ],
)
def test_bad_sets_are_refused_in_one_sentence(fields, expected):
    with pytest.raises(scenv.ScenarioError, match=expected):
        two_firms(**fields)


def test_without_disruptions_there_is_nothing_to_compare():
    with pytest.raises(scenv.ScenarioError, match="expected at least one to compare with the calm path"):
        scenv.resilience("bs", "bg")


def test_the_command(tmp_path):
    out, picture = tmp_path / "storm.json", tmp_path / "storm.png"
    words = ["evaluate", "bg", "-p", "bs,da", "--disruptions", "storm", "--against", "calm", "--episodes", "8"]
    ran = CliRunner().invoke(app, [*words, "--json", str(out), "--plot", str(picture)])
    assert ran.exit_code == 0, ran.output
    assert "disturbed ÷ calm" in ran.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert set(document["policies"]) == {"bs", "da"}
    assert document["policies"]["bs"]["ratio"] > 1
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--against", "calm"], "expected at least one to compare"),
        (["--against", "storm"], "calm"),
        (["--against", "calm", "--disruptions", "storm", "--by-stage"], "--by-stage has no effect"),
        (
            ["--against", "calm", "--disruptions", "storm", "--lead-times", "1,2", "--plot", "x.png"],
            "draws one lead time",
        ),
    ],
)
def test_the_command_refuses_what_cannot_be(words, expected):
    ran = CliRunner().invoke(app, ["evaluate", "bg", "-p", "bs", *words])
    assert ran.exit_code != 0
    assert expected in ran.output + str(ran.exception)
