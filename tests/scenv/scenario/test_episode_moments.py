"""Mean and standard deviation that policies and scaling are given are those of the periods that are simulated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scenv
from scenv.scenario.implied import demand_moments, firm_demand_moments, observation_scale

RETAILERS = ("a", "b", "c")
SERIES = {"kind": "time_series", "values": [1, 2, 3, 4, 40, 50, 60], "mode": "replay"}
WALK = {"a": [1, 9], "b": [2, 2, 20], "default": [5]}

KINDS: dict[str, Any] = {
    "a short path": {"kind": "deterministic", "values": [4, 4, 4, 4, 8]},
    "a path longer than the episode": {"kind": "deterministic", "values": [1] * 30 + [100] * 30},
    "paths of different lengths": {"kind": "deterministic", "values": WALK},
    "replay that does not come to its end": {**SERIES, "values": [3, 5] * 10 + [1000] * 80},
    "replay that begins again": SERIES,
    "replay from anywhere": {**SERIES, "random_start": True},
    "bootstrap": {**SERIES, "mode": "bootstrap"},
    "a season longer than the episode": {
        "kind": "seasonal",
        "base": {"kind": "normal", "mean": {"a": 40, "b": 50, "c": 60}, "std": 3},
        "length": 365,
        "amplitude": 0.9,
        "phase": 300,
    },
    "a season of paths": {"kind": "seasonal", "base": {"kind": "deterministic", "values": WALK}, "factors": [1, 0, 3]},
    "a step in a path": {
        "kind": "step",
        "base": {"kind": "deterministic", "values": [1, 2, 3]},
        "period": 1000,
        "factor": 5,
    },
    "a step before the first period": {"kind": "step", "base": 20, "period": 0, "factor": 3, "retailers": ["b"]},
    "retailers of their own, some known": {
        "kind": "per_retailer",
        "processes": {"a": 9, "b": {"kind": "deterministic", "values": [1, 2, 9]}, "default": SERIES},
    },
    "correlated in season": {
        "kind": "seasonal",
        "base": {"kind": "correlated", "marginal": {"kind": "normal", "mean": 50, "std": 9}, "correlation": 0.7},
        "factors": [1, 2] * 30 + [50],
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_moments_are_those_of_the_simulated_periods(kind: str) -> None:
    """Against very many drawn episodes: mean, standard deviation and covariance over episodes and periods."""
    periods = 20
    process = scenv.demand.read_demand(KINDS[kind])
    drawn = process.sample_rows(np.random.default_rng(1), 4000, periods, RETAILERS).reshape(-1, len(RETAILERS))
    mean, std, covariance = process.episode_moments(periods, RETAILERS)
    expected = np.diag(std**2) if covariance is None else covariance
    np.testing.assert_allclose(mean, drawn.mean(axis=0), rtol=0.03, atol=0.02)
    np.testing.assert_allclose(std, drawn.std(axis=0), rtol=0.03, atol=0.02)
    largest = float(drawn.var(axis=0).max())
    np.testing.assert_allclose(expected, np.cov(drawn.T, bias=True), rtol=0.05, atol=0.03 * largest)


@pytest.mark.parametrize("length", [5, 50, 80])
def test_a_path_means_the_same_however_long_it_is_written(length: int) -> None:
    values = [4, 4, 4, 4] + [8] * (length - 4)
    scenario = scenv.load_scenario("r2", demand={"kind": "deterministic", "values": values}, costs="uniform")
    assert demand_moments(scenario)[0] == pytest.approx((4 * 4 + 46 * 8) / 50)
    short = scenv.load_scenario(scenario, demand={"kind": "deterministic", "values": [4, 4, 4, 4, 8]})
    for mine, other in zip(firm_demand_moments(scenario), firm_demand_moments(short), strict=True):
        np.testing.assert_allclose(mine, other)
    cost, again = (scenv.evaluate("base-stock", s, episodes=1).mean for s in (scenario, short))
    assert cost == pytest.approx(again)


def test_the_horizon_counts() -> None:
    demand = {"kind": "deterministic", "values": [10] * 20 + [30]}
    means = [demand_moments(scenv.load_scenario("bg", demand=demand, horizon=T))[0][0] for T in (20, 40)]
    assert means == [10, 20]


def test_demand_alike_in_all_periods_keeps_its_exact_moments() -> None:
    scenario = scenv.load_scenario("r2")
    mean, std = demand_moments(scenario)
    exact = scenario.demand.moments(scenario.retailer_names)
    assert (mean == exact[0]).all()
    assert (std == exact[1]).all()


def test_a_shop_without_demand_is_observed_on_scale_1() -> None:
    network = scenv.generators.serial(2)
    scenario = scenv.load_scenario(network, costs="uniform", demand=0)
    assert observation_scale(scenario).tolist() == [1, 1]
    assert scenv.vector_env(scenario, num_envs=2).observation_scale.tolist() == [1, 1]
    assert (observation_scale(scenv.load_scenario("r2")) == firm_demand_moments(scenv.load_scenario("r2"))[0]).all()
