"""Random lead times, capacity, lost sales and disruptions against numbers worked by hand and against theory."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.scenario.implied import capacities, extensions, lead_time_distribution, lead_time_of
from scenv.scenario.lead_times import never_overtaking
from scenv.scenario.periods import PeriodsDistribution
from tests.scenv.simulation.one_shop import lived, shop

# --- capacity ---


def test_capacity_limits_what_is_served_and_not_what_is_held() -> None:
    # 8 units at hand, 3 can be served of the 4 wanted: one more is owed each period, one more stays in stock.
    record = lived(shop(capacity=3), [4, 4, 4])
    assert record["on_hand"] == [5, 6, 7, 8]
    assert record["backorder"] == [1, 2, 3, 4]
    assert record["cost"] == [5 + 2, 6 + 4, 7 + 6, 8 + 8]


def test_capacity_by_firm() -> None:
    scenario = scenv.load_scenario("bg", capacity={"sup_0": 30, "default": 40})
    assert capacities(scenario).tolist() == [40, 40, 40, 30]
    assert capacities(scenv.load_scenario("bg", capacity={"sup_0": 30})).tolist() == [np.inf, np.inf, np.inf, 30]
    assert capacities(scenv.load_scenario("bg")) is None


def test_a_capacity_that_never_binds_changes_nothing() -> None:
    plain, roomy = scenv.vector_env("r1", 4, seed=0), scenv.vector_env("r1", 4, seed=0, capacity=1e9)
    np.testing.assert_array_equal(plain.reset(), roomy.reset())
    for _ in range(20):
        actions = np.full((4, 17), 6)
        np.testing.assert_array_equal(plain.step(actions)[0], roomy.step(actions)[0])


# --- lost sales ---


def test_unmet_demand_is_lost_and_paid_for_once() -> None:
    # Nothing is ordered: 4 + 4 units in period 0, 4 more arrive in period 1, then there is nothing.
    record = lived(
        shop(lost_sales=True, demand={"kind": "deterministic", "values": 5}, initial_stock_periods=0.8), [0] * 4
    )
    assert record["received"] == [5, 5, 0, 0, 0]
    assert record["on_hand"] == [4, 4, 0, 0, 0]
    assert record["lost_sales"] == [0, 0, 1, 5, 5]
    assert record["backorder"] == [0] * 5
    assert record["cost"] == [4, 4, 2, 10, 10]


def test_the_fill_rate_counts_lost_sales() -> None:
    fields = {"lost_sales": True, "initial_stock_periods": 0, "horizon": 30, "warmup": 10}
    result = scenv.evaluate(scenv.policies.ConstantOrder("bg", quantity=16), "bg", episodes=20, **fields)
    assert result.fill_rate == pytest.approx(0.5, abs=0.02)
    assert float(result.late[:, 0].sum() / result.demand[:, 0].sum()) == pytest.approx(0.5, abs=0.02)


def test_only_external_demand_is_lost() -> None:
    env = scenv.vector_env("bg", 2, lost_sales=True, initial_stock_periods=0, seed=0)
    env.reset()
    for _ in range(20):
        env.step_orders(np.full((2, 4), 40.0) * [1, 0.1, 0.1, 0.1])
    assert (env.local_state.backorder[:, 1] > 0).all()
    assert (env.last_info["lost_sales"][:, 1:] == 0).all()
    assert (env.last_info["lost_sales"][:, 0] > 0).all()


# --- random lead times ---


def test_a_slow_consignment_holds_back_the_quick_ones_behind_it() -> None:
    journeys = np.array([3, 1, 1, 1, 2, 1])[None, :, None]
    assert never_overtaking(journeys)[0, :, 0].tolist() == [3, 2, 1, 1, 2, 1]


@pytest.mark.parametrize("crossing", [False, True])
def test_goods_arrive_when_their_journey_says(crossing: bool) -> None:
    """Every period's order is another number, so that each consignment can be told by its size."""
    fields = {"shipment_lead_time": {"values": [1, 2, 4]}, "order_crossing": crossing, "horizon": 40}
    env = shop(**fields, initial_stock_periods=0)
    env.reset(seed=3)
    journey = env.exogenous.shipments.periods[:, 0, 0]
    orders, received = [], [float(env.local_state.received[0, 0])]
    while env.period < env.horizon - 1:
        orders.append(2.0**env.period)
        env.step_orders([[orders[-1]]])
        received.append(float(env.local_state.received[0, 0]))
    expected = np.zeros(env.horizon)
    for placed, quantity in enumerate(orders):
        sent = placed + 1  # the order reaches the external supplier in the next period
        arrival = sent + journey[sent]
        if arrival < env.horizon:
            expected[arrival] += quantity
    late = np.array(received) - expected
    assert (late[8:] == 0).all()  # what arrives before was under way at the start
    assert late[:8].sum() == pytest.approx(4 * round(late[:8].sum() / 4))
    arrivals = np.arange(env.horizon) + journey
    assert ((np.diff(arrivals) < 0).any()) == crossing


