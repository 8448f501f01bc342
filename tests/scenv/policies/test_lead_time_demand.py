"""Quantiles and expected excess of demand over several periods."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import scenv
from scenv.theory.lead_time_demand import (
    NegativeBinomialLeadTimeDemand,
    NormalLeadTimeDemand,
    PoissonLeadTimeDemand,
    inexact_retailers,
    lead_time_demands,
)

means = st.floats(0.05, 400.0)


def test_poisson_by_hand() -> None:
    # Poisson(2): P(0) = e^-2, P(1) = 2 e^-2; half of the distribution lies between 1 and 2.
    p0, p1, p2 = math.exp(-2), 2 * math.exp(-2), 2 * math.exp(-2)
    demand = PoissonLeadTimeDemand(2.0)
    assert demand.quantile(0.5) == pytest.approx(1 + (0.5 - p0 - p1) / p2)
    assert demand.quantile(p0 / 2) == 0.0  # never below nothing
    assert demand.expected_excess(0) == pytest.approx(2.0)
    assert demand.expected_excess(1) == pytest.approx(1 + p0)
    assert demand.expected_excess(1.5) == pytest.approx(2 - 1.5 + 1.5 * p0 + 0.5 * p1)
    assert demand.expected_excess(-1) == pytest.approx(3.0)


def test_normal_by_hand() -> None:
    demand = NormalLeadTimeDemand(10.0, 2.0)
    assert demand.quantile(0.975) == pytest.approx(10 + 1.959963984540054 * 2)
    assert demand.expected_excess(10) == pytest.approx(2 / math.sqrt(2 * math.pi))
    certain = NormalLeadTimeDemand(10.0, 0.0)
    assert (certain.quantile(0.95), certain.expected_excess(7), certain.expected_excess(11)) == (10, 3, 0)
    assert certain.level_of_expected_excess(3.0) == 7


@given(mean=means, probability=st.floats(0.01, 0.99))
def test_the_quantile_lies_where_the_distribution_passes_the_probability(mean: float, probability: float) -> None:
    level = PoissonLeadTimeDemand(mean).quantile(probability)
    integer = stats.poisson.ppf(probability, mean)
    assert max(0.0, integer - 1) <= level <= integer


@given(mean=means, level=st.floats(-10, 600))
def test_excess_less_shortfall_is_the_mean_less_the_level(mean: float, level: float) -> None:
    outcomes = np.arange(2000)
    shortfall = float(np.clip(level - outcomes, 0, None) @ stats.poisson.pmf(outcomes, mean))
    assert PoissonLeadTimeDemand(mean).expected_excess(level) - shortfall == pytest.approx(mean - level, abs=1e-8)


@given(mean=st.floats(-50, 400), std=st.floats(0.01, 40), z=st.floats(-8, 8))
def test_the_level_of_an_expected_excess_is_found_again(mean: float, std: float, z: float) -> None:
    demand = NormalLeadTimeDemand(mean, std)
    level = mean + z * std
    assert demand.level_of_expected_excess(demand.expected_excess(level)) == pytest.approx(level, abs=1e-4 * std)


@given(mean=means, dispersion=st.floats(0.3, 50), level=st.floats(-5, 500))
def test_negative_binomial_by_plain_sums(mean: float, dispersion: float, level: float) -> None:
    demand = NegativeBinomialLeadTimeDemand(mean, dispersion)
    outcomes = np.arange(40_000)
    probability = stats.nbinom.pmf(outcomes, dispersion, dispersion / (dispersion + mean))
    excess = float(np.clip(outcomes - level, 0, None) @ probability)
    assert demand.expected_excess(level) == pytest.approx(excess, abs=1e-6)
    assert abs(demand.quantile(0.9) - stats.nbinom.ppf(0.9, dispersion, dispersion / (dispersion + mean))) <= 1


def test_each_kind_of_demand_has_its_distribution() -> None:
    def over_four(demand: object) -> object:
        scenario = scenv.load_scenario("bg", demand=demand)
        return lead_time_demands(scenario)(int(scenario.network.retailers[0]), 4)

    counts = {"kind": "negative_binomial", "mean": 2, "std": 2}  # r = 4 / (4 - 2) = 2 per period
    assert over_four(3) == PoissonLeadTimeDemand(12.0)
    assert over_four(counts) == NegativeBinomialLeadTimeDemand(8.0, 8.0)
    assert over_four({"kind": "deterministic", "values": [1, 3] * 25}) == NormalLeadTimeDemand(8.0, 2.0)
    assert over_four({"kind": "correlated", "marginal": 3, "correlation": 0.5}) == PoissonLeadTimeDemand(12.0)
    each = {"kind": "per_retailer", "processes": {"default": counts}}
    assert over_four(each) == NegativeBinomialLeadTimeDemand(8.0, 8.0)


def test_a_kind_of_ones_own_is_taken_as_normal() -> None:
    scenario = scenv.load_scenario("bg", demand={"kind": "deterministic", "values": [1, 3]})
    assert inexact_retailers(scenario) == ["ret_0"]
    assert inexact_retailers(scenv.load_scenario("r2")) == []
