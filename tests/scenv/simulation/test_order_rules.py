"""Orders as they are in practice, against tables worked by hand."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv.simulation.array_ops import Segments
from scenv.simulation.dynamics import arrivals
from scenv.simulation.order_rules import build_order_rules, ordered
from scenv.simulation.structure import build_structure
from scenv.simulation.whole_units import whole_parts, whole_slots
from tests.scenv.simulation.one_shop import lived, shop


def test_between_reviews_nothing_is_ordered_and_the_demand_adds_up() -> None:
    env = shop(review_period=3, demand={"kind": "deterministic", "values": [4, 5, 6, 7, 8, 9, 10, 11]})
    env.reset(seed=0)
    answered, reviews, placed = [], [], []
    for action in [3, 0, 4, 4, 2, 2, 0]:  # adjustments 1, -2, 2, 2, 0, 0, -2
        answered.append(float(env.answered_demand[0, 0]))
        reviews.append(bool(env.last_info["review"][0, 0]))
        env.step([[action]])
        placed.append(float(env.ordered[0, 0]))
    assert reviews == [True, False, False, True, False, False, True]
    assert answered == [4, 5, 5 + 6, 5 + 6 + 7, 8, 8 + 9, 8 + 9 + 10]
    assert placed == [4 + 1, 0, 0, 18 + 2, 0, 0, 27 - 2]


def test_each_firm_reviews_in_its_own_periods() -> None:
    env = scenv.vector_env("bg", 2, seed=0, review_period={"ret_0": 2, "sup_0": 3})
    env.reset()
    for period in range(7):
        env.step_orders(np.full((2, 4), 30.0))
        assert env.ordered[0].tolist() == [30.0 * (period % 2 == 0), 30.0, 30.0, 30.0 * (period % 3 == 0)]


@pytest.mark.parametrize(
    ("fields", "wanted", "placed"),
    [
        ({"minimum_order": 5}, [0, 0.5, 4.9, 5, 7.3], [0, 5, 5, 5, 7.3]),
        ({"lot_size": 6}, [0, 0.1, 6, 6.01, 13], [0, 6, 6, 12, 18]),
        ({"lot_size": 6}, [6 + 1e-12, 3 * (1 / 3) * 6], [6, 6]),  # the dust of splits is no reason for another lot
        ({"minimum_order": 8, "lot_size": 6}, [0, 2, 8, 12.5], [0, 12, 12, 18]),
        ({"whole_units": True}, [0.4, 0.5, 1.5, 2.6], [0, 1, 2, 3]),
        ({"whole_units": True, "minimum_order": 3, "lot_size": 2}, [0.4, 0.6, 4.4, 4.5], [0, 4, 4, 6]),
        ({"minimum_order": {"bakery": 3}}, [1], [1]),
    ],
)
def test_what_becomes_of_a_quantity(fields: dict[str, Any], wanted: list[float], placed: list[float]) -> None:
    graph = nx.DiGraph([("bakery", "shop")])
    rules = build_order_rules(scenv.load_scenario(graph, costs="uniform", **fields))
    quantities = np.array([wanted, wanted])  # shop, bakery
    assert ordered(rules, quantities, None)[0].tolist() == pytest.approx(placed)


def test_a_fixed_cost_is_paid_in_the_period_that_the_order_opens() -> None:
    record = lived(shop(order_cost=50), [4, 0, 0.5, 4, 0])
    stock = [4, 4, 4, 0, 0]  # 4 in stock, 2 x 4 to come; then what was ordered two periods before
    assert record["on_hand"][:3] == stock[:3]
    assert record["order_cost"] == [0, 50, 0, 50, 50, 0]
    plain = lived(shop(), [4, 0, 0.5, 4, 0])
    assert (np.array(record["cost"]) - plain["cost"]).tolist() == record["order_cost"]


def test_nothing_but_the_own_action_answers_for_its_fixed_cost() -> None:
    """The windows of the paper's reward begin when an order arrives, after its fixed cost was paid."""
    fields: dict[str, Any] = {"horizon": 30, "reward_window": 3, "gamma": 0.9, "reward_scale": 1.0}
    plain, fixed = (shop(**fields, order_cost=cost) for cost in (0, 50))
    rewards = []
    for env in (plain, fixed):
        env.reset(seed=0)
        rewards.append([float(env.step_orders([[4.0 * (k in (2, 9))]])[1][0, 0]) for k in range(29)])
    extra = np.array(rewards[1]) - rewards[0]
    delay = int(fixed.reward_delay[0])
    assert np.flatnonzero(extra).tolist() == [2 + delay, 9 + delay]
    # c_r = -1 / 4, four terms of a window: 50 (0.9^2 + 0.9^3 + 0.9^4 + 0.9^5) / 3.
    assert extra[2 + delay] == pytest.approx(-50 / 4 * 0.9**2 * (1 + 0.9 + 0.81 + 0.729) / 3)
    at_once = shop(horizon=30, reward="cost", reward_scale=1.0, order_cost=50)
    at_once.reset(seed=0)
    cheap = shop(horizon=30, reward="cost", reward_scale=1.0)
    cheap.reset(seed=0)
    assert at_once.step_orders([[4.0]])[1][0, 0] - cheap.step_orders([[4.0]])[1][0, 0] == pytest.approx(-50 / 4)


