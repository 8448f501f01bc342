"""Bad scenarios and demand files: each is refused in one sentence that names the file, the field and what was expected,
never under the names of pydantic's union branches. Nothing in any of these files is ever executed, nothing is written.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv import demand
from scenv.cli import main
from scenv.scenario.demand import csv_file
from scenv.scenario.reading import MAX_DEPTH as MAX_YAML_DEPTH
from scenv.scenario.reading import MAX_YAML_BYTES

NAN, INF = float("nan"), float("inf")
#: Words that belong to pydantic and not to the user.
JARGON = ("constrained", "function-", "is-instance", "Input should", "union", "dict[", "For further", "type=")


def refusal(source: Any, **overrides: Any) -> str:
    with pytest.raises(scenv.ScenarioError) as caught:
        scenv.load_scenario(source, **overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    for word in JARGON:
        assert word not in message
    return message


def poisson(**fields: Any) -> dict[str, Any]:
    return {"demand": {"kind": "poisson", **fields}}


def of_kind(kind: str, **fields: Any) -> dict[str, Any]:
    return {"demand": {"kind": kind, **fields}}


NUMBER = "must be a finite number from 0 to 1e+12, got"
LEAD = "must be a whole number from 0 to 1000, got"

BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    # names
    "unknown field": ({"horizn": 50}, "unknown field 'horizn' (did you mean 'horizon'?)"),
    "unknown field, nothing near": ({"zzz": 1}, "unknown field 'zzz'; expected one of network, demand, actions"),
    "unknown field in actions": (
        {"actions": {"low": 0, "hihg": 4}},
        "field 'actions': unknown field 'hihg' (did you mean 'high'?)",
    ),
    "unknown further field in actions": (
        {"actions": {"low": 0, "high": 4, "step": 1}},
        "field 'actions': unknown field 'step'; expected one of low, high",
    ),
    "unknown field in costs": (
        {"costs": {"holdin": 1}},
        "field 'costs': unknown field 'holdin' (did you mean 'holding'?)",
    ),
    "unknown field in demand": (
        poisson(mean=4, sdt=2),
        "field 'demand': unknown field 'sdt'; expected one of kind, mean",
    ),
    # whole numbers
    "horizon of one": ({"horizon": 1}, "field 'horizon': must be a whole number from 2 to 100000, got 1"),
    "horizon, huge": ({"horizon": 10**30}, "field 'horizon': must be a whole number"),
    "horizon, fractional": ({"horizon": 50.5}, "field 'horizon': must be a whole number from 2 to 100000, got 50.5"),
    "horizon as text": ({"horizon": "50"}, "must be a whole number from 2 to 100000, got '50'"),
    "horizon as boolean": ({"horizon": True}, "got True"),
    "horizon, NaN": ({"horizon": NAN}, "field 'horizon': must be a whole number from 2 to 100000, got nan"),
    "horizon, null": ({"horizon": None}, "field 'horizon': must be a whole number from 2 to 100000, got None"),
    "warm-up, negative": ({"warmup": -1}, "field 'warmup': must be a whole number from 0"),
    "warm-up beyond the horizon": ({"warmup": 50}, "warmup must be below horizon (50), got 50"),
    "history, negative": ({"history": -1}, "field 'history': must be a whole number from 0 to 1000, got -1"),
    "reward window of zero": ({"reward_window": 0}, "field 'reward_window': must be a whole number from 1"),
    # numbers
    "discount above one": ({"gamma": 1.01}, "field 'gamma': must be a finite number above 0 and at most 1, got 1.01"),
    "discount of zero": ({"gamma": 0}, "field 'gamma': must be a finite number above 0 and at most 1, got 0"),
    "discount as text": ({"gamma": "0.9"}, "got '0.9'"),
    "reward scale, infinite": ({"reward_scale": INF}, "field 'reward_scale': must be a finite number above 0"),
    "reward scale, NaN": ({"reward_scale": np.float64("nan")}, "field 'reward_scale': must be a finite number"),
    "stock, negative": (
        {"initial_stock_periods": -0.1},
        "field 'initial_stock_periods': must be a finite number from 0",
    ),
    "stock, infinite": ({"initial_stock_periods": INF}, "field 'initial_stock_periods': must be a finite number"),
    # choices
    "allocation": ({"allocation": "fair"}, "field 'allocation': must be 'proportional' or 'priority', got 'fair'"),
    "reward": ({"reward": "profit"}, "field 'reward': must be 'windowed' or 'cost', got 'profit'"),
    # actions
    "actions, the wrong way round": ({"actions": {"low": 5, "high": -5}}, "field 'actions': low must not exceed high"),
    "actions, fractional": ({"actions": {"low": -1.5, "high": 5}}, "field 'actions.low': must be a whole number"),
    "actions, half": ({"actions": {"low": -1}}, "field 'actions.high': is missing"),
    "actions as list": ({"actions": [-1, 5]}, "field 'actions': must be a mapping with low, high; got [-1, 5]"),
    # lead times
    "lead time below zero": ({"shipment_lead_time": -1}, f"field 'shipment_lead_time': {LEAD} -1"),
    "lead time, fractional": ({"order_lead_time": 1.5}, f"field 'order_lead_time': {LEAD} 1.5"),
    "lead time, huge": ({"order_lead_time": 1001}, f"field 'order_lead_time': {LEAD} 1001"),
    "lead time, infinite": ({"order_lead_time": INF}, f"field 'order_lead_time': {LEAD} inf"),
    "lead time of one edge": (
        {"shipment_lead_time": {"whole_0 -> ret_0": -2}},
        f"field 'shipment_lead_time.whole_0 -> ret_0': {LEAD} -2",
    ),
    "lead time of no edge": (
        {"shipment_lead_time": {"whole_0 -> ret_1": 2}},
        "shipment_lead_time names 'whole_0 -> ret_1', which is no edge of network 'bg' (did you mean",
    ),
    "lead time against the flow": (
        {"order_lead_time": {"ret_0 -> whole_0": 2}},
        "order_lead_time names 'ret_0 -> whole_0', which is no edge of network 'bg'",
    ),
    "no lead times": ({"order_lead_time": {}}, "field 'order_lead_time': must be a number of periods or a mapping"),
    "lead time as text": (
        {"order_lead_time": "2"},
        "field 'order_lead_time': must be a whole number of periods, got '2'",
    ),
    "order lead time of the data": ({"order_lead_time": "data"}, "must be a whole number of periods, got 'data'"),
    "lead time, misspelt": (
        {"shipment_lead_time": "date"},
        "field 'shipment_lead_time': must be a whole number, 'data', or values with probabilities, got 'date'",
    ),
    "lead times, of probability above one": (
        {"shipment_lead_time": {"values": [1, 2], "probabilities": [0.5, 0.6]}},
        "field 'shipment_lead_time.probabilities': must sum to 1, got 1.1",
    ),
    "lead times, too few probabilities": (
        {"shipment_lead_time": {"values": [1, 2], "probabilities": [1]}},
        "field 'shipment_lead_time.probabilities': must have one entry for each of values",
    ),
    "lead times, negative probability": (
        {"shipment_lead_time": {"values": [1, 2], "probabilities": [2, -1]}},
        "field 'shipment_lead_time.probabilities.0': must be a finite number from 0 to 1, got 2",
    ),
    "lead times, one of zero": (
        {"shipment_lead_time": {"default": {"values": [-1, 2]}}},
        f"field 'shipment_lead_time.default.values.0': {LEAD} -1",
    ),
    "lead times, one twice": (
        {"order_lead_time": {"values": [2, 2]}},
        "field 'order_lead_time.values': must not hold a number twice",
    ),
    "lead times, none": (
        {"order_lead_time": {"values": []}},
        "field 'order_lead_time.values': must be a list of 1 to 1000",
    ),
    "lead times, no values": (
        {"order_lead_time": {"probabilities": [1]}},
        "field 'order_lead_time.values': is missing",
    ),
    "lead times, misspelt": (
        {"order_lead_time": {"values": [1], "probability": [1]}},
        "field 'order_lead_time': unknown field 'probability' (did you mean 'probabilities'?)",
    ),
    "stage times of no length": (
        {"stage_time_per_period": 0},
        "field 'stage_time_per_period': must be a finite number above 0",
    ),
    "crossing as text": ({"order_crossing": "maybe"}, "field 'order_crossing': must be true or false, got 'maybe'"),
    # capacity, lost sales
    "capacity, negative": ({"capacity": -1}, f"field 'capacity': {NUMBER} -1"),
    "capacity, NaN": ({"capacity": {"ret_0": NAN}}, f"field 'capacity.ret_0': {NUMBER} nan"),
    "capacity, infinite": ({"capacity": INF}, f"field 'capacity': {NUMBER} inf"),
    "capacity of nobody": (
        {"capacity": {"rte_0": 3}},
        "field 'capacity': 'rte_0' is no firm of network 'bg' (did you mean 'ret_0'?)",
    ),
    "lost sales as number": ({"lost_sales": 1}, "field 'lost_sales': must be true or false, got 1"),
    # disruptions
    "one disruption, no list": (
        {"disruptions": {"kind": "closure", "period": 1}},
        "field 'disruptions': must be a list of 0 to 1000 entries",
    ),
    "disruption as text": (
        {"disruptions": ["closure"]},
        "field 'disruptions.0': must be a mapping with 'kind' (closure",
    ),
    "disruption of no kind": (
        {"disruptions": [{"period": 1}]},
        "field 'disruptions.0.kind': unknown kind of disruption None; expected one of closure, delay, demand_shock",
    ),
    "disruption of another kind": (
        {"disruptions": [{"kind": "closur", "period": 1}]},
        "field 'disruptions.0.kind': unknown kind of disruption 'closur' (did you mean 'closure'?)",
    ),
    "disruption at no time": (
        {"disruptions": [{"kind": "closure", "period": 1}, {"kind": "closure"}]},
        "field 'disruptions.1': give exactly one of period, between and probability",
    ),
    "disruption at two times": (
        {"disruptions": [{"kind": "closure", "period": 1, "probability": 0.1}]},
        "field 'disruptions.0': give exactly one of period, between and probability",
    ),
    "disruption, the wrong way round": (
        {"disruptions": [{"kind": "closure", "between": [5, 2]}]},
        "field 'disruptions.0.between': must be [first, last], got [5, 2]",
    ),
    "disruption, negative period": (
        {"disruptions": [{"kind": "closure", "period": -1}]},
        "field 'disruptions.0.period': must be a whole number from 0",
    ),
    "disruption too probable": (
        {"disruptions": [{"kind": "closure", "probability": 1.5}]},
        "field 'disruptions.0.probability': must be a finite number from 0 to 1, got 1.5",
    ),
    "disruption of no length": (
        {"disruptions": [{"kind": "closure", "period": 1, "duration": 0}]},
        "field 'disruptions.0.duration': must be a whole number from 1 to 1000, got 0",
    ),
    "disruption with an unknown field": (
        {"disruptions": [{"kind": "closure", "period": 1, "firm": "ret_0"}]},
        "field 'disruptions.0': unknown field 'firm' (did you mean 'firms'?)",
    ),
    "closure of nobody": (
        {"disruptions": [{"kind": "closure", "period": 1, "firms": ["rte_0"]}]},
        "field 'disruptions.0.firms': 'rte_0' is no firm of this network (did you mean 'ret_0'?)",
    ),
    "closure of one firm, no list": (
        {"disruptions": [{"kind": "closure", "period": 1, "firms": "ret_0"}]},
        "field 'disruptions.0.firms': must be a list of 1 to 100000 entries, got 'ret_0'",
    ),
    "delay of no link": (
        {"disruptions": [{"kind": "delay", "period": 1, "extra": 1, "links": ["ret_0 -> whole_0"]}]},
        "field 'disruptions.0.links': 'ret_0 -> whole_0' is no link of this network (did you mean",
    ),
    "delay of nothing": (
        {"disruptions": [{"kind": "delay", "period": 1, "extra": 0}]},
        "field 'disruptions.0.extra': must be a whole number from 1 to 1000, got 0",
    ),
    "shock of nobody else": (
        {"disruptions": [{"kind": "demand_shock", "period": 1, "factor": 2, "retailers": ["sup_0"]}]},
        "field 'disruptions.0.retailers': 'sup_0' is no retailer of this network",
    ),
    "shock, negative": (
        {"disruptions": [{"kind": "demand_shock", "period": 1, "factor": -2}]},
        "field 'disruptions.0.factor': must be a finite number from 0 to 1e+06, got -2",
    ),
    # costs
    "cost preset": ({"costs": "unifrom"}, "got 'unifrom' (did you mean 'uniform'?)"),
    "costs as number": ({"costs": 3}, "field 'costs': must be 'data', 'uniform', 'cs2000', or a mapping"),
    "cost, negative": ({"costs": {"holding": -1}}, f"field 'costs.holding': {NUMBER} -1"),
    "cost of one firm, NaN": ({"costs": {"holding": {"ret_0": NAN}}}, f"field 'costs.holding.ret_0': {NUMBER} nan"),
    "cost of nobody": (
        {"costs": {"holding": {"ret_9": 1}}},
        "costs.holding names 'ret_9', no firm of network 'bg' (did you mean 'ret_0'?)",
    ),
    "two backorder costs": ({"costs": {"backorder": 1, "backorder_ratio": 2}}, "not both"),
    # demand: which
    "demand, negative": ({"demand": -4}, f"field 'demand': {NUMBER} -4"),
    "demand, NaN": ({"demand": NAN}, f"field 'demand': {NUMBER} nan"),
    "demand, infinite": ({"demand": INF}, f"field 'demand': {NUMBER} inf"),
    "demand, huge": ({"demand": 10**400}, f"field 'demand': {NUMBER} an integer of more"),
    "demand as boolean": ({"demand": True}, f"field 'demand': {NUMBER} True"),
    "demand as text": (
        {"demand": "poisson"},
        "field 'demand': must be a mean or a mapping with 'kind' (autoregressive, ",
    ),
    "demand as list": ({"demand": [4, 5]}, "field 'demand': must be a mean or a mapping with 'kind'"),
    "demand, null": ({"demand": None}, "field 'demand': must be a mean or a mapping"),
    "unknown kind": (
        of_kind("poison", mean=1),
        "field 'demand.kind': unknown kind of demand 'poison' (did you mean 'poisson'?)",
    ),
    "kind as number": (of_kind(3), "field 'demand.kind': unknown kind of demand 3; expected one of"),  # type: ignore[arg-type]
    "no mean": (of_kind("poisson"), "field 'demand.mean': is missing"),
    # demand: retailers
    "mean of one retailer": (poisson(mean={"ret_0": -1}), f"field 'demand.mean.ret_0': {NUMBER} -1"),
    "mean of nobody": (
        poisson(mean={"ret_0": 1, "ret_1": 1}),
        "field 'demand.mean': 'ret_1' is no retailer of this network",
    ),
    "mean of no retailer": (poisson(mean={"whole_0": 1, "ret_0": 1}), "field 'demand.mean': 'whole_0' is no retailer"),
    "no means": (poisson(mean={}), "field 'demand.mean': must be a number or a mapping of names to numbers"),
    "path of nobody": (
        of_kind("deterministic", values={"ret": [1]}),
        "field 'demand.values': 'ret' is no retailer of this network (did you mean 'ret_0'?)",
    ),
    # demand: kinds
    "no periods": (
        of_kind("deterministic", values=[]),
        "field 'demand.values': must be a list of 1 to 1000000 entries",
    ),
    "negative period": (of_kind("deterministic", values=[1, -1]), f"field 'demand.values.1': {NUMBER} -1"),
    "negative period of one": (
        of_kind("deterministic", values={"ret_0": [1, NAN]}),
        f"field 'demand.values.ret_0.1': {NUMBER} nan",
    ),
    "paths within paths": (
        of_kind("deterministic", values={"ret_0": {"x": 1}}),
        "field 'demand.values.ret_0': must be a list",
    ),
    "negative deviation": (of_kind("normal", mean=1, std=-1), f"field 'demand.std': {NUMBER} -1"),
    "too little scatter": (
        of_kind("negative_binomial", mean=9, std=3),
        "field 'demand.std': squared must exceed the mean at retailer 'ret_0', got std 3.0 and mean 9.0; use kind 'po",
    ),
    "correlation of one over time": (
        of_kind("autoregressive", mean=9, std=3, correlation=1),
        "field 'demand.correlation': must be a finite number from -0.999 to 0.999, got 1",
    ),
    "no order size": (
        of_kind("compound_poisson", customers=2),
        "field 'demand': give either mean_size (geometric) or sizes",
    ),
    "two order sizes": (
        of_kind("compound_poisson", customers=2, mean_size=2, sizes=[1]),
        "field 'demand': give either",
    ),
    "small order size": (of_kind("compound_poisson", customers=2, mean_size=0.5), "field 'demand.mean_size': must be"),
    "probabilities": (
        of_kind("compound_poisson", customers=2, sizes=[1, 2], probabilities=[0.5, 0.6]),
        "field 'demand.probabilities': must sum to 1, got 1.1",
    ),
    "probabilities, too few": (
        of_kind("compound_poisson", customers=2, sizes=[1, 2], probabilities=[1]),
        "field 'demand.probabilities': must have one entry for each of sizes",
    ),
    "no season": (of_kind("seasonal", base=4), "field 'demand': give either factors, or length and amplitude"),
    "half a season": (
        of_kind("seasonal", base=4, length=4),
        "field 'demand': give either factors, or length and amplitude",
    ),
    "season of a bad base": (
        of_kind("seasonal", base={"mean": -1}, factors=[1]),
        f"field 'demand.base.mean': {NUMBER} -1",
    ),
    "season of nobody": (
        of_kind("seasonal", base={"mean": {"ret_1": 1}}, factors=[1]),
        "field 'demand.base.mean': 'ret_1' is no retailer",
    ),
    "negative factor": (
        of_kind("seasonal", base=4, factors=[1, -1]),
        "field 'demand.factors.1': must be a finite number",
    ),
    "amplitude above one": (of_kind("seasonal", base=4, length=4, amplitude=1.5), "field 'demand.amplitude': must be"),
    "step, no time": (of_kind("step", base=4, factor=2), "field 'demand.period': is missing"),
    "shock of nobody": (
        of_kind("shock", base=4, factor=2, period=3, retailers=["ret_7"]),
        "field 'demand.retailers': 'ret_7' is no retailer of this network (did you mean 'ret_0'?)",
    ),
    "shock of no time": (of_kind("shock", base=4, factor=2, period=3, duration=0), "field 'demand.duration': must be"),
    "correlation": (
        of_kind("correlated", marginal=4, correlation=2),
        "field 'demand.correlation': must be a finite number",
    ),
    "marginal": (
        of_kind("correlated", marginal={"kind": "deterministic", "values": 4}, correlation=0.5),
        "field 'demand.marginal.kind': must be poisson, normal or negative_binomial, got 'deterministic'",
    ),
    "correlation matrix of another size": (
        of_kind("correlated", marginal=4, correlation=[[1, 0], [0, 1]]),
        "field 'demand.correlation': must be a number or 1 rows of 1 numbers",
    ),
    "each retailer": (
        of_kind("per_retailer", processes={"ret_0": {"mean": "4"}}),
        f"field 'demand.processes.ret_0.mean': {NUMBER} '4'",
    ),
    "one retailer for another": (
        of_kind("per_retailer", processes={"ret_9": 4}),
        "field 'demand.processes': 'ret_9' is no retailer",
    ),
    "no series": (of_kind("time_series"), "field 'demand': give either file or values"),
    "two series": (of_kind("time_series", file="x.csv", values=[1]), "field 'demand': give either file or values"),
    "series of two lengths": (
        of_kind("time_series", values={"ret_0": [1], "ret_1": [1, 2]}),
        "field 'demand.values': must have as many periods for each retailer, got [1, 2]",
    ),
    "block beyond the series": (
        of_kind("time_series", values=[1, 2], block=3),
        "field 'demand.block': must not exceed the 2 periods",
    ),
    "mode": (
        of_kind("time_series", values=[1], mode="repeat"),
        "field 'demand.mode': must be 'bootstrap' or 'replay', got 'repeat'",
    ),
    "file as number": (of_kind("time_series", file=3), "field 'demand.file': must be the path of a CSV file, got 3"),
    "no such file": (of_kind("time_series", file="nowhere.csv"), "field 'demand.file': nowhere.csv: no such file"),
    # network
    "network as number": ({"network": 3}, "field 'network': must be a name, a path or a networkx DiGraph, got 3"),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_bad_field_is_named_with_what_was_expected(name: str) -> None:
    fields, message = BAD_FIELDS[name]
    assert message in refusal("bg", **fields)


def test_matrices_that_are_no_correlations() -> None:
    marginal = {"kind": "correlated", "marginal": 4}
    message = refusal("r1", demand={**marginal, "correlation": -0.9})
    assert "field 'demand.correlation': is no correlation matrix: its smallest eigenvalue" in message
    assert "one number for 4 retailers must be at least -0.3333" in message
    asymmetric = np.eye(4)
    asymmetric[0, 1] = 0.3
    assert "must be symmetric with ones" in refusal("r1", demand={**marginal, "correlation": asymmetric})


def test_costs_that_do_not_fit_the_network() -> None:
    graph = nx.DiGraph([("a", "b")])
    assert "firm 'b' of network 'graph' has no holding cost; give holding_cost" in refusal(graph)
    assert "costs='cs2000' is defined for 4 or 5 stages" in refusal(graph, costs="cs2000")


def test_stage_times_that_are_not_there_or_too_long() -> None:
    graph = nx.DiGraph([("a", "b")])
    message = refusal(graph, costs="uniform", shipment_lead_time="data")
    assert "field 'shipment_lead_time': 'data' needs a stage_time at every firm, or" in message
    message = refusal("r1", shipment_lead_time="data", stage_time_per_period=0.001)
    assert "periods, more than 1000; raise stage_time_per_period" in message


def test_a_missing_retailer_is_named() -> None:
    message = refusal("r1", demand={"mean": {"ret_0": 1, "ret_2": 1}})
    assert "field 'demand.mean': misses retailer 'ret_1'; give each retailer an entry, or 'default'" in message


@pytest.mark.parametrize("source", [3, None, [1], ("bg",), b"bg"])
def test_sources_of_no_use(source: Any) -> None:
    assert "scenario must be a name, a path, a mapping, a graph or a Scenario" in refusal(source)


def test_a_mapping_without_a_network() -> None:
    assert "scenario: field 'network' is missing" in refusal({"horizon": 10})


# --- scenario files ---

BAD_YAML: dict[str, tuple[str, str]] = {
    "empty": ("", "a scenario file must be a mapping of fields, got None"),
    "list": ("- bg\n", "a scenario file must be a mapping of fields, got ['bg']"),
    "duplicate key": ("network: bg\nhorizon: 10\nhorizon: 20\n", "line 3: duplicate key 'horizon'"),
    "duplicate key inside": ("network: bg\nactions: {low: 1, low: 2, high: 3}\n", "line 2: duplicate key 'low'"),
    "alias": ("network: &n bg\nhorizon: *n\n", "line 2: aliases (*name) are not accepted"),
    "billion laughs": (
        "a: &a [lol, lol]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "line 2: aliases (*name) are not accepted",
    ),
    "merge key": ("network: bg\n<<: {horizon: 3}\n", "line 2: merge keys (<<) are not accepted"),
    "key as list": ("? [a, b]\n: 3\n", "line 1: a key must be text"),
    "deep": ("a: " + "[" * (MAX_YAML_DEPTH + 1) + "]" * (MAX_YAML_DEPTH + 1), "nested deeper than 20 levels"),
    "very deep": ("[" * 100_000, "nested deeper than 20 levels"),
    "python object": (
        "network: !!python/object/apply:os.system ['touch executed']\n",
        "could not determine a constructor",
    ),
    "own tag": ("network: !shell bg\n", "could not determine a constructor"),
    "not YAML": ("network: [bg\n", "line 2: expected ',' or ']'"),
    "tab": ("network: bg\n\thorizon: 3\n", "line 2: "),
    "two documents": ("network: bg\n---\nnetwork: r1\n", "expected a single document"),
    "impossible date": (
        "network: bg\nhorizon: 2024-99-99\n",
        "from 2 to 100000, got '2024-99-99'",
    ),
    "seed among the fields": ("network: bg\nseed: 3\n", "'seed' is the trainer's: write it in the section train"),
    "float written as integer": ("network: bg\nhorizon: !!int x\n", "line 2: is no int of YAML 1.2"),
    "one key, written twice in two ways": ("network: bg\ncosts: {holding: {8: 1, '8': 2}}\n", "duplicate key '8'"),
    "integer of thousands of digits": ("network: bg\nhorizon: " + "9" * 5000 + "\n", "a value cannot be read"),
    "date": ("network: bg\nhorizon: 2024-01-01\n", "field 'horizon': must be a whole number"),
    "not finite": (
        "network: bg\ngamma: .nan\n",
        "field 'gamma': must be a finite number above 0 and at most 1, got nan",
    ),
    "number as text": ("network: bg\nhorizon: '50'\n", "must be a whole number from 2 to 100000, got '50'"),
    "unknown field": ("network: bg\nwarm_up: 3\n", "unknown field 'warm_up' (did you mean 'warmup'?)"),
    "key as number": ("network: bg\n7: 3\n", "unknown field '7'"),
    "unknown section": (
        "env: {network: bg}\ntrian: {}\n",
        "unknown section 'trian' (did you mean 'train'?); expected env",
    ),
    "section as text": ("env: bg\n", "section 'env' must be a mapping of fields, got 'bg'"),
    "empty section": ("env:\ntrain:\n", "section 'env' must be a mapping of fields, got None"),
    "no network": ("env: {horizon: 3}\n", "field 'network' is missing"),
    "network as number": ("network: 3\n", "field 'network': must be a name, a path or a networkx DiGraph, got 3"),
    "unknown base": ("scenario: {a: {b: 1}}\nnetwork: bg\n", "unknown field 'a'"),
    "starts from itself": ("scenario: bad.yaml\n", "field 'scenario': starts from itself (bad.yaml -> bad.yaml)"),
    # paths
    "network outside": ("network: ../outside.json\n", "field 'network': must stay inside the scenario's folder"),
    "network outside, with advice": (
        "network: ../net.json\n",
        "'../net.json'; to allow it, write its absolute path",
    ),
    "network through a link": (
        "network: link/outside.json\n",
        "field 'network': must stay inside the scenario's folder",
    ),
    "network through a loop": ("network: loop/x.json\n", "field 'network': "),
    "network with NUL": ('network: "a\\0b.json"\n', "field 'network': 'a\\x00b.json' is no path"),
    "network, very long": (f"network: {'a' * 5000}.json\n", "field 'network': 'aaaa"),
    "scenario outside": ("scenario: ../other.yaml\n", "field 'scenario': must stay inside the scenario's folder"),
    "demand outside": (
        "network: bg\ndemand: {kind: time_series, file: ../demand.csv}\n",
        "field 'demand.file': must stay inside the scenario's folder, got '../demand.csv'",
    ),
    "demand outside, hidden": (
        "network: bg\ndemand: {kind: seasonal, factors: [1], base: {kind: time_series, file: ../../etc/hosts.csv}}\n",
        "field 'demand.base.file': must stay inside the scenario's folder, got '../../etc/hosts.csv'",
    ),
    "demand through a link": (
        "network: bg\ndemand: {kind: time_series, file: link/demand.csv}\n",
        "field 'demand.file': must stay inside the scenario's folder",
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a link that leads out of it and a link to itself, beside files that are not its own."""
    (tmp_path / "outside.json").write_text("{}")
    (tmp_path / "demand.csv").write_text("demand\n1\n")
    (tmp_path / "other.yaml").write_text("network: bg\n")
    own = tmp_path / "own"
    own.mkdir()
    (own / "link").symlink_to(tmp_path)
    (own / "loop").symlink_to(own / "loop")
    monkeypatch.chdir(own)
    return own


