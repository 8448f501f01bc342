"""Fitting demand: simulated kinds are found again, likelihoods are those of scipy, bad series get one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import scenv
from scenv.errors import ScenarioError
from scenv.scenario.demand import read_demand
from scenv.scenario.demand.fitting import _polya_aeppli, fit_demand
from tests.scenv.command import Run

WEEK = [0.6, 0.8, 1.0, 1.0, 1.1, 1.5, 1.0]
KINDS = {
    "poisson": {"kind": "poisson", "mean": 6},
    "negative_binomial": {"kind": "negative_binomial", "mean": 6, "std": 7},
    "compound_poisson": {"kind": "compound_poisson", "customers": 0.4, "mean_size": 5},
    "seasonal poisson": {"kind": "seasonal", "base": {"kind": "poisson", "mean": 8}, "factors": WEEK},
}


def drawn(kind: str, seed: int, periods: int = 365) -> np.ndarray:
    return read_demand(KINDS[kind]).sample(np.random.default_rng(seed), periods, ("a",))[:, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_that_was_simulated_is_found_again(kind: str) -> None:
    fits = [fit_demand(drawn(kind, seed), 7) for seed in range(12)]
    assert sum(fit.kind == kind for fit in fits) >= 11
    expected = read_demand(KINDS[kind]).moments(("a",))
    moments = np.mean([read_demand(fit.process).moments(("a",)) for fit in fits], axis=0)
    np.testing.assert_allclose(moments, expected, rtol=0.08)
    assert sum(fit.better is None for fit in fits) >= 10
    assert all(fit.margin > 0 for fit in fits)


def test_likelihoods_by_other_means() -> None:
    counts = drawn("negative_binomial", 1)
    fit = fit_demand(counts)
    poisson = -2 * stats.poisson.logpmf(counts, counts.mean()).sum() + np.log(len(counts))
    assert fit.bic["poisson"] == pytest.approx(poisson)
    mean, std = fit.process["mean"], fit.process["std"]
    r = mean**2 / (std**2 - mean)
    by_scipy = -2 * stats.nbinom.logpmf(counts, r, r / (r + mean)).sum() + 2 * np.log(len(counts))
    assert fit.bic["negative_binomial"] == pytest.approx(by_scipy, rel=1e-6)


def test_the_compound_poisson_distribution_sums_over_customers() -> None:
    """P(x) = sum over k customers of Poisson(k) times k geometric sizes that sum to x, which is negative binomial."""
    customers, size, x = 1.7, 3.0, np.arange(40)
    by_hand = np.array(
        [
            stats.poisson.pmf(0, customers) * (total == 0)
            + sum(
                stats.poisson.pmf(k, customers) * stats.nbinom.pmf(total - k, k, 1 / size) for k in range(1, total + 1)
            )
            for total in x
        ]
    )
    ours = _polya_aeppli(x.astype(float), np.full(40, customers * size), size)
    np.testing.assert_allclose(np.exp(ours), by_hand, rtol=1e-9)


@pytest.mark.parametrize(
    ("series", "season", "message"),
    [
        ([1, 2, 3], None, "needs at least 20 periods, and has 3"),
        ([[1, 2]] * 20, None, "needs at least 20 periods"),
        ([1.5] * 30, None, "period 1 is 1.5, no whole number of units"),
        ([*range(29), -1], None, "period 30 is -1.0, no whole number"),
        ([*range(29), np.nan], None, "period 30 is nan"),
        ([0] * 30, None, "is always 0"),
        ([1, 2] * 15, 11, "season must be from 2 to 10"),
        ([1, 2] * 15, 1, "season must be from 2 to 10"),
    ],
)
def test_series_that_cannot_be_fitted(series: list, season: int | None, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        fit_demand(series, season)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    run("new", "mine")
    code, out, _ = run("fit-demand", "mine/sales.csv", "--out", "mine/fitted.yaml", "--plot", "fit.png")
    assert code == 0
    assert "seasonal poisson" in out
    assert (tmp_path / "fit.png").stat().st_size > 10_000
    fitted = scenv.load_scenario("mine/scenario.yaml", **_yaml(tmp_path / "mine" / "fitted.yaml"))
    assert fitted.demand.moments(fitted.retailer_names)[0] == pytest.approx([8.92, 4.90, 6.79, 2.50], rel=0.01)
    assert "exists already" in run("fit-demand", "mine/sales.csv", "--out", "mine/fitted.yaml")[2]
    long = "date,shop,product,qty\n" + "".join(f"2024-01-{d:02d},a,{p},{d % 3}\n" for d in range(1, 31) for p in "xy")
    (tmp_path / "long.csv").write_text(long)
    assert "kind: poisson, mean: 1.0" in run("fit-demand", "long.csv", "--where", "product=x")[1]
    for arguments, message in (
        (("none.csv",), "none.csv: no such file"),
        (("long.csv", "--where", "product"), "expected column=value"),
        (("long.csv", "--where", "product=z"), "no line has 'z' in column 'product'"),
        (("long.csv", "--sum-periods", "7"), "long.csv: 'a' needs at least 20 periods, and has 4"),
        (("long.csv", "--season", "99"), "long.csv: 'a' season must be from 2 to 10"),
        (("long.csv", "--plot", "fit.doc"), "must end in one of"),
    ):
        code, _, err = run("fit-demand", *arguments)
        assert (code, err.count("\n")) == (2, 1), err
        assert message in err


def _yaml(path: Path) -> dict:
    from scenv.scenario.yaml import read_yaml

    return read_yaml(path)
