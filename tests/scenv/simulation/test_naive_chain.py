"""The batched simulation against a plain one, number by number, on random networks with several customers."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.scenario.implied import observation_scale
from scenv.simulation.random_streams import Purpose, RandomStreams
from tests.scenv.simulation.naive_chain import NaiveChain
from tests.scenv.strategies import scenarios

ROWS = 2


def compare(env: scenv.VectorEnv, chains: list[NaiveChain]) -> None:
    """Everything that is held, owed, under way, seen and paid."""
    state, edges = env.state, env.structure.edge_names
    for row, chain in enumerate(chains):
        links = chain.links
        assert links[-len(edges) :] == list(edges)
        pairs = {
            "local state": (
                [field[row] for field in env.local_state],
                zip(*map(chain.latest, env.agents), strict=True),
            ),
            "cost": (env.last_info["cost"][row], [chain.cost[firm][-1] for firm in env.agents]),
            "owed": (state.backorder[: len(edges), row], [chain.owed[edge] for edge in edges]),
        }
        for what, slots, naive in (("orders", state.orders, chain.orders), ("goods", state.shipments, chain.goods)):
            for k, slot in enumerate(slots):
                pairs[f"{what}, slot {k}"] = (
                    slot[:, row],
                    [naive[link].get(chain.period + 1 + k, 0.0) for link in links],
                )
        for what, (ours, expected) in pairs.items():
            assert close(ours, list(expected)), (what, row, chain.period)


def close(ours: Any, expected: Any, tolerance: float = 1e-9) -> bool:
    return bool(np.allclose(np.asarray(ours), np.asarray(expected), rtol=tolerance, atol=tolerance))


def rewards_of(chain: NaiveChain, firm: str, call: int, delay: int, lead_time: int) -> float:
    """The reward that step call `call` returns to a firm, from the costs."""
    scenario = chain.scenario
    network, agents = scenario.network, scenario.network.agents
    near = {*network.graph.predecessors(firm), *network.graph.successors(firm), firm}
    scope = {"own": {firm}, "neighbours": near, "network": set(agents)}[scenario.reward_scope]
    paid = [sum(chain.order_cost[other][t] for other in scope) for t in range(chain.period + 1)]
    charged = [sum(chain.cost[other][t] for other in scope) for t in range(chain.period + 1)]
    scale = -scenario.reward_scale / observation_scale(scenario)[agents.index(firm)]
    t = call - delay
    if scenario.reward == "cost":
        return float(scale * charged[call + 1])
    if t < 0:
        return 0.0
    window = scenario.reward_window
    last = t + window if scenario.reward_window_end == "after_action" else t + lead_time + window
    assert last == call + 1  # emitted as soon as its last cost is known
    # The fixed cost of the action's own orders counts as a cost does in all windows together, that of others not.
    terms = range(t + lead_time, last + 1)
    return sum(scenario.gamma ** (s - t) * scale * (charged[s] - paid[s] + paid[t + 1]) for s in terms) / window


@settings(max_examples=30)
@given(scenario=scenarios(), seed=st.integers(0, 2**31), reward=st.sampled_from(["windowed", "cost"]))
def test_two_simulators_agree(scenario: scenv.Scenario, seed: int, reward: Any) -> None:
    env = scenv.vector_env(scenario, ROWS, seed=seed, reward=reward)
    rng = np.random.default_rng(seed)
    for _ in range(2):
        seen = env.reset()
        chains = [NaiveChain(env.scenario, env.exogenous, row) for row in range(ROWS)]
        compare(env, chains)
        for call in range(env.horizon - 1):
            scale = np.maximum(env.observation_scale, 1.0)
            orders = scale * rng.choice([0.0, 1.0, 1 / 3, 4.0], size=(ROWS, len(env.agents)))
            adjusts = bool(rng.integers(2))
            decisions = orders - scale if adjusts else orders
            seen, rewards, *_ = (env.step_adjustments if adjusts else env.step_orders)(decisions)
            for row, chain in enumerate(chains):
                own = dict(zip(env.agents, decisions[row].tolist(), strict=True))
                (chain.adjust if adjusts else chain.step)(own)
                assert close(seen[row], [chain.observation(firm) for firm in env.agents], 1e-6)
                facts = zip(env.agents, env.reward_delay, env.structure.first_arrival, strict=True)
                assert close(rewards[row], [rewards_of(chain, firm, call, *own) for firm, *own in facts])
            compare(env, chains)


def test_backorders_are_served_before_new_orders_and_each_pass_is_shared_by_itself() -> None:
    """A depot with three shops. Periods are worked out by hand; every rule but ours gives other numbers.

    Order and shipment lead times are 1, the depot's stock is 0 at first and it receives 6 a period (it orders 6).
    Period 1: shops order 8, 2 and 2 (12 claims on 6 units): half of each is shipped, 4, 1 and 1 are owed.
    Period 2: they order 0, 6 and 0. The 6 units go to the backorders alone: 4, 1 and 1; nothing is left for the new 6.
        (New orders first: the middle shop would get all 6. Both in one pass: 12 claims, half of each: 2, 3.5, 0.5.)
    Period 3: they order 2, 0 and 4. Owed are 0, 6 and 0: all 6 units go to the middle shop. 2, 0 and 4 are owed.
    Period 4: they order nothing: 2 and 4 are shipped, nothing is owed.
    Period 5: they order 3, 0 and 0: 3 are shipped, 3 stay in stock.
    Period 6: they order 4, 4 and 4: 9 units for 12 claims, three quarters of each.
    """
    env = scenv.vector_env(
        network=nx.DiGraph([("depot", shop) for shop in ("north", "middle", "south")]),
        num_envs=2,
        demand={"kind": "deterministic", "values": [2.0]},
        costs="uniform",
        initial_stock_periods=0,
        shipment_lead_time=1,
        horizon=10,
        warmup=0,
    )
    env.reset(seed=0)
    shops, depot = [env.agents.index(name) for name in ("north", "middle", "south")], env.agents.index("depot")
    by_hand = [  # ordered, shipped, owed afterwards, stock left
        ([8, 2, 2], [4, 1, 1], [4, 1, 1], 0),
        ([0, 6, 0], [4, 1, 1], [0, 6, 0], 0),
        ([2, 0, 4], [0, 6, 0], [2, 0, 4], 0),
        ([0, 0, 0], [2, 0, 4], [0, 0, 0], 0),
        ([3, 0, 0], [3, 0, 0], [0, 0, 0], 3),
        ([4, 4, 4], [3, 3, 3], [1, 1, 1], 0),
    ]
    for ordered, shipped, owed, stock in by_hand:
        orders = np.full((2, 4), 6.0)
        orders[:, shops] = ordered
        env.step_orders(orders)
        for row in range(2):
            assert env.state.shipments[0][1:4, row].tolist() == pytest.approx(shipped)
            assert env.state.backorder[:3, row].tolist() == pytest.approx(owed)
            assert env.local_state.on_hand[row, depot] == pytest.approx(stock)
            assert env.local_state.backorder[row, depot] == pytest.approx(sum(owed))


USES = [*((purpose, None) for purpose in Purpose), (Purpose.DISRUPTION, 0), (Purpose.DISRUPTION, 1)]
SOURCES_OF_CHANCE: dict[str, dict[str, Any]] = {
    "poisson": {},
    "negative binomial": {"demand": {"kind": "negative_binomial", "mean": 8.0, "std": 5.0}},
    "normal": {"demand": {"kind": "normal", "mean": 20.0, "std": 5.0}},
}


@pytest.mark.parametrize("fields", SOURCES_OF_CHANCE.values(), ids=SOURCES_OF_CHANCE)
def test_every_episode_row_retailer_and_period_has_a_demand_of_its_own(fields: dict[str, Any]) -> None:
    env = scenv.vector_env("r2", 4, seed=0, **fields)
    episodes = []
    for _ in range(4):
        env.reset()
        episodes.append(env.exogenous.demand)
    demand = np.array(episodes)  # [episode, row, period, retailer]
    for axis, what in enumerate(("episode", "row", "period", "retailer")):
        rest = np.moveaxis(demand, axis, 0).reshape(demand.shape[axis], -1)
        assert len(np.unique(rest, axis=0)) == len(rest), what
    # The streams of episodes are unrelated, not shifted: what one episode meets says nothing of the next.
    flat = demand.reshape(4, -1)
    correlation = np.corrcoef(flat)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 0.1


def test_every_episode_has_lead_times_and_disruptions_of_its_own() -> None:
    env = scenv.vector_env(
        "r1",
        3,
        seed=0,
        order_lead_time={"values": [1, 2], "probabilities": [0.5, 0.5]},
        shipment_lead_time={"values": [1, 3], "probabilities": [0.5, 0.5]},
        disruptions=[
            {"kind": "closure", "probability": 0.2},
            {"kind": "delay", "probability": 0.2, "extra": 1},
            {"kind": "demand_shock", "probability": 0.2, "factor": 2.0},
        ],
    )
    drawn = []
    for _ in range(3):
        env.reset()
        drawn.append(env.exogenous)
    for field in ("demand", "closed", "delay", "demand_factor"):
        values = np.array([getattr(episode, field) for episode in drawn])  # [episode, row, ...]
        assert len(np.unique(values.reshape(9, -1), axis=0)) == 9, field
    for leg in ("orders", "shipments"):
        journeys = np.array([np.moveaxis(getattr(episode, leg).periods, 2, 0) for episode in drawn])
        assert len(np.unique(journeys.reshape(9, -1), axis=0)) == 9, leg
    assert not np.array_equal(drawn[0].orders.periods, drawn[0].shipments.periods)


def test_orders_and_shipments_of_one_distribution_travel_independently() -> None:
    even = {"values": [1, 2], "probabilities": [0.5, 0.5]}
    env = scenv.vector_env(
        "bg", 20, seed=0, order_lead_time=even, shipment_lead_time=even, order_crossing=True, horizon=100
    )
    env.reset()
    drawn = env.exogenous
    assert drawn.orders is not None
    assert drawn.shipments is not None
    both = np.corrcoef(drawn.orders.periods.ravel(), drawn.shipments.periods.ravel())
    assert abs(both[0, 1]) < 0.05  # 8,000 pairs: five standard errors


def test_disruptions_of_one_kind_come_independently() -> None:
    closures = [{"kind": "closure", "firms": [firm], "probability": 0.3} for firm in ("ret_0", "sup_0")]
    env = scenv.vector_env("bg", 50, seed=0, disruptions=closures, horizon=100)
    env.reset()
    closed = env.exogenous.closed
    assert closed is not None
    one, other = (closed[:, :, env.agents.index(firm)].ravel() for firm in ("ret_0", "sup_0"))
    assert 0.2 < one.mean() < 0.4
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.08


def test_every_purpose_draws_from_a_stream_of_its_own() -> None:
    streams = RandomStreams(2, seed=0)
    streams.next_episode()
    first = [streams.draw(purpose, lambda rng, rows: rng.random((rows, 4)), index) for purpose, index in USES]
    assert len(np.unique(np.concatenate(first))) == 8 * len(USES)


def test_single_environments_meet_another_demand_in_every_episode() -> None:
    for env in (scenv.parallel_env("r1"), scenv.centralised_env("r1"), scenv.single_firm_env("r1")):
        env.reset(seed=0)
        seen = []
        for _ in range(4):
            env.reset()
            seen.append(np.array(env.unwrapped._batch.exogenous.demand))
        assert len(np.unique(np.array(seen).reshape(4, -1), axis=0)) == 4
