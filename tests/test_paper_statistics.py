"""The paper's report: intervals behave, and verdicts follow from them by their rules."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scenv_paper.claims import ONE_SEED_VERDICT, Claim, judge
from scenv_paper.design import CLASSICAL
from scenv_paper.statistics import Estimate, mean, median, ratio, ratio_of_repeats

PATHS = np.random.default_rng(0).gamma(20.0, 50.0, size=100)  # what a path costs anybody


@pytest.mark.parametrize("seeds", [(2, 1), (3, 1), (8, 1), (3, 3), (2, 3)], ids=str)
@pytest.mark.parametrize("of_seed", [0.002, 0.02])
@pytest.mark.parametrize("of_path", [0.0, 40.0, 150.0])
def test_intervals_cover_the_truth_as_often_as_they_say(seeds, of_seed, of_path):
    """Simulated grids: seeds differ by `of_seed`, all seeds of a policy share a response to the path, and each its own.

    Asked of every combination: at least 0.93 of 600 grids (a coverage of 0.95 gives less once in 70).
    """
    rng = np.random.default_rng([*seeds, int(1e3 * of_seed), int(of_path)])
    covered, grids = 0, 600
    for _ in range(grids):
        paths = rng.gamma(20.0, 50.0, size=100)

        def cost(count, level, paths=paths):
            if count == 1:  # a classical policy: no seeds, so the path decides
                return level * paths[None]
            spread = rng.normal(level, of_seed * level, size=(count, 1))
            return paths * spread + rng.normal(0, of_path, size=100) + rng.normal(0, 40, size=(count, 100))

        found = ratio(cost(seeds[0], 0.8), cost(seeds[1], 1.0))
        covered += found.low <= 0.8 <= found.high
    assert covered / grids >= 0.93


def test_a_mean_covers_too():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(600):
        paths = rng.gamma(20.0, 50.0, size=100)
        found = mean(paths * rng.normal(0.8, 0.02, size=(3, 1)))
        covered += found.low <= 800 <= found.high
    assert covered / 600 >= 0.93


def test_the_interval_by_hand():
    """Three seeds that are exact multiples of the path: only seeds vary, so it is Student's with two degrees."""
    factors = np.array([[0.7], [0.8], [0.9]])
    found = ratio(PATHS * factors, PATHS[None])
    assert found.value == pytest.approx(0.8)
    assert found.half == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-6)
    both = ratio(PATHS * factors, PATHS * np.array([[0.98], [1.0], [1.02]]))
    welch = stats.ttest_ind(factors[:, 0], 0.8 * np.array([0.98, 1.0, 1.02]), equal_var=False).confidence_interval()
    assert both.half == pytest.approx((welch.high - welch.low) / 2, rel=1e-9)


def test_one_row_on_both_sides_is_the_environments_own_paired_interval():
    from scenv.evaluation.intervals import paired_difference

    own = PATHS * 0.8 + np.random.default_rng(4).normal(0, 20, 100)
    found, theirs = ratio(own[None], PATHS[None]), paired_difference(own, PATHS)
    assert (found.value, found.low, found.high) == pytest.approx((theirs.ratio, *theirs.ratio_ci95))


def test_pairing_by_path_and_more_seeds_make_intervals_narrower():
    rng = np.random.default_rng(2)
    own = PATHS * 0.8 + rng.normal(0, 20, size=(1, 100))
    paired = ratio(own, PATHS[None])
    unpaired = ratio(own, rng.permutation(PATHS)[None])
    assert paired.half < 0.3 * unpaired.half
    few, many = (mean(np.full((1, 100), 10.0) * rng.normal(1, 0.1, size=(seeds, 1))) for seeds in (3, 40))
    assert many.half < few.half
    assert ratio(own, own) == Estimate(1.0, 1.0, 1.0)


def test_medians_have_the_sign_tests_interval():
    turns = ratio_of_repeats(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    assert (turns.value, turns.low, turns.high) == (2.0, 2.0, 2.0)
    assert median(np.arange(1.0, 6.0)) == Estimate(3.0, 1.0, 5.0)  # too few for 95 %: all of them
    assert median(np.arange(1.0, 8.0)) == Estimate(4.0, 1.0, 7.0)  # 1 - 2/2^7; without the ends 1 - 16/2^7 = 0.875
    assert median(np.arange(1.0, 10.0)) == Estimate(5.0, 2.0, 8.0)  # 1 - 20/2^9 = 0.961


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
    assert mixed[7]["verdict"] == f"does not hold in 6, holds in 2, {ONE_SEED_VERDICT} in 4"
