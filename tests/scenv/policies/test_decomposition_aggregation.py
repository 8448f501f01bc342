"""Decomposition-aggregation against numbers worked by hand (plain sums and bisection, no scipy) and its laws."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.policies import DecompositionAggregation
from scenv.scenario.implied import demand_moments
from scenv.theory.lead_time_demand import PoissonLeadTimeDemand
from tests.scenv.strategies import scenarios


def two_shops(**overrides: object) -> scenv.Scenario:
    """A warehouse and two shops with demands 4 and 2; order + shipment lead time 2 everywhere."""
    graph = nx.DiGraph([("warehouse", "big"), ("warehouse", "small")])
    fields = {"costs": "uniform", "demand": {"mean": {"big": 4, "small": 2}}, "shipment_lead_time": 1}
    return scenv.load_scenario(graph, **(fields | overrides))


def test_two_level_distribution_by_hand() -> None:
    # Quantiles at 0.95: Poisson(8) 12.46586, Poisson(16) 22.38232; Poisson(4) 7.03808, Poisson(8) 12.46586.
    # Local levels 9.91645 and 5.42778 leave 0.449539 + 0.318387 = 0.767925 backorders; for a normal demand of mean 12
    # and variance 12 that is the level 13.47491.
    levels = DecompositionAggregation(two_shops()).level_of
    assert levels == pytest.approx(
        {"big": 12.465861904429854, "small": 7.038078901207849, "warehouse": 13.474910191961559}, abs=1e-7
    )


def test_two_level_distribution_by_hand_from_costs() -> None:
    # Holding 1 and 0.5, backorders 9. Big: mean of the quantiles at 9.5/10 and 9.5/10; warehouse: at 9/10 and 9/9.5.
    costs = {"holding": {"big": 1, "small": 1, "warehouse": 0.5}, "backorder": 9}
    levels = DecompositionAggregation(two_shops(costs=costs), variant="cost").level_of
    assert levels == pytest.approx(
        {"big": 12.465861904429854, "small": 7.038078901207849, "warehouse": 12.396882482682228}, abs=1e-7
    )


def test_two_suppliers_share_by_hand() -> None:
    # source -> a, b -> shop with demand 6: a and b see half of it, mean 6 and variance 3 over their two periods.
    graph = nx.DiGraph([("source", "a"), ("source", "b"), ("a", "shop"), ("b", "shop")])
    scenario = scenv.load_scenario(graph, costs="uniform", demand=6, shipment_lead_time=1)
    levels = DecompositionAggregation(scenario).level_of
    assert levels == pytest.approx(
        {"shop": 17.507490984877162, "a": 7.0968324413371064, "b": 7.0968324413371064, "source": 13.727763409568572},
        abs=1e-7,
    )


@pytest.mark.parametrize("shipment_lead_time", [1, 2, 3])
def test_on_the_beer_game_it_is_the_serial_heuristic(shipment_lead_time: int) -> None:
    periods = shipment_lead_time + 1
    scenario = scenv.load_scenario("bg", shipment_lead_time=shipment_lead_time)
    echelon = np.cumsum(DecompositionAggregation(scenario).levels)
    expected = [PoissonLeadTimeDemand(32 * periods * stage).quantile(0.95) for stage in (1, 2, 3, 4)]
    np.testing.assert_allclose(echelon, expected)


def test_cost_variant_on_the_beer_game_is_shang_and_song() -> None:
    scenario = scenv.load_scenario("bg", costs="cs2000", shipment_lead_time=1)
    echelon = np.cumsum(DecompositionAggregation(scenario, variant="cost").levels)
    # Lead time 2, backorders 10, holding 1, 0.75, 0.5, 0.25: their two critical ratios at each stage.
    ratios = [(10.75 / 11, 10.75 / 11), (10.5 / 11, 10.5 / 10.75), (10.25 / 11, 10.25 / 10.5), (10 / 11, 10 / 10.25)]
    expected = [
        np.mean([PoissonLeadTimeDemand(64 * (stage + 1)).quantile(p) for p in pair])
        for stage, pair in enumerate(ratios)
    ]
    np.testing.assert_allclose(echelon, expected)
    np.testing.assert_allclose(echelon, [80, 149, 216, 282], atol=0.5)  # the optimum of Clark and Scarf


#: No numbers by firm, whose names the test changes.
FIELDS = {"capacity": None, "minimum_order": 0, "lot_size": 0, "order_cost": 0, "storage_capacity": None}


@given(
    scenario=scenarios(shipment_lead_time=2, disruptions=[], review_period=2, initial_stock=None, **FIELDS),
    service=st.floats(0.6, 0.99),
)
@settings(max_examples=30)
def test_levels_on_any_network(scenario: scenv.Scenario, service: float) -> None:
    """Finite; a retailer's is its demand's quantile of the lead time and the period until the next review; relabelling
    firms changes nothing.
    """
    policy = DecompositionAggregation(scenario, service_level=service)
    assert np.isfinite(policy.levels).all()
    mean, _ = demand_moments(scenario)
    lead_time = scenv.vector_env(scenario, 1).structure.lead_time
    for name, demand in zip(scenario.retailer_names, mean, strict=True):
        firm = scenario.network.index(name)
        if firm in scenario.network.selling_depots:
            continue
        quantile = PoissonLeadTimeDemand(float(demand * (lead_time[firm] + 1))).quantile(service)
        assert policy.level_of[name] == pytest.approx(quantile)
    renamed = nx.relabel_nodes(scenario.network.graph, {name: f"x{name}" for name in scenario.network.agents})
    again = DecompositionAggregation(scenv.load_scenario(scenario, network=renamed), service_level=service)
    assert again.level_of == pytest.approx({f"x{name}": level for name, level in policy.level_of.items()})


def test_it_refuses_what_it_cannot_do() -> None:
    with pytest.raises(scenv.ScenarioError, match=r"'warehouse' \(0\.5\) supplies 'big' \(0\.5\)"):
        DecompositionAggregation(two_shops(), variant="cost")
    holding = {"big": 1, "small": 1, "warehouse": 0.5}
    no_backorder_cost = two_shops(costs={"holding": holding, "backorder": {"big": 1, "small": 0, "warehouse": 1}})
    with pytest.raises(scenv.ScenarioError, match="backorder cost above 0 at 'small'"):
        DecompositionAggregation(no_backorder_cost, variant="cost")
    no_holding_cost = two_shops(costs={"holding": holding | {"warehouse": 0}, "backorder": 9})
    with pytest.raises(scenv.ScenarioError, match="holding cost above 0 at 'warehouse'"):
        DecompositionAggregation(no_holding_cost, variant="cost")
    with pytest.raises(scenv.ScenarioError, match="'service' or 'cost', got 'best'"):
        DecompositionAggregation("bg", variant="best")  # type: ignore[arg-type]
    with pytest.raises(scenv.ScenarioError, match=r"service_level must be between 0 and 1, got 1\.5"):
        DecompositionAggregation("bg", service_level=1.5)
