"""The period equations against trajectories worked out by hand (MODEL.md section 2)."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import scenv

# The beer game, order lead time 1, shipment lead time 2, every firm passes demand on (q = d). Customers want 10 a
# period, once 16, three times 8; mean 10, so every pipeline slot starts with 10 (on order: 3 slots, less what arrives
# in period 0) and 0.4 periods of stock are 4 units. Worked forward on paper: a firm's orders AO are those its customer
# placed a period before; goods shipped in t are received in t + 2; the supplier's own orders come back from outside
# after 3 periods; stock serves backorders first.
DEMAND = [10, 10, 16, 10, 10, 10, 8, 8, 8, 10]
BY_HAND = {  #        period:  0   1   2   3   4   5   6   7   8   9
    "ret_0": {
        "backorder": [0, 0, 2, 2, 2, 0, 0, 0, 0, 0],
        "on_hand": [4, 4, 0, 0, 0, 2, 4, 6, 10, 8],
        "on_order": [20, 20, 20, 26, 26, 22, 22, 20, 16, 16],
        "received": [10, 10, 10, 10, 10, 14, 10, 10, 12, 8],
        "demand": [10, 10, 16, 10, 10, 10, 8, 8, 8, 10],
    },
    "whole_0": {
        "backorder": [0, 0, 0, 2, 2, 2, 0, 0, 0, 0],
        "on_hand": [4, 4, 4, 0, 0, 0, 2, 4, 6, 10],
        "on_order": [20, 20, 20, 20, 26, 26, 22, 22, 20, 16],
        "received": [10, 10, 10, 10, 10, 10, 14, 10, 10, 12],
        "demand": [10, 10, 10, 16, 10, 10, 10, 8, 8, 8],
    },
    "dist_0": {
        "backorder": [0, 0, 0, 0, 2, 2, 2, 0, 0, 0],
        "on_hand": [4, 4, 4, 4, 0, 0, 0, 2, 4, 6],
        "on_order": [20, 20, 20, 20, 20, 26, 26, 22, 22, 20],
        "received": [10, 10, 10, 10, 10, 10, 10, 14, 10, 10],
        "demand": [10, 10, 10, 10, 16, 10, 10, 10, 8, 8],
    },
    "sup_0": {
        "backorder": [0, 0, 0, 0, 0, 2, 2, 2, 0, 0],
        "on_hand": [4, 4, 4, 4, 4, 0, 0, 0, 4, 6],
        "on_order": [20, 20, 20, 20, 20, 20, 26, 26, 20, 20],
        "received": [10, 10, 10, 10, 10, 10, 10, 10, 16, 10],
        "demand": [10, 10, 10, 10, 10, 16, 10, 10, 10, 8],
    },
}
HOLDING = {"ret_0": 1.6, "whole_0": 1.2, "dist_0": 0.8, "sup_0": 0.4}


def test_beer_game_with_one_shock_follows_the_hand_computed_trajectory() -> None:
    env = scenv.vector_env(
        "bg",
        num_envs=1,
        demand={"kind": "deterministic", "values": DEMAND},
        initial_stock_periods=0.4,
        shipment_lead_time=2,
        horizon=len(DEMAND),
    )
    env.reset(seed=0)
    for period in range(len(DEMAND)):
        for name, expected in BY_HAND.items():
            firm = env.agents.index(name)
            seen = {field: float(values[0, firm]) for field, values in env.local_state._asdict().items()}
            assert seen == pytest.approx({field: values[period] for field, values in expected.items()}), (name, period)
            cost = HOLDING[name] * (
                2 * expected["backorder"][period] + expected["on_hand"][period]
            )  # eq. 1, c_b = 2 c_h
            assert env.last_info["cost"][0, firm] == pytest.approx(cost)
        if period < len(DEMAND) - 1:
            env.step_orders(env.local_state.demand)


def y_network() -> nx.DiGraph:
    """One supplier, two customers, in the file order `big`, `small`."""
    graph = nx.DiGraph()
    graph.add_edge("sup", "big")
    graph.add_edge("sup", "small")
    return graph


@pytest.mark.parametrize(
    ("allocation", "first", "second", "owed_first", "owed_second"),
    [
        # Supplier: stock 0, receives 4 a period (q = 4). Claims of period 1: big 6, small 2; 4 units: half of each.
        # Period 2: backorders 3 and 1 take the 4 units, the new 6 and 2 are owed.
        ("proportional", (3, 1), (3, 1), (3, 1), (6, 2)),
        # By priority, big takes 4 of its 6; then 2 owed + 6 new = 8 claims, 4 served.
        ("priority", (4, 0), (4, 0), (2, 2), (4, 4)),
    ],
)
def test_scarce_stock_is_shared(allocation, first, second, owed_first, owed_second) -> None:
    env = scenv.vector_env(
        network=y_network(),
        num_envs=1,
        demand={"kind": "deterministic", "values": {"big": [2.0], "small": [2.0]}},
        costs="uniform",
        initial_stock_periods=0,
        order_lead_time=1,
        shipment_lead_time=1,
        allocation=allocation,
        horizon=10,
        warmup=0,
    )
    env.reset(seed=0)
    big, small, sup = (env.agents.index(name) for name in ("big", "small", "sup"))
    orders = np.zeros((1, 3))
    orders[0, [big, small, sup]] = 6, 2, 4
    # The edges of the state are the two out of the supplier, in file order; slot 0 of the shipments arrives next.
    for shipped, owed in ((first, owed_first), (second, owed_second)):
        env.step_orders(orders)
        edges = slice(1, 3)  # after the one supply link
        assert env.state.shipments[0][edges, 0].tolist() == pytest.approx(list(shipped))
        assert env.state.backorder[:2, 0].tolist() == pytest.approx(list(owed))


def test_an_order_is_split_equally_and_a_source_waits_for_order_plus_shipment() -> None:
    graph = nx.DiGraph([("a", "shop"), ("b", "shop"), ("c", "shop")])
    env = scenv.vector_env(
        network=graph,
        num_envs=1,
        demand={"kind": "deterministic", "values": [3.0]},
        costs="uniform",
        order_lead_time={"a -> shop": 2, "default": 1},
        shipment_lead_time={"external -> b": 3, "default": 2},
        horizon=12,
        warmup=0,
    )
    env.reset(seed=0)
    shop, a, b, c = (env.agents.index(name) for name in ("shop", "a", "b", "c"))
    assert env.structure.lead_time[[shop, a, b, c]].tolist() == [4, 3, 4, 3]
    orders = np.array(env.local_state.demand)
    orders[0, shop] = 9.0  # 3 to each instead of 1
    orders[0, b] = 5.0
    env.step_orders(orders)
    seen = [np.asarray(env.local_state.demand)[0, [a, b, c]].tolist()]
    received = [float(env.local_state.received[0, b])]
    for _ in range(4):
        env.step_orders(np.array([[3.0 if i == shop else 1.0 for i in range(4)]]))
        seen.append(np.asarray(env.local_state.demand)[0, [a, b, c]].tolist())
        received.append(float(env.local_state.received[0, b]))
    assert seen[:3] == [[1, 3, 3], [3, 1, 1], [1, 1, 1]]  # a's order takes two periods
    assert received == [1, 1, 1, 5, 1]  # placed at the end of period 0, arrives in 0 + 1 + 3
