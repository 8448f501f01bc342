"""Demand processes: their moments against long samples and hand-computed numbers, their rows against one another."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import scenv
from scenv.scenario.demand import DemandProcess, PoissonDemand, kind_names, read_demand
from scenv.scenario.implied import firm_demand_moments
from scenv.simulation.random_streams import RandomStreams

RETAILERS = ("a", "b", "c")
SERIES = {"a": [4, 0, 9, 6, 1], "b": [2, 1, 5, 2, 0], "c": [0, 3, 0, 1, 1]}

STATIONARY: dict[str, dict[str, Any]] = {
    "poisson": {"kind": "poisson", "mean": {"a": 0.3, "b": 4, "default": 40}},
    "poisson, shared": {"kind": "poisson", "mean": 5},
    "poisson, large": {"kind": "poisson", "mean": 5000},
    "normal": {"kind": "normal", "mean": {"a": 1, "b": 20, "c": 0}, "std": {"a": 3, "b": 0, "c": 2}},
    "autoregressive": {"kind": "autoregressive", "mean": 6, "std": 4, "correlation": 0.4},
    "negative binomial": {
        "kind": "negative_binomial",
        "mean": {"a": 0.5, "b": 8, "c": 0},
        "std": {"a": 2, "b": 4, "c": 0},
    },
    "compound poisson, geometric": {
        "kind": "compound_poisson",
        "customers": {"a": 0.2, "default": 3},
        "mean_size": 2.5,
    },
    "compound poisson, sizes": {
        "kind": "compound_poisson",
        "customers": 1.5,
        "sizes": [1, 2.5, 10],
        "probabilities": [0.6, 0.3, 0.1],
    },
    "bootstrap": {"kind": "time_series", "values": SERIES},
    "bootstrap, blocks": {"kind": "time_series", "values": SERIES, "block": 3},
    "replay from anywhere": {"kind": "time_series", "values": SERIES, "mode": "replay", "random_start": True},
    "correlated poisson": {"kind": "correlated", "marginal": {"mean": {"a": 1, "b": 6, "c": 6}}, "correlation": 0.7},
    "correlated poisson, negatively": {"kind": "correlated", "marginal": 3, "correlation": -0.45},
    "correlated normal": {
        "kind": "correlated",
        "marginal": {"kind": "normal", "mean": {"a": 2, "b": 10, "c": 10}, "std": 3},
        "correlation": [[1, 0.5, -0.3], [0.5, 1, 0.2], [-0.3, 0.2, 1]],
    },
    "correlated negative binomial": {
        "kind": "correlated",
        "marginal": {"kind": "negative_binomial", "mean": 4, "std": {"a": 3, "default": 6}},
        "correlation": 0.9,
    },
    "the same customers everywhere": {"kind": "correlated", "marginal": 4, "correlation": 1},
    "seasonal": {"kind": "seasonal", "base": 6, "factors": [0.5, 1, 0, 2]},
    "seasonal wave": {
        "kind": "seasonal",
        "base": {"kind": "normal", "mean": 10, "std": 2},
        "length": 6,
        "amplitude": 0.8,
        "phase": 1,
    },
    "seasonal and correlated": {
        "kind": "seasonal",
        "base": {"kind": "correlated", "marginal": 5, "correlation": 0.6},
        "factors": [0.6, 1.4],
    },
    "seasonal data": {"kind": "seasonal", "base": {"kind": "time_series", "values": SERIES}, "factors": [1, 3]},
    "per retailer": {
        "kind": "per_retailer",
        "processes": {
            "b": {"kind": "negative_binomial", "mean": 3, "std": 4},
            "c": {"kind": "normal", "mean": 9, "std": 1},
            "default": 2,
        },
    },
}
CHANGING: dict[str, dict[str, Any]] = {
    "step": {"kind": "step", "base": 4, "period": 5, "factor": 2},
    "shock": {"kind": "shock", "base": 4, "period": 5, "duration": 2, "factor": 3, "retailers": ["b"]},
    "deterministic": {"kind": "deterministic", "values": {"a": [1, 2, 3], "b": [4], "c": 5}},
    "replay": {"kind": "time_series", "values": SERIES, "mode": "replay"},
}
ALL = STATIONARY | CHANGING


def sampled(process: DemandProcess, rows: int = 4000, periods: int = 12, seed: int = 1) -> np.ndarray:
    demand = process.sample_rows(np.random.default_rng(seed), rows, periods, RETAILERS)
    assert demand.shape == (rows, periods, len(RETAILERS))
    assert demand.dtype == np.float64
    assert (demand >= 0).all()
    return demand


@pytest.mark.parametrize("name", STATIONARY)
def test_moments_and_covariance_are_those_of_the_samples(name: str) -> None:
    """Rows are independent, periods need not be: the error of a mean is that of the row means."""
    process = read_demand(STATIONARY[name])
    mean, std = process.moments(RETAILERS)
    covariance = process.covariance(RETAILERS)
    covariance = np.diag(std**2) if covariance is None else covariance
    demand = sampled(process)
    np.testing.assert_allclose(np.diag(covariance), std**2, rtol=1e-9, atol=1e-12)
    rows = demand.mean(axis=1)
    error = rows.std(axis=0) / np.sqrt(len(rows))
    assert (np.abs(rows.mean(axis=0) - mean) <= 5 * error + 1e-9).all()
    deviation = demand - mean
    products = np.einsum("ntr,nts->nrs", deviation, deviation) / demand.shape[1]
    error = products.std(axis=0) / np.sqrt(len(products))
    assert (np.abs(products.mean(axis=0) - covariance) <= 5 * error + 1e-9).all()


@pytest.mark.parametrize("name", ALL)
def test_rows_come_one_after_the_other_in_the_stream(name: str) -> None:
    process = read_demand(ALL[name])
    together = sampled(process, rows=5)
    rng = np.random.default_rng(1)
    alone = np.stack([process.sample(rng, 12, RETAILERS) for _ in range(5)])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[:2], sampled(process, rows=2))


@pytest.mark.parametrize("name", ALL)
def test_a_scale_of_one_changes_nothing_and_of_two_doubles_the_mean(name: str) -> None:
    process = read_demand(ALL[name])
    draws = [
        process.sample_rows(np.random.default_rng(2), 2500, 8, RETAILERS, scale)
        for scale in (None, 1.0, np.full((8, 1), 2.0))
    ]
    if name != "poisson, large":  # its sampler draws from another algorithm with a scale
        np.testing.assert_array_equal(draws[0], draws[1])
    mean, doubled = draws[0].mean(axis=(0, 1)), draws[2].mean(axis=(0, 1))
    np.testing.assert_allclose(doubled, 2 * mean, rtol=0.12, atol=0.02)
    moments = process.moments(RETAILERS, scale=2.0)
    if name in STATIONARY:
        np.testing.assert_allclose(moments[0], 2 * process.moments(RETAILERS)[0])
        np.testing.assert_allclose(draws[2].std(axis=(0, 1)), moments[1], rtol=0.12, atol=0.02)


@pytest.mark.parametrize("name", ALL)
def test_processes_survive_pickling_dumping_and_a_variant_of_the_scenario(name: str) -> None:
    process = read_demand(ALL[name])
    assert pickle.loads(pickle.dumps(process)) == process
    assert read_demand(process.model_dump(mode="json")) == process


def test_every_kind_is_tested_here() -> None:
    assert {read_demand(fields).kind for fields in ALL.values()} == set(kind_names())


# --- numbers worked by hand ---


def test_poisson_and_its_root() -> None:
    mean, std = read_demand(9).moments(RETAILERS)
    assert mean.tolist() == [9, 9, 9]
    assert std.tolist() == [3, 3, 3]


def test_standard_normal_cut_at_zero() -> None:
    """E max(0, Z) = 1 / sqrt(2 pi), E max(0, Z)^2 = 1/2."""
    mean, std = read_demand({"kind": "normal", "mean": 0, "std": 1}).moments(("a",))
    assert mean[0] == pytest.approx(1 / np.sqrt(2 * np.pi))
    assert std[0] == pytest.approx(np.sqrt(0.5 - 1 / (2 * np.pi)))


def test_compound_poisson_by_hand() -> None:
    """Two customers of 1 or 3 units, equally likely: mean 2 x 2, variance 2 x (1 + 9) / 2."""
    mean, std = read_demand({"kind": "compound_poisson", "customers": 2, "sizes": [1, 3]}).moments(("a",))
    assert mean[0] == pytest.approx(4)
    assert std[0] ** 2 == pytest.approx(10)


def test_seasons_by_hand() -> None:
    """Poisson 2 and 6 in turn: mean 4, variance 4 (mean of the variances) + 4 (variance of the means)."""
    process = read_demand({"kind": "seasonal", "base": 4, "factors": [0.5, 1.5]})
    mean, std = process.moments(RETAILERS)
    assert mean[0] == pytest.approx(4)
    assert std[0] ** 2 == pytest.approx(8)
    covariance = process.covariance(RETAILERS)
    assert covariance is not None
    assert covariance[0, 1] == pytest.approx(4)  # the retailers share the season and nothing else


def test_a_season_begins_at_its_phase_and_repeats() -> None:
    process = read_demand(
        {"kind": "seasonal", "base": {"kind": "deterministic", "values": 10}, "factors": [1, 2, 3], "phase": 2}
    )
    assert process.sample(np.random.default_rng(0), 5, ("a",))[:, 0].tolist() == [30, 10, 20, 30, 10]


def test_step_and_shock_change_the_mean_when_and_where_they_say() -> None:
    step = sampled(read_demand(CHANGING["step"])).mean(axis=0)
    np.testing.assert_allclose(step[:5], 4, rtol=0.05)
    np.testing.assert_allclose(step[5:], 8, rtol=0.05)
    shock = sampled(read_demand(CHANGING["shock"])).mean(axis=0)
    np.testing.assert_allclose(shock[5:7, 1], 12, rtol=0.05)
    np.testing.assert_allclose(np.delete(shock[:, 1], [5, 6]), 4, rtol=0.05)
    np.testing.assert_allclose(shock[:, [0, 2]], 4, rtol=0.05)
    # What a firm knows that does not foresee the change.
    assert read_demand(CHANGING["step"]).moments(RETAILERS)[0].tolist() == [4, 4, 4]


def test_replay_begins_again_at_the_end_of_the_series() -> None:
    demand = read_demand(CHANGING["replay"]).sample(np.random.default_rng(0), 7, RETAILERS)
    assert demand[:, 0].tolist() == [4, 0, 9, 6, 1, 4, 0]


@given(block=st.integers(1, 5), periods=st.integers(1, 30), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_bootstrap_keeps_blocks_and_what_belongs_to_one_period(block: int, periods: int, seed: int) -> None:
    series = np.arange(5.0)
    process = read_demand({"kind": "time_series", "values": {"a": series, "b": series + 10}, "block": block})
    demand = process.sample(np.random.default_rng(seed), periods, ("a", "b"))
    np.testing.assert_array_equal(demand[:, 1], demand[:, 0] + 10)
    for t in range(1, periods):
        if t % block:
            assert demand[t, 0] == (demand[t - 1, 0] + 1) % 5


def test_autoregressive_demand_remembers() -> None:
    process = read_demand({"kind": "autoregressive", "mean": 100, "std": 10, "correlation": 0.6})
    demand = sampled(process)[:, :, 0]
    assert np.corrcoef(demand[:, 3], demand[:, 4])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert np.corrcoef(demand[:, 3], demand[:, 5])[0, 1] == pytest.approx(0.36, abs=0.06)


def test_normal_retailers_far_from_zero_have_the_given_correlation() -> None:
    process = read_demand(
        {"kind": "correlated", "marginal": {"kind": "normal", "mean": 100, "std": 10}, "correlation": 0.35}
    )
    assert process.covariance(("a", "b"))[0, 1] == pytest.approx(35, rel=1e-4)


def test_the_copula_of_two_rare_events_is_the_bivariate_normal() -> None:
    """Poisson(0.05) is nearly a coin of probability p: Cov = P(both) - p^2, the first term of the exact sum."""
    process = read_demand({"kind": "correlated", "marginal": 0.05, "correlation": 0.5})
    cumulative = stats.poisson.cdf(np.arange(8), 0.05)
    at = stats.norm.ppf(cumulative)
    joint = stats.multivariate_normal(cov=[[1, 0.5], [0.5, 1]])
    expected = sum(
        joint.cdf([x, y]) - p * q
        for x, p in zip(at, cumulative, strict=True)
        for y, q in zip(at, cumulative, strict=True)
        if x < 8 and y < 8
    )
    assert process.covariance(("a", "b"))[0, 1] == pytest.approx(expected, rel=1e-3)


def test_inversion_gives_poisson_numbers() -> None:
    demand = PoissonDemand(mean=3.5).sample(np.random.default_rng(3), 40_000, ("a",))[:, 0]
    counts = np.bincount(demand.astype(int), minlength=12)[:12]
    expected = stats.poisson.pmf(np.arange(12), 3.5) * len(demand)
    assert ((counts - expected) ** 2 / expected).sum() < stats.chi2.isf(1e-6, 12)


# --- in a scenario ---


@pytest.mark.parametrize(
    "demand",
    [5, {"kind": "correlated", "marginal": 5, "correlation": 0.8}, {"kind": "seasonal", "base": 5, "factors": [0, 2]}],
)
def test_the_moments_that_firms_see_are_those_of_passed_on_demand(demand: Any) -> None:
    """Every firm passes its share on, W: the firms' demand is W times the retailers'."""
    scenario = scenv.load_scenario("r2", demand=demand)
    mean, std = firm_demand_moments(scenario)
    drawn = scenario.demand.sample_rows(np.random.default_rng(0), 3000, 4, scenario.retailer_names)
    seen = (drawn @ scenario.network.demand_weights.T).reshape(-1, len(mean))
    np.testing.assert_allclose(seen.mean(axis=0), mean, rtol=0.05)
    np.testing.assert_allclose(seen.std(axis=0), std, rtol=0.05)


def test_correlation_raises_the_deviation_upstream_and_leaves_retailers_alone() -> None:
    alone = firm_demand_moments(scenv.load_scenario("r2"))[1]
    tied = firm_demand_moments(
        scenv.load_scenario("r2", demand={"kind": "correlated", "marginal": 32 / 9, "correlation": 0.5})
    )[1]
    retailers = scenv.load_network("r2").retailers
    np.testing.assert_allclose(alone[retailers], tied[retailers])
    assert (tied >= alone - 1e-12).all()
    assert (tied > 1.1 * alone).any()


@pytest.mark.parametrize("name", ALL)
def test_every_kind_simulates_and_rows_are_the_single_environment(name: str) -> None:
    network = scenv.generators.distribution(2, 3)
    names = scenv.load_scenario(network=network, costs="uniform").retailer_names
    text = repr(ALL[name])
    for old, new in zip(RETAILERS, names, strict=True):
        text = text.replace(f"'{old}'", f"'{new}'")
    fields = {"network": network, "costs": "uniform", "demand": eval(text), "horizon": 6, "warmup": 0}
    batch, single = scenv.vector_env(fields, 3), scenv.parallel_env(fields)
    batch.reset(seed=[4, 5, 6])
    single.reset(seed=6)
    for _ in range(5):
        observation, *_ = batch.step(np.full((3, len(batch.agents)), 4))
        alone, *_ = single.step(dict.fromkeys(single.agents, 4))
        for i, agent in enumerate(batch.agents):
            np.testing.assert_array_equal(observation[2, i], alone[agent])


def test_demand_does_not_depend_on_the_number_of_rows() -> None:
    scenario = scenv.load_scenario("r3", demand={"kind": "correlated", "marginal": 4, "correlation": 0.3})
    drawn = []
    for rows in (3, 40):
        streams = RandomStreams(rows, 9)
        streams.next_episode()
        drawn.append(streams.demand(scenario))
    np.testing.assert_array_equal(drawn[0], drawn[1][:3])


def test_a_user_can_write_a_process_in_ten_lines() -> None:
    class Lumpy(DemandProcess):
        kind: str = "lumpy"
        size: float = 20.0

        def moments(self, retailers: Any, scale: float = 1.0) -> Any:
            shape = len(retailers)
            return np.full(shape, self.size * scale / 2), np.full(shape, self.size * scale / 2)

        def sample(self, rng: Any, periods: int, retailers: Any, scale: Any = 1.0) -> Any:
            return self.size * rng.integers(2, size=(periods, len(retailers))) * scale

    env = scenv.vector_env("bg", 2, demand=Lumpy(), seed=0)
    env.reset()
    assert set(np.unique(env.local_state.demand[:, env.scenario.network.retailers])) <= {0.0, 20.0}


# --- demand files ---


def write(folder: Path, text: str, name: str = "demand.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_shared_series_from_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffdate,demand\n2024-01-01,4\n2024-01-02, 6.5\n\n2024-01-03,1e1\n")
    demand = read_demand({"kind": "time_series", "file": str(path), "mode": "replay"})
    assert demand.sample(np.random.default_rng(0), 4, ("a", "b")).tolist() == [[4, 4], [6.5, 6.5], [10, 10], [4, 4]]


def test_columns_by_retailer_or_by_other_names(tmp_path: Path) -> None:
    path = write(tmp_path, 'b,"a","store, 7"\n1,2,3\n4,5,6\n')
    replay = {"kind": "time_series", "file": path, "mode": "replay"}
    rng = np.random.default_rng(0)
    named = read_demand({**replay, "columns": {"a": "store, 7", "b": "b"}})
    assert named.sample(rng, 2, ("a", "b")).tolist() == [[3, 1], [6, 4]]
    own = read_demand({**replay, "file": write(tmp_path, "period,b,a\n0,1,2\n1,4,5\n")})
    assert own.sample(rng, 2, ("a", "b")).tolist() == [[2, 1], [5, 4]]


def test_a_scenario_file_names_a_demand_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", "demand\n7\n")
    path = write(
        tmp_path,
        "scenario: bg\ndemand: {kind: seasonal, factors: [1, 2], base: {kind: time_series, file: data/demand.csv}}\n",
        "scenario.yaml",
    )
    monkeypatch.chdir("/")
    scenario = scenv.load_scenario(path)
    assert scenario.demand.sample(np.random.default_rng(0), 2, ("ret_0",)).tolist() == [[7], [14]]
    assert pickle.loads(pickle.dumps(scenario)).demand == scenario.demand
