"""Clark and Scarf's optimum: published numbers, and the simulator's long run against the analytic cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenv
from scenv.policies import BaseStock, EchelonBaseStock
from scenv.theory.serial_optimum import clark_scarf, local_from_echelon, serial_optimum

FIRMS = ("ret_0", "whole_0", "dist_0", "sup_0")


@pytest.mark.parametrize(
    ("shipment_lead_time", "levels", "cost"),
    [(1, (80, 149, 216, 282), 25.950), (2, (116, 218, 317, 416), 31.662)],
)
def test_known_optima_of_the_beer_game(shipment_lead_time: int, levels: tuple[int, ...], cost: float) -> None:
    optimum = serial_optimum("bg", costs="cs2000", shipment_lead_time=shipment_lead_time)
    assert optimum.echelon_levels == dict(zip(FIRMS, levels, strict=True))
    assert optimum.cost_per_period == pytest.approx(cost, abs=5e-4)
    assert optimum.local_levels == dict(zip(FIRMS, np.diff(levels, prepend=0), strict=True))


def test_one_stage_is_the_newsvendor() -> None:
    from scipy import stats

    levels, cost = clark_scarf([1.0], 9.0, 5.0, [2])
    outcomes = np.arange(200)
    probability = stats.poisson.pmf(outcomes, 10)
    assert levels == [stats.poisson.ppf(0.9, 10)]
    by_hand = (
        np.clip(levels[0] - outcomes, 0, None) @ probability + 9 * np.clip(outcomes - levels[0], 0, None) @ probability
    )
    assert cost == pytest.approx(by_hand)


@pytest.mark.parametrize("shipment_lead_time", [1, 2])
def test_the_simulated_long_run_costs_what_the_theory_says(shipment_lead_time: int) -> None:
    """Two million periods: the simulated mean, whose own 95 % interval is at most ± 0.4 %, lies within 1 %."""
    fields = {"costs": "cs2000", "shipment_lead_time": shipment_lead_time, "horizon": 2100, "warmup": 100}
    scenario = scenv.load_scenario("bg", **fields)
    result = scenv.evaluate(EchelonBaseStock(scenario), scenario, episodes=1000, seed=1)
    assert result.mean / 2000 == pytest.approx(serial_optimum(scenario).cost_per_period, rel=0.01)


@pytest.mark.parametrize("demand", [32, {"kind": "normal", "mean": 32, "std": 8}], ids=["poisson", "normal"])
@pytest.mark.parametrize(("order", "shipment"), [(0, 2), (0, 1), (1, 1), (0, {"default": 1, "dist_0 -> whole_0": 0})])
def test_with_order_lead_time_0_the_long_run_costs_what_the_theory_says(
    order: int, shipment: int, demand: object
) -> None:
    """The textbook's instance: firms know the period's demand when they order, and goods leave in it."""
    fields = {"costs": "cs2000", "order_lead_time": order, "shipment_lead_time": shipment, "demand": demand}
    scenario = scenv.load_scenario("bg", **fields, horizon=1100, warmup=100)
    result = scenv.evaluate(EchelonBaseStock(scenario), scenario, episodes=300, seed=1)
    assert result.mean / 1000 == pytest.approx(serial_optimum(scenario).cost_per_period, rel=0.01)


def test_normal_demand_of_one_stage_is_the_newsvendor() -> None:
    """b / (b + h) = 0.9 of a normal demand of 4 periods: z = 1.2816, and the cost (b + h) phi(z) std."""
    levels, cost = clark_scarf([1.0], 9.0, 100.0, [4], std=10.0)
    assert levels[0] == pytest.approx(400 + 1.28155 * 20, abs=0.4)
    assert cost == pytest.approx(10 * 0.175498 * 20, rel=1e-3)


def test_neighbouring_levels_cost_more() -> None:
    fields = {"costs": "cs2000", "shipment_lead_time": 1, "horizon": 1100, "warmup": 100}
    scenario = scenv.load_scenario("bg", **fields)
    best = serial_optimum(scenario).local_levels
    cheapest = scenv.evaluate(BaseStock(scenario, levels=best), scenario, episodes=50).mean
    for firm in FIRMS:
        for change in (-6, 6):
            moved = BaseStock(scenario, levels={**best, firm: best[firm] + change})
            assert scenv.evaluate(moved, scenario, episodes=50).mean > cheapest, (firm, change)


@given(levels=st.lists(st.integers(0, 500), min_size=1, max_size=6))
def test_local_levels_add_up_to_nested_echelon_levels(levels: list[int]) -> None:
    echelon = np.cumsum(local_from_echelon(levels))
    np.testing.assert_array_equal(echelon, [min(levels[j:]) for j in range(len(levels))])


def test_echelon_base_stock_orders_what_its_local_levels_order() -> None:
    levels = {"ret_0": 130.0, "whole_0": 120.0, "dist_0": 330.0, "sup_0": 300.0}  # not nested
    policy = EchelonBaseStock("bg", levels=levels)
    assert policy.level_of == {"ret_0": 120.0, "whole_0": 0.0, "dist_0": 180.0, "sup_0": 0.0}
    assert policy.echelon_levels.tolist() == [130.0, 120.0, 330.0, 300.0]


@pytest.mark.parametrize(
    ("scenario", "overrides", "message"),
    [
        ("r2", {"costs": "cs2000"}, "serial system"),
        ("bg", {}, "backorder cost at the retailer alone"),
        (
            "bg",
            {"costs": {"holding": 1.0, "backorder": dict.fromkeys(FIRMS[1:], 0) | {"ret_0": 1}}},
            "must fall from 'ret_0'",
        ),
        (
            "bg",
            {"costs": "cs2000", "demand": {"kind": "deterministic", "values": [32]}},
            "needs Poisson or normal demand",
        ),
        ("bg", {"costs": "cs2000", "capacity": 40, "lost_sales": True}, "the scenario has capacity, lost_sales"),
        ("bg", {"costs": "cs2000", "shipment_lead_time": {"values": [1, 2]}}, "the scenario has shipment_lead_time"),
    ],
)
def test_it_refuses_what_the_theorem_does_not_cover(scenario: str, overrides: dict, message: str) -> None:
    with pytest.raises(scenv.ScenarioError, match=message):
        serial_optimum(scenario, **overrides)