def test_what_does_not_fit_waits_at_the_gate_and_costs() -> None:
    """Room for 6 units; 4 in stock before period 0, and 4 to come in periods 0 and 1.

    Period 0: room for 2 of 4; 6 at hand, 4 sold, 2 stay; 2 wait. Period 1: room for 4 of 2 + 4; 2 stay, 2 wait.
    Period 2: the 20 ordered at the end of period 0 arrive: room for 4 of 22, 18 wait. Then 4 come in a period.
    """
    record = lived(shop(storage_capacity=6, overflow_cost=0.5), [20, 0, 0, 0])
    assert record["received"] == [2, 4, 4, 4, 4]
    assert record["on_hand"] == [2, 2, 2, 2, 2]
    assert record["waiting"] == [2, 2, 18, 14, 10]
    assert record["on_order"] == [4 + 2, 22, 18, 14, 10]
    assert record["cost"] == [2 + 0.5 * waiting for waiting in record["waiting"]]
    held = lived(shop(storage_capacity=6), [20, 0, 0, 0])
    assert held["cost"] == [2 + waiting for waiting in held["waiting"]]  # the holding cost, unless said otherwise


def test_a_stock_that_starts_too_full_takes_nothing_in_until_there_is_room() -> None:
    record = lived(shop(storage_capacity=6, initial_stock=15), [0, 0, 0])
    assert record["received"] == [0, 0, 0, 3]
    assert record["on_hand"] == [11, 7, 3, 2]


@pytest.mark.parametrize(("whole", "received"), [(False, [1.5, 4.5]), (True, [1, 5])])
def test_a_full_stock_is_shared_by_the_links_in_proportion(whole: bool, received: list[float]) -> None:
    """8 and 24 units are due, there is room for 6: a quarter and three quarters of it; 26 wait, 6.5 and 19.5 of them,
    in whole units 7 and 19.
    """
    graph = nx.DiGraph([("near", "shop"), ("far", "shop")])
    scenario = scenv.load_scenario(graph, costs="uniform", storage_capacity={"shop": 10}, whole_units=whole)
    structure = build_structure(scenario)
    links = np.flatnonzero(structure.buyers.firm == 0)
    due, on_hand = np.zeros((4, 1)), np.full((3, 1), 4.0)
    due[links, 0] = 8, 24
    came, under_way, waiting = arrivals(structure, (due, due), on_hand, None)
    assert came[links, 0].tolist() == received
    assert waiting is not None
    assert waiting[:, 0].tolist() == [26, 0, 0]
    np.testing.assert_array_equal(under_way[0], due + due - came)


def test_initial_stock_by_firm() -> None:
    fields: dict[str, Any] = {"demand": {"kind": "deterministic", "values": 0}, "initial_stock_periods": 2}
    env = scenv.vector_env("bg", 1, **fields, initial_stock={"ret_0": 7, "default": 1})
    env.reset()
    assert env.local_state.on_hand[0].tolist() == [7, 1, 1, 1]
    some = scenv.vector_env("bg", 1, initial_stock={"sup_0": 500})
    some.reset(seed=0)
    assert some.state.on_hand[3, 0] == 500  # 32 in, 32 out
    assert some.structure.initial_on_hand[:3, 0].tolist() == [32, 32, 32]