@pytest.mark.parametrize("name", BAD_YAML)
def test_a_bad_scenario_file_is_refused_with_exit_code_2_and_nothing_is_written(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, message = BAD_YAML[name]
    (folder / "bad.yaml").write_text(text)
    before = sorted(folder.parent.rglob("*"))
    written = refusal("bad.yaml")
    assert message in written
    assert "bad.yaml" in written
    monkeypatch.setattr(sys, "argv", ["scenv", "evaluate", "--scenario", "bad.yaml"])
    with pytest.raises(SystemExit) as stop:
        main()
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert printed.err == f"scenv: {written}\n"
    assert printed.out == ""
    assert sorted(folder.parent.rglob("*")) == before


def test_files_that_are_no_text(folder: Path) -> None:
    path = folder / "bad.yaml"
    path.write_bytes(b"network: \xff\xfe\n")
    assert "bad.yaml: not UTF-8 text (byte 9)" in refusal(path)
    path.write_bytes(b"network: bg\0\n")
    assert "bad.yaml: not a text file (it holds NUL bytes)" in refusal(path)
    path.write_text("network: b\x07g\n")
    assert "bad.yaml: not YAML (unacceptable character" in refusal(path)


def test_files_that_are_too_large_or_no_files(folder: Path) -> None:
    path = folder / "bad.yaml"
    path.write_text("# " + "x" * MAX_YAML_BYTES)
    assert "bad.yaml: larger than 1 MiB; expected a smaller file" in refusal(path)
    assert "missing.yaml: no such file" in refusal(folder / "missing.yaml")
    (folder / "folder.yaml").mkdir()
    assert "folder.yaml is a directory; expected a file" in refusal(folder / "folder.yaml")
    os.mkfifo(folder / "pipe.yaml")
    assert "pipe.yaml: not a regular file" in refusal(folder / "pipe.yaml")
    assert "'a\\x00b.yaml': no such file" in refusal("a\0b.yaml")
    assert "cannot be read" in refusal("a" * 5000 + ".yaml")


def test_a_circle_and_a_long_chain_of_scenario_files(folder: Path) -> None:
    (folder / "a.yaml").write_text("scenario: b.yaml\n")
    (folder / "b.yaml").write_text("scenario: a.yaml\n")
    assert "starts from itself (a.yaml -> b.yaml -> a.yaml)" in refusal("a.yaml")
    for k in range(12):
        (folder / f"c{k}.yaml").write_text(f"scenario: c{k + 1}.yaml\n")
    assert "starts from more than 8 others" in refusal("c0.yaml")


# --- a network's own scenario block ---


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"horizn": 3}, "unknown field 'horizn' (did you mean 'horizon'?)"),
        ({"network": "bg"}, "unknown field 'network'"),
        ({"horizon": 1}, "field 'horizon': must be a whole number"),
        ({"demand": {"kind": "time_series", "file": "/etc/hostname"}}, "a network cannot name files"),
        (
            {"demand": {"kind": "seasonal", "base": {"kind": "time_series", "file": "x.csv"}, "factors": [1]}},
            "a network cannot name files",
        ),
    ],
)
def test_bad_scenario_blocks_are_blamed_on_the_network(block: dict[str, Any], message: str) -> None:
    graph = nx.DiGraph([("a", "b")], name="mine", scenario=block)
    written = refusal(graph, costs="uniform")
    assert written.startswith("network 'mine', its scenario block: ")
    assert message in written


