"""Demand anywhere: a depot that supplies shops and sells to outside customers too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv.policies.decomposition_aggregation import decomposition_aggregation_levels
from scenv.scenario.implied import firm_demand_moments


def depot_and_shops(shops: int = 1, **facts: Any) -> nx.DiGraph:
    graph = nx.DiGraph([("depot", f"shop_{k}") for k in range(shops)])
    graph.nodes["depot"].update({"demand_mean": 3.0, **facts})
    return graph


def env_of(allocation: str, **fields: Any) -> scenv.VectorEnv:
    """One shop, demand 4; the depot's own is 6. Lead times 1 + 1, no stock at the start."""
    defaults: dict[str, Any] = {
        "costs": {"holding": 1, "backorder": 2},
        "demand": {"kind": "deterministic", "values": {"shop_0": [4] * 6, "depot": [6] * 6}},
        "shipment_lead_time": 1,
        "initial_stock_periods": 0,
        "allocation": allocation,
        "horizon": 6,
        "warmup": 0,
    }
    return scenv.vector_env(depot_and_shops(), num_envs=2, **(defaults | fields))


def test_roles_and_flows() -> None:
    scenario = scenv.load_scenario(depot_and_shops(2), costs="uniform", demand={"mean": {"default": 4, "depot": 6}})
    network = scenario.network
    assert [network.agents[i] for i in network.retailers] == ["shop_0", "shop_1", "depot"]
    assert [network.agents[i] for i in network.selling_depots] == ["depot"]
    mean, std = firm_demand_moments(scenario)
    assert mean.tolist() == [4, 4, 14]
    assert std == pytest.approx(np.sqrt([4, 4, 14]))
    for name in ("r1", "r2", "r3", "bg"):
        built_in = scenv.load_network(name)
        assert len(built_in.selling_depots) == 0
        np.testing.assert_array_equal(built_in.retailers, np.flatnonzero(built_in.out_degree == 0))


# The depot sees 10 a period: 4 of the shop, 6 outside. In periods 0 and 1 it receives 10: all is served. It orders 5 at
# the end of period 0 and then always 10, so that it receives 5 in period 2: half of both new claims is served, 2 to the
# shop and 3 outside, and as much is owed. In period 3 it receives 10: the 5 owed come first, and half of the new 10.
# In order of priority the shop, first in the file, gets its 4 in period 2, and outside customers get 1 of 6.
def by_hand(allocation: str) -> dict[str, list[float]]:
    if allocation == "proportional":
        return {"to shop": [4, 4, 2, 4, 4], "owed shop": [0, 0, 2, 2, 2], "owed outside": [0, 0, 3, 3, 3]}
    return {"to shop": [4, 4, 4, 4, 4], "owed shop": [0, 0, 0, 0, 0], "owed outside": [0, 0, 5, 5, 5]}


@pytest.mark.parametrize("allocation", ["proportional", "priority"])
def test_outside_customers_are_one_more_claim_on_its_stock(allocation: str) -> None:
    env, expected = env_of(allocation), by_hand(allocation)
    env.reset(seed=0)
    depot = env.agents.index("depot")
    for period in range(5):
        state, local = env.state, env.local_state
        shipped = state.shipments[0][env.structure.num_sources]
        assert shipped.tolist() == pytest.approx([expected["to shop"][period]] * 2)
        assert state.backorder[0].tolist() == pytest.approx([expected["owed shop"][period]] * 2)
        assert state.backorder[2].tolist() == pytest.approx([expected["owed outside"][period]] * 2)
        owed = expected["owed shop"][period] + expected["owed outside"][period]
        assert local.backorder[:, depot].tolist() == pytest.approx([owed] * 2)
        assert local.demand[:, depot].tolist() == [10, 10]
        assert env.last_info["cost"][:, depot].tolist() == pytest.approx([2 * owed] * 2)
        env.step_orders([[4.0, 5.0 if period == 0 else 10.0]] * 2)


def test_only_what_is_asked_outside_is_lost() -> None:
    env = env_of("proportional", lost_sales=True)
    env.reset(seed=0)
    env.step_orders([[4.0, 5.0]] * 2)
    env.step_orders([[4.0, 10.0]] * 2)
    assert env.last_info["lost_sales"].tolist() == [[0, 3]] * 2
    assert env.local_state.backorder[:, 1].tolist() == [2, 2]


