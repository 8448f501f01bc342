"""Quantiles and expected excess of demand over several periods."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenv
from scenv.lead_time_demand import NormalLeadTimeDemand, PoissonLeadTimeDemand, lead_time_demand

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
    from scipy import stats

    level = PoissonLeadTimeDemand(mean).quantile(probability)
    integer = stats.poisson.ppf(probability, mean)
    assert max(0.0, integer - 1) <= level <= integer


@given(mean=means, level=st.floats(-10, 600))
def test_excess_less_shortfall_is_the_mean_less_the_level(mean: float, level: float) -> None:
    outcomes = np.arange(2000)
    from scipy import stats

    shortfall = float(np.clip(level - outcomes, 0, None) @ stats.poisson.pmf(outcomes, mean))
    assert PoissonLeadTimeDemand(mean).expected_excess(level) - shortfall == pytest.approx(mean - level, abs=1e-8)


@given(mean=st.floats(-50, 400), std=st.floats(0.01, 40), z=st.floats(-8, 8))
def test_the_level_of_an_expected_excess_is_found_again(mean: float, std: float, z: float) -> None:
    demand = NormalLeadTimeDemand(mean, std)
    level = mean + z * std
    assert demand.level_of_expected_excess(demand.expected_excess(level)) == pytest.approx(level, abs=1e-4 * std)


def test_poisson_is_exact_and_other_demand_normal() -> None:
    poisson = scenv.load_scenario("bg")
    assert lead_time_demand(poisson, 32.0, math.sqrt(32), 3) == PoissonLeadTimeDemand(96.0)
    path = scenv.load_scenario("bg", demand={"kind": "deterministic", "values": [1, 3]})
    assert lead_time_demand(path, 2.0, 1.0, 4) == NormalLeadTimeDemand(8.0, 2.0)
