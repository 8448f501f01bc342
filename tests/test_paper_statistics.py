"""The paper's report: intervals behave, and verdicts follow from them by their rules."""

from __future__ import annotations

import numpy as np
import pytest
from scenv_paper.claims import Claim, judge
from scenv_paper.design import CLASSICAL
from scenv_paper.statistics import Estimate, mean, ratio, ratio_of_repeats

PATHS = np.random.default_rng(0).gamma(20.0, 50.0, size=100)  # what a path costs anybody


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        paths = rng.gamma(4.0, 1.0, size=100)
        own = paths * rng.normal(0.8, 0.02, size=(8, 1)) + rng.normal(0, 0.1, size=(8, 100))
        found = ratio(own, paths[None])
        covered += found.low <= 0.8 <= found.high
    assert 48 <= covered <= 60  # 95 % of 60 is 57; with 8 seeds a bootstrap is a little too narrow


@pytest.mark.parametrize(("seeds", "tenths"), [(1, 3), (2, 7), (3, 8)])
def test_how_narrow_intervals_of_few_seeds_are_is_what_the_report_says(seeds, tenths):
    rng = np.random.default_rng(seeds)
    covered, grids = 0, 200
    for _ in range(grids):
        paths = rng.gamma(20.0, 50.0, size=100)
        own = paths * rng.normal(0.8, 0.02, size=(seeds, 1)) + rng.normal(0, 40, size=(seeds, 100))
        found = ratio(own, paths[None])
        covered += found.low <= 0.8 <= found.high
    assert covered / grids == pytest.approx(tenths / 10, abs=0.07)


def test_pairing_by_path_and_more_seeds_make_intervals_narrower():
    rng = np.random.default_rng(2)
    own = PATHS * 0.8 + rng.normal(0, 20, size=(1, 100))
    paired = ratio(own, PATHS[None])
    unpaired = ratio(own, rng.permutation(PATHS)[None])
    assert paired.half < 0.3 * unpaired.half
    few, many = (mean(np.full((1, 100), 10.0) * rng.normal(1, 0.1, size=(seeds, 1))) for seeds in (3, 40))
    assert many.half < few.half
    turns = ratio_of_repeats(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    assert (turns.value, turns.low, turns.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.96, 1.04, "holds"),
        (0.94, 1.04, "not distinguishable"),
        (1.06, 1.2, "does not hold"),
        (0.7, 0.94, "does not hold"),
    ],
)
def test_equal_within_five_per_cent(low, high, verdict):
    claim = Claim("", "", "pmarl", "fv", 0.95, 1.05)
    assert claim.verdict(Estimate((low + high) / 2, low, high)) == verdict


def test_claims_without_results_say_so_and_mixed_ones_are_counted():
    none = judge(lambda *_: None, lambda *_: None, lambda *_: None)
    assert {claim["verdict"] for claim in none} == {"no results"}
    mixed = judge(
        lambda network, *_: Estimate(1, 0.99, 1.01) if network == "r1" else Estimate(2, 2, 2),
        lambda *_: None,
        lambda network, lead_time, policy: None if policy in CLASSICAL else lead_time,
    )
    assert [case["seeds"] for case in mixed[0]["cases"][:3]] == [1, 2, 3]  # base-stock, which has none, does not count
    assert mixed[7]["verdict"] == "does not hold in 9, holds in 3"