@given(
    values=st.lists(st.integers(1, 7), min_size=1, max_size=4, unique=True),
    weights=st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_the_mean_lead_time_without_crossing_is_that_of_long_draws(values: list[int], weights: list[int]) -> None:
    weights = weights[: len(values)]
    periods = PeriodsDistribution(values=values, probabilities=[weight / sum(weights) for weight in weights])
    drawn = periods.quantile(np.random.default_rng(0).random((1, 20_000, 1)))
    waiting = never_overtaking(drawn)[0, 50:, 0]
    assert drawn.mean() == pytest.approx(periods.mean, rel=0.04)
    assert waiting.mean() == pytest.approx(periods.mean_without_crossing, rel=0.04)
    assert (np.diff(waiting + np.arange(len(waiting))) >= 0).all()
    assert waiting.max() <= periods.longest


def test_mean_lead_time_without_crossing_by_hand() -> None:
    # 1 or 2 periods, equally likely: a slow one holds nothing back, P(at most 1) = F(1) F(2) = 1/2.
    assert PeriodsDistribution(values=[1, 2], probabilities=[0.5, 0.5]).mean_without_crossing == pytest.approx(1.5)
    # 1 or 3: P(at most 1) = F(1) F(2) = 1/4, P(at most 2) = F(2) = 1/2; the mean is 1 + 3/4 + 1/2.
    assert PeriodsDistribution(values=[1, 3], probabilities=[0.5, 0.5]).mean_without_crossing == pytest.approx(2.25)


def test_a_distribution_of_one_number_is_that_number() -> None:
    fields = [{"shipment_lead_time": 3}, {"shipment_lead_time": {"values": [3]}}]
    fixed, certain = (scenv.vector_env("r2", 3, seed=1, **own) for own in fields)
    np.testing.assert_array_equal(fixed.reset(), certain.reset())
    for _ in range(10):
        actions = np.full((3, 22), 4)
        np.testing.assert_array_equal(fixed.step(actions)[0], certain.step(actions)[0])


def test_drawn_journeys_of_one_length_are_the_fixed_lead_time() -> None:
    """A delay that never comes makes lead times drawn ones: the same numbers along the other path."""
    never = [{"kind": "delay", "extra": 2, "period": 1000}]
    fields = {"shipment_lead_time": {"default": 2, "external -> sup_0": 4}, "order_lead_time": 2}
    fixed, drawn = (scenv.vector_env("r1", 3, seed=1, **fields, disruptions=own) for own in ([], never))
    assert drawn.structure.shipment_lead.drawn
    assert not fixed.structure.shipment_lead.drawn
    np.testing.assert_array_equal(fixed.reset(), drawn.reset())
    for _ in range(20):
        actions = np.full((3, 17), 7)
        np.testing.assert_array_equal(fixed.step(actions)[0], drawn.step(actions)[0])


def test_the_pipeline_at_the_start_carries_the_mean_flow() -> None:
    """By Little's law, on order = flow x mean lead time, in the mean over many episodes, less what arrives at once."""
    env = shop(shipment_lead_time={"values": [1, 3]}, order_lead_time=2, initial_stock_periods=0)
    scenario = env.scenario
    many = scenv.vector_env(scenario, 20_000, seed=0)
    many.reset()
    mean = many.local_state.on_order.mean() + many.local_state.received.mean()
    # Seen at the start of period 0, before its receipts: consignments of the mean flow, 2 + 2.25 periods long.
    assert mean == pytest.approx(4 * (2 + 2.25), rel=0.02)


def test_lead_times_of_the_data_set() -> None:
    scenario = scenv.load_scenario("r1", shipment_lead_time="data")
    network = scenario.network
    supplier = next(u for u, v in network.edges if v == "ret_1")
    link = lead_time_distribution(scenario, "shipment", supplier, "ret_1")
    assert (link.values, link.probabilities) == ((4, 5, 6), pytest.approx((0.8, 0.1, 0.1)))
    for firm in network.agents:
        if firm not in network.stage_time_distribution:
            own = lead_time_distribution(
                scenario, "shipment", next((u for u, v in network.edges if v == firm), None), firm
            )
            assert own.values == (max(1, int(np.ceil(network.stage_time[network.index(firm)]))),)
    weeks = scenv.load_scenario("r1", shipment_lead_time="data", stage_time_per_period=7)
    assert lead_time_distribution(weeks, "shipment", supplier, "ret_1").values == (1,)
    env = scenv.vector_env(weeks, 2, seed=0)
    env.reset()
    env.step(np.zeros((2, 17), dtype=int))


def test_lead_times_of_the_data_set_by_link_and_edge_attribute_first() -> None:
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    nx.set_node_attributes(graph, {"a": 0.0, "b": 2.5, "c": 6.0}, "stage_time")
    graph.edges["b", "c"]["shipment_lead_time"] = 9
    scenario = scenv.load_scenario(graph, costs="uniform", shipment_lead_time={"default": "data", "external -> a": 4})
    links = [(None, "a"), ("a", "b"), ("b", "c")]
    assert [lead_time_of(scenario, "shipment", *link) for link in links] == [4, 3, 9]
    whole = scenv.load_scenario(graph, costs="uniform", shipment_lead_time="data")
    assert lead_time_of(whole, "shipment", None, "a") == 1  # a stage time of 0 is a period


@pytest.mark.parametrize("name", ["03.csv", "05.csv", "20.csv"])
def test_files_of_the_data_set_run_with_their_own_lead_times(name: str, willems_dir: Path) -> None:
    fields = {"shipment_lead_time": "data", "stage_time_per_period": 5, "horizon": 12, "warmup": 0}
    env = scenv.vector_env(willems_dir / name, 2, seed=0, **fields)
    assert env.structure.shipment_lead.drawn
    env.reset()
    while env.period < env.horizon - 1:
        env.step_orders(env.local_state.demand)
    assert (env.last_info["cost"] >= 0).all()


# --- disruptions ---


def test_a_closed_firm_receives_serves_and_orders_nothing() -> None:
    # Closed in periods 2 and 3. Orders of 4 a period; the one decided in 2 and 3 is void.
    env = shop(disruptions=[{"kind": "closure", "firms": ["shop"], "period": 2, "duration": 2}])
    record = lived(env, [4, 4, 4, 4, 4, 4, 4])
    assert record["closed"] == [0, 0, 1, 1, 0, 0, 0, 0]
    # What arrives in 2 and 3 waits at the gate and comes in with that of period 4 (in 4, what was ordered in 2, is 0).
    assert record["received"] == [4, 4, 0, 0, 8, 0, 4, 4]
    assert record["on_order"] == [4, 4, 8, 8, 0, 4, 4, 4]
    # 4 + 8 units in period 4 meet 8 owed and 4 ordered; the void order is missing from period 5 on.
    assert record["backorder"] == [0, 0, 4, 8, 0, 4, 4, 4]
    assert record["on_hand"] == [4, 4, 4, 4, 0, 0, 0, 0]
    assert record["cost"] == [4, 4, 4 + 8, 4 + 16, 0, 8, 8, 8]


def test_a_delay_lengthens_what_leaves_meanwhile_and_holds_up_what_follows() -> None:
    env = shop(disruptions=[{"kind": "delay", "period": 2, "extra": 3}], horizon=10)
    record = lived(env, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    # An order of period t is shipped in t + 1 and received in t + 2. That of period 1 leaves in 2 and takes 4 periods;
    # those behind it wait, and all arrive in period 6, with the order of period 4 that arrives then anyway.
    assert record["received"] == [4, 4, 1, 0, 0, 0, 2 + 3 + 4 + 5, 6, 7, 8]
    assert record["delay"] == [0, 0, 3, 0, 0, 0, 0, 0, 0, 0]


def test_with_crossing_what_follows_a_delay_overtakes() -> None:
    env = shop(disruptions=[{"kind": "delay", "period": 2, "extra": 3}], horizon=10, order_crossing=True)
    record = lived(env, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert record["received"] == [4, 4, 1, 0, 3, 4, 2 + 5, 6, 7, 8]


def test_a_demand_shock_changes_the_mean_and_shows() -> None:
    shock = {"kind": "demand_shock", "period": 3, "duration": 2, "factor": 2.5}
    record = lived(shop(disruptions=[shock]), [4] * 7)
    assert record["demand"] == [4, 4, 4, 10, 10, 4, 4, 4]
    assert record["demand_factor"] == [1, 1, 1, 2.5, 2.5, 1, 1, 1]


def test_infos_show_a_disruption_where_it_is_in_both_environments() -> None:
    disruptions = [
        {"kind": "closure", "firms": ["dist_0"], "period": 1},
        {"kind": "delay", "links": ["sup_0 -> dist_0"], "period": 1, "extra": 2},
        {"kind": "delay", "links": ["sup_0 -> dist_0"], "period": 0, "duration": 4, "extra": 1},
        {"kind": "demand_shock", "factor": 3, "period": 1},
    ]
    env = scenv.vector_env("bg", 2, disruptions=disruptions, seed=0)
    env.reset()
    info = env.step(np.zeros((2, 4), dtype=int))[4]
    dist = env.agents.index("dist_0")
    assert info["closed"][0].tolist() == [name == "dist_0" for name in env.agents]
    assert info["delay"][1].tolist() == [3 if i == dist else 0 for i in range(4)]
    assert info["demand_factor"][0].tolist() == [3, 1, 1, 1]
    single = scenv.parallel_env("bg", disruptions=disruptions)
    _, infos = single.reset(seed=0)
    assert infos["dist_0"] == {
        "cost": infos["dist_0"]["cost"],
        "period": 0,
        "closed": False,
        "delay": 1,
        "demand_factor": 1.0,
    }
    infos = single.step(dict.fromkeys(single.agents, 0))[4]
    assert infos["dist_0"]["closed"] is True
    assert infos["dist_0"]["delay"] == 3
    assert infos["ret_0"]["demand_factor"] == 3.0
    assert "closed" not in scenv.vector_env("bg", 1, seed=0, lost_sales=True).last_info


def test_each_stream_is_its_own() -> None:
    """Adding lead times, closures, delays or a capacity leaves the demand, and one another, as they were."""
    base = {"shipment_lead_time": {"values": [1, 3]}, "disruptions": [{"kind": "closure", "probability": 0.1}]}
    more = {
        **base,
        "order_lead_time": {"values": [1, 2]},
        "capacity": 9,
        "lost_sales": True,
        "disruptions": [*base["disruptions"], {"kind": "closure", "firms": ["ret_0"], "between": [2, 9]}],
    }
    drawn = []
    for fields in ({}, base, more):
        env = scenv.vector_env("r1", 5, seed=4, **fields)
        env.reset()
        drawn.append(env.exogenous)
    for other in drawn[1:]:
        np.testing.assert_array_equal(drawn[0].demand, other.demand)
    np.testing.assert_array_equal(drawn[1].shipments.periods, drawn[2].shipments.periods)
    others = np.arange(17) != scenv.load_network("r1").index("ret_0")
    np.testing.assert_array_equal(drawn[1].closed[:, :, others], drawn[2].closed[:, :, others])


def test_policies_meet_the_same_disruptions() -> None:
    fields = {
        "shipment_lead_time": {"values": [1, 4]},
        "disruptions": [{"kind": "demand_shock", "probability": 0.1, "factor": 4}],
    }
    idle, busy = scenv.vector_env("r2", 4, seed=2, **fields), scenv.vector_env("r2", 4, seed=2, **fields)
    for _ in range(2):
        idle.reset()
        busy.reset()
        for _ in range(49):
            idle.step_orders(np.zeros((4, 22)))
            busy.step_orders(np.full((4, 22), 9.0))
        for field in ("demand", "demand_factor"):
            np.testing.assert_array_equal(getattr(idle.exogenous, field), getattr(busy.exogenous, field))
        np.testing.assert_array_equal(idle.exogenous.shipments.periods, busy.exogenous.shipments.periods)


def test_random_times_have_the_given_frequency_and_length() -> None:
    closure = {"kind": "closure", "probability": 0.02, "duration": {"values": [1, 5], "probabilities": [0.5, 0.5]}}
    env = scenv.vector_env("r1", 2000, seed=0, disruptions=[closure])
    env.reset()
    closed = env.exogenous.closed
    # Open in period t, t > 4: no start in t, and none of five periods in each of the four before.
    expected = 1 - 0.98 * 0.99**4
    assert closed[:, 10:].mean() == pytest.approx(expected, rel=0.05)
    assert closed[:, 0].mean() == pytest.approx(0.02, rel=0.1)
    assert np.corrcoef(closed[:, 20, 0], closed[:, 20, 5])[0, 1] == pytest.approx(0, abs=0.08)


def test_together_and_between() -> None:
    storm = {"kind": "closure", "probability": 0.1, "together": True}
    once = {"kind": "demand_shock", "between": [10, 19], "duration": 3, "factor": 2}
    env = scenv.vector_env("r1", 3000, seed=0, disruptions=[storm, once])
    env.reset()
    closed, factor = env.exogenous.closed, env.exogenous.demand_factor
    assert (closed == closed[:, :, :1]).all()
    assert ((factor > 1).sum(axis=1) == 3).all()
    first = (factor > 1).argmax(axis=1)
    assert (np.bincount(first[:, 0], minlength=20)[10:20] > 200).all()
    assert set(np.unique(first)) == set(range(10, 20))
    assert (first[:, 0] != first[:, 1]).any()


def test_everything_passes_the_public_check() -> None:
    scenv.testing.check_env(
        "r1",
        horizon=25,
        order_lead_time={"values": [1, 2]},
        shipment_lead_time={"values": [1, 2, 5]},
        capacity=12,
        lost_sales=True,
        disruptions=[
            {"kind": "closure", "probability": 0.05, "duration": 2},
            {"kind": "delay", "probability": 0.05, "extra": 3},
            {"kind": "demand_shock", "probability": 0.05, "factor": 3},
        ],
    )


@pytest.mark.parametrize("field", ["order_lead_time", "shipment_lead_time", "capacity", "lost_sales", "disruptions"])
def test_extensions_name_what_goes_beyond_the_paper(field: str) -> None:
    beyond = {
        "order_lead_time": {"values": [1, 2]},
        "shipment_lead_time": {"default": {"values": [1, 2]}},
        "capacity": 5,
        "lost_sales": True,
        "disruptions": [{"kind": "closure", "period": 1}],
    }
    assert extensions(scenv.load_scenario("bg")) == ()
    assert extensions(scenv.load_scenario("bg", shipment_lead_time={"values": [3]})) == ()
    assert extensions(scenv.load_scenario("bg", **{field: beyond[field]})) == (field,)


def test_equal_lead_times_on_several_links_and_environments_built_twice() -> None:
    """Distributions that are equal, but not the same object, and have been used before."""
    drawn = [{"values": [1, 2], "probabilities": [0.7, 0.3]} for _ in range(2)]
    scenario = scenv.load_scenario(
        "bg", horizon=10, order_crossing=True, order_lead_time=drawn[0], shipment_lead_time=drawn[1]
    )
    for _ in range(2):
        scenv.vector_env(scenario, num_envs=2).reset(seed=0)
    assert lead_time_of(scenario, "order", "whole_0", "ret_0") == lead_time_of(scenario, "shipment", "whole_0", "ret_0")
    assert scenv.vector_env(scenario, num_envs=1).reset(seed=0).shape[0] == 1


def test_long_studies_and_many_delays_do_not_overflow() -> None:
    env = scenv.vector_env("bg", num_envs=1, horizon=32_780, shipment_lead_time={"values": [1, 3]})
    env.reset(seed=0)  # 32,767 is the largest number of two bytes
    delay = scenv.scenario.disruptions.Delay(period=2, duration=1, extra=1000)
    total = delay.nothing((1,))
    for _ in range(33):
        total = delay.applied(total, np.ones(1, dtype=bool))
    assert total.tolist() == [33_000]