# --- demand files ---

CELL = "must be a finite number from 0 to 1e+12, got"
BAD_CSV: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "must have a header line with the columns' names and at least one line below it"),
    "header only": (b"demand\n", "must have a header line"),
    "NaN": (b"demand\n1\nnan\n", f"data line 2, column 'demand': {CELL} 'nan'"),
    "infinite": (b"demand\n1e999\n", f"data line 1, column 'demand': {CELL} '1e999'"),
    "inf": (b"demand\ninf\n", f"{CELL} 'inf'"),
    "negative": (b"demand\n-1\n", f"{CELL} '-1'"),
    "huge": (b"demand\n1e13\n", f"{CELL} '1e13'"),
    "text": (b"demand\nmany\n", f"{CELL} 'many'"),
    "underscore": (b"demand\n1_000\n", f"{CELL} '1_000'"),
    "decimal comma": (b'demand\n"1,5"\n', f"{CELL} '1,5'"),
    "empty cell": (b"ret_0,x\n1,\n", f"column 'x': {CELL} ''"),
    "ragged": (b"ret_0,date\n1,2\n1\n", "data line 2 has 1 cells, expected 2"),
    "no header": (b"1\n2\n", "'1' is no retailer of this network"),
    "two columns of one name": (b"ret_0,ret_0\n1,2\n", "column 'ret_0' stands twice in the header"),
    "no retailer": (b"ret_1\n1\n", "'ret_1' is no retailer of this network (did you mean 'ret_0'?)"),
    "dates only": (b"date\n2024\n", "has no column of demand, only date"),
    "open quote": (b'demand\n"1\n', "not a valid CSV file"),
    "NUL": (b"demand\n1\0\n", "not a text file (it holds NUL bytes)"),
    "not UTF-8": (b"demand\n\xff\n", "not UTF-8 text"),
    "too large": (b"demand\n" + b"1\n" * (csv_file.MAX_BYTES // 2), "larger than 16 MiB"),
}


@pytest.mark.parametrize("name", BAD_CSV)
def test_a_bad_demand_file_is_refused(name: str, folder: Path) -> None:
    data, message = BAD_CSV[name]
    (folder / "bad.csv").write_bytes(data)
    (folder / "bad.yaml").write_text("network: bg\ndemand: {kind: time_series, file: bad.csv}\n")
    written = refusal("bad.yaml")
    assert written.startswith("bad.yaml: field 'demand.file': ")
    assert "bad.csv" in written or "is no retailer" in written
    assert message in written


def test_a_demand_file_without_a_retailers_column(folder: Path) -> None:
    (folder / "bad.csv").write_text("ret_0,ret_1,ret_2\n1,2,3\n")  # r1 has a fourth retailer, a wholesaler
    series = {"kind": "time_series", "file": "bad.csv"}
    assert "has no series for retailer 'whole_0'" in refusal("r1", demand=series)
    columns = {"ret_0": "ret_0", "ret_1": "rte_1"}
    assert "has no column 'rte_1' (did you mean 'ret_1'?)" in refusal("r1", demand={**series, "columns": columns})
    columns = {"ret_0": "ret_0", "manu_0": "ret_1"}
    assert "field 'demand.columns': 'manu_0' is no retailer" in refusal("r1", demand={**series, "columns": columns})


def test_a_demand_file_that_is_a_folder_or_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    for name, message in (("pipe.csv", "not a regular file"), (".", "is a directory"), ("link", "is a directory")):
        assert message in refusal("bg", demand={"kind": "time_series", "file": str(folder / name)})


def test_field_errors_are_value_errors_for_those_who_use_the_classes_themselves() -> None:
    with pytest.raises(ValueError, match="must be a finite number from 0"):
        demand.PoissonDemand(mean=-1)
    with pytest.raises(ValueError, match="field 'mean': misses retailer 'b'"):
        demand.PoissonDemand(mean={"a": 1}).moments(("a", "b"))