def test_what_end_customers_see_counts_them_and_them_only() -> None:
    fields: dict[str, Any] = {
        "demand": {"kind": "deterministic", "values": {"shop_0": [4] * 6, "depot": [6] * 6}},
        "costs": "uniform",
        "shipment_lead_time": 1,
        "initial_stock_periods": 0,
        "horizon": 6,
        "warmup": 0,
    }

    class AsByHand:
        def reset(self, num_envs: int, seed: int | None = None) -> None:
            self.period = 0

        def orders(self, state: Any) -> np.ndarray:
            self.period += 1
            return np.array([[4.0, 5.0 if self.period == 1 else 10.0]] * len(state.demand))

    result = scenv.evaluate(AsByHand(), depot_and_shops(), episodes=2, **fields)
    # Outside, 3 a period from period 2 on are late at the depot; the shop, short of 2 units, is so from period 3 on.
    assert result.end_demand.sum(axis=1).tolist() == [60, 60]
    assert result.end_late.tolist() == pytest.approx(np.array([[6, 12]] * 2))
    assert result.fill_rate == pytest.approx(1 - 18 / 60)
    assert result.fill_rates["depot"] == pytest.approx(1 - 20 / 60)
    episode = scenv.record_episode("pass-through", depot_and_shops(), **fields)
    assert episode.stage_demand[0].tolist() == [4, 10]
    assert episode.until(2).stage_demand.shape == (3, 2)


def test_levels_count_its_own_customers() -> None:
    """Decomposition-aggregation: one more serial system, of the depot alone. Without the shops it is the newsvendor."""
    few, many = (
        scenv.load_scenario(depot_and_shops(2), costs="uniform", demand={"mean": {"default": 4, "depot": own}})
        for own in (0.001, 20)
    )
    lower, higher = (decomposition_aggregation_levels(scenario) for scenario in (few, many))
    np.testing.assert_allclose(lower[:2], higher[:2])
    assert higher[2] - lower[2] > 20 * 3
    for name in ("base-stock", "decomposition-aggregation", "echelon-base-stock"):
        if name == "echelon-base-stock":
            with pytest.raises(scenv.ScenarioError, match="'depot' has outside customers besides its own"):
                scenv.serial_optimum(depot_and_shops(1), costs="uniform")
        else:
            assert scenv.evaluate(name, many, episodes=10).fill_rate > 0.9
    assert scenv.newsvendor_bound(many).per_retailer.keys() == {"shop_0", "shop_1"}


def test_files_demand_of_the_data_and_the_picture(tmp_path: Path) -> None:
    graph = depot_and_shops(2)
    for k in range(2):
        graph.nodes[f"shop_{k}"]["demand_mean"] = 5.0
    network = scenv.load_network(graph)
    network.to_json(tmp_path / "net.json")
    network.to_tables(tmp_path / "tables")
    for source in (tmp_path / "net.json", tmp_path / "tables"):
        scenario = scenv.load_scenario(source, costs="uniform", demand="data")
        assert firm_demand_moments(scenario)[0].tolist() == [5, 5, 13]
        env = scenv.vector_env(scenario, 4, seed=0)
        env.reset()
        assert env.exogenous.demand.shape == (4, 50, 3)
    scenv.testing.check_env(tmp_path / "net.json", costs="uniform", demand="data", horizon=12, allocation="priority")


def test_each_firm_by_itself_knows_who_sells_outside() -> None:
    graph = nx.DiGraph([("plant", "depot"), *depot_and_shops(2).edges])
    graph.nodes["depot"]["demand_mean"] = 3.0
    scenario = scenv.load_scenario(graph, costs="uniform", demand={"mean": {"default": 4, "depot": 6}})
    for agent in scenario.network.agents:
        alone, among = (
            scenv.firm_env(each, agent, seed=1) for each in (scenv.firm_scenario(scenario, agent), scenario)
        )
        alone.reset()
        among.reset()
        assert alone.customers == among.customers
        assert alone.observation_scale == pytest.approx(among.observation_scale)
        assert alone.local_state.on_order == pytest.approx(among.local_state.on_order)


def test_gradients_through_a_selling_depot() -> None:
    """The adjoint against automatic differentiation, and that against finite differences."""
    torch = pytest.importorskip("torch")
    fields: dict[str, Any] = {"costs": "uniform", "horizon": 8, "warmup": 0, "demand": 5, "initial_stock_periods": 0.3}
    graph = depot_and_shops(2)
    env, twin = (scenv.vector_env(graph, 2, backend=b, **fields) for b in ("numpy", "torch"))
    env.keep_passages()
    orders = np.random.default_rng(0).uniform(0, 8, (7, 2, 3))
    given = torch.tensor(orders, requires_grad=True)

    def total(quantities: Any) -> Any:
        twin.reset(seed=2)
        return sum(twin.step_orders(quantities[t])[4]["cost"].sum() for t in range(7))

    env.reset(seed=2)
    for t in range(7):
        env.step_orders(orders[t])
    none = np.zeros((3, env.observation_size, 2))
    found = env.order_gradients(np.ones((8, 1, 3)), [none] * 7, [np.zeros((3, 2))] * 7)
    (expected,) = torch.autograd.grad(total(given), given)
    np.testing.assert_allclose(found, expected.numpy().transpose(0, 2, 1), atol=1e-9)
    for t, firm in [(0, 2), (1, 0), (2, 2)]:
        ends = []
        for step in (1e-5, -1e-5):
            moved = torch.tensor(orders)
            moved[t, 0, firm] += step
            ends.append(float(total(moved)))
        assert float(expected[t, 0, firm]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-5)