def test_largest_remainders_conserve_and_ties_go_to_the_first() -> None:
    segments = Segments.build(np.array([0, 1, 0, 0, 1, 2]), 3, np.asarray)
    parts = np.array([[10 / 3, 0.2], [2.5, 0.5], [10 / 3, 0.7], [10 / 3, 1.1], [2.5, 0.5], [4.0, 0.0]])
    assert whole_parts(segments, parts).tolist() == [[4, 0], [3, 1], [3, 1], [3, 1], [2, 0], [4, 0]]
    rng = np.random.default_rng(0)
    total = rng.integers(0, 50, size=(3, 200)).astype(float)
    shares = rng.dirichlet([1, 1, 1], size=200).T
    split = np.stack([total[0] * shares[0], total[1] * 0.25, *(total[0] * shares[1:]), total[1] * 0.75, total[2]])
    whole = whole_parts(segments, split)
    np.testing.assert_array_equal(segments.sum(whole), total)
    np.testing.assert_array_equal(whole, np.round(whole))
    assert (np.abs(whole - split) < 1).all()


def test_a_pipeline_is_rounded_as_a_whole() -> None:
    slots = whole_slots([np.full((1, 1), 4 / 3)] * 3)
    assert [float(slot[0, 0]) for slot in slots] == [1, 2, 1]
    assert whole_slots([]) == ()


def test_an_order_of_whole_units_is_split_into_whole_units() -> None:
    env = scenv.vector_env("r1", 3, seed=0, whole_units=True)
    env.reset()
    graph, sources = env.scenario.network.graph, env.structure.num_sources
    env.step_orders(np.full((3, 17), 7.0))
    for buyer, name in enumerate(env.agents):
        links = np.flatnonzero(env.structure.buyers.firm == buyer)
        if graph.in_degree(name) > 1:
            claims = env.state.claims[links - sources, 0].tolist()
            assert sum(claims) == 7
            assert claims == sorted(claims, reverse=True)  # ties go to the first
            assert max(claims) - min(claims) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"review_period": 1},
        {"minimum_order": 0, "lot_size": 0.0, "order_cost": 0},
        {"storage_capacity": 1e9},
        {"minimum_order": 1e-9},
        {"initial_stock": {"default": 8.0}},
    ],
)
def test_rules_that_do_not_bind_change_nothing(fields: dict[str, Any]) -> None:
    plain, ruled = (scenv.vector_env("r1", 4, seed=0, **given) for given in ({"initial_stock_periods": 1}, fields))
    if "initial_stock" in fields:
        own = dict(zip(plain.agents, plain.structure.initial_on_hand[:, 0].tolist(), strict=True))
        ruled = scenv.vector_env("r1", 4, seed=0, initial_stock=own)
    np.testing.assert_array_equal(plain.reset(), ruled.reset())
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = rng.integers(0, 15, (4, 17))
        for one, other in zip(plain.step(actions)[:2], ruled.step(actions)[:2], strict=True):
            np.testing.assert_array_equal(one, other)


def test_check_env_keeps_its_books_with_rules_for_orders() -> None:
    fields = {"review_period": {"default": 2, "ret_0": 3}, "minimum_order": 5, "lot_size": 4, "order_cost": 3}
    scenv.testing.check_env("bg", horizon=20, **fields, storage_capacity=60, whole_units=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"review_period": 0}, "'review_period': must be a whole number from 1 to 100000, got 0"),
        ({"review_period": {"ret_0": 1.5}}, "'review_period.ret_0': must be a whole number from 1 to 100000, got 1.5"),
        ({"lot_size": {"ret_9": 2}}, r"'lot_size': 'ret_9' is no firm of network 'bg' \(did you mean 'ret_0'\?\)"),
        ({"order_cost": -3}, "'order_cost': must be a finite number from 0"),
        ({"minimum_order": "many"}, "'minimum_order': must be a finite number from 0"),
        ({"whole_units": True, "lot_size": 2.5}, "'lot_size': must be whole where whole_units is on, got 2.5"),
        ({"whole_units": True, "storage_capacity": {"ret_0": 9.5}}, "'storage_capacity.ret_0': must be whole where"),
        ({"whole_units": "maybe"}, "'whole_units': must be true or false, got 'maybe'"),
        ({"initial_stock": {}}, "'initial_stock': must be a number or a mapping of names to numbers"),
    ],
)
def test_bad_rules_are_refused_in_one_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(scenv.ScenarioError, match=message):
        scenv.load_scenario("bg", **fields)
