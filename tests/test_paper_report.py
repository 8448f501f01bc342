"""The paper's report: known ratios come out, intervals behave, verdicts follow their rules, tampering is found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.paper import cli
from benchmarks.paper.claims import CLAIMS, Claim, judge
from benchmarks.paper.design import CLASSICAL
from benchmarks.paper.document import make_document
from benchmarks.paper.errors import UsageError
from benchmarks.paper.report import verify_report, write_report
from benchmarks.paper.results import read_results
from benchmarks.paper.statistics import Estimate, mean, ratio, ratio_of_repeats

PATHS = np.random.default_rng(0).gamma(20.0, 50.0, size=100)  # what a path costs anybody
FACTORS = {"pmarl": 1.0, "maac": 1.25, "fv": 1.0, "hdpo": 0.5}
FORMULAS = dict(zip(CLASSICAL, (1.5, 1.2, 0.9, 2.0, 3.0), strict=True))
PROVENANCE = {"command": "x", "machine": "M", "commit": "abc", "python": "3.11"}


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def trained(raw: Path, network: str, lead: int, method: str, seed: int, factor: float, budget: str = "small") -> Path:
    cell = {"network": network, "lead_time": lead, "method": method, "seed": seed, "budget": budget}
    curve = {"episodes": [160, 320], "ratio": [3.0, factor]}
    training = {"rollouts": 25, "updates": 100, "seconds": 60.0, "episodes": 800}
    costs = (PATHS * factor).tolist()
    path = raw / budget / f"{network}-{lead}-{method}-s{seed}.json"
    write(path, {"cell": cell, "costs": costs, "curve": curve, "training": training, "provenance": PROVENANCE})
    return path


def classical(raw: Path, network: str, lead: int) -> None:
    costs = {name: (PATHS * factor).tolist() for name, factor in FORMULAS.items()}
    cell = {"network": network, "lead_time": lead}
    write(raw / "classical" / f"{network}-{lead}.json", {"cell": cell, "costs": costs, "provenance": PROVENANCE})


@pytest.fixture
def raw(tmp_path) -> Path:
    """Two networks, one lead time, three seeds, everything in exact proportion; and Figure 7."""
    folder = tmp_path / "results" / "paper"
    for network in ("bg", "r3"):
        classical(folder, network, 2)
        for method, factor in FACTORS.items():
            for seed in range(3):
                trained(folder, network, 2, method, seed, factor)
    rows = [
        {"network": "r3", "nodes": 27, "method": method, "seconds_per_episode": [0.1 * factor, 0.11 * factor]}
        for method, factor in (("pmarl", 1.0), ("maac", 2.0), ("fv", 1.5))
    ]
    write(folder / "timing.json", {"rows": rows, "clock": "CPU", "provenance": PROVENANCE})
    return folder


def row(rows: list[dict], **where: object) -> dict:
    (found,) = [row for row in rows if all(row[key] == value for key, value in where.items())]
    return found


def test_known_ratios_come_out(raw):
    document = make_document(read_results(raw))
    bs = row(document["costs"], network="r3", lead_time=2, policy="base-stock")
    assert bs["mean"][0] == pytest.approx(1.5 * PATHS.mean(), rel=1e-5)
    assert bs["to_yardstick"] == [3.0, 3.0, 3.0]  # paired by path: no spread is left
    assert bs["to_base_stock"] == [1.0, 1.0, 1.0]
    assert row(document["figure_5"], network="bg", policy="base-stock")["ratio"][0] == pytest.approx(1.5)
    assert row(document["figure_6"], network="bg", policy="maac")["ratio"][0] == pytest.approx(1.25)
    assert row(document["figure_7"], method="maac")["seconds"][0] == pytest.approx(0.21)
    assert row(document["figure_8"], method="maac")["mean"] == [3.0, 1.25]


def test_table_1_is_the_papers(raw):
    rows = make_document(read_results(raw))["tables"]["1"]
    counts = [tuple(row[key] for key in ("network", "firms", "edges", "stages", "retailers")) for row in rows]
    assert counts == [("bg", 4, 3, 4, 1), ("r1", 17, 18, 5, 4), ("r2", 22, 39, 4, 9), ("r3", 27, 31, 5, 8)]
    assert [row["complexity"] for row in rows] == pytest.approx([1.5, 2.82, 1.91, 2.27], abs=5e-3)


def test_verdicts_of_a_known_grid(raw):
    verdicts = {claim["claim"]: claim["verdict"] for claim in make_document(read_results(raw))["claims"]}
    expected = {
        "less than base-stock": "holds",  # 0.67
        "clearly less than base-stock": "holds",
        "about as much as decomposition": "does not hold",  # 0.83
        "clearly less than decomposition": "holds",
        "Base-stock costs 1.4 to 1.6": "holds",  # 1.5
        "aggregation costs 1.4 to 1.6": "does not hold",  # 1.2
        "at most as much as MAAC": "holds",
        "as much as full visibility": "holds",
        "takes PMaRL less time": "holds",
    }
    assert len(expected) == len(CLAIMS)
    for part, verdict in expected.items():
        assert verdict == next(v for text, v in verdicts.items() if part in text)


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
    none = judge(lambda *_: None, lambda *_: None)
    assert {claim["verdict"] for claim in none} == {"no results"}
    mixed = judge(
        lambda network, *_: Estimate(1, 0.99, 1.01) if network == "r1" else Estimate(2, 2, 2), lambda *_: None
    )
    assert mixed[7]["verdict"] == "does not hold in 9, holds in 3"


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        paths = rng.gamma(4.0, 1.0, size=100)
        own = paths * rng.normal(0.8, 0.02, size=(8, 1)) + rng.normal(0, 0.1, size=(8, 100))
        found = ratio(own, paths[None])
        covered += found.low <= 0.8 <= found.high
    assert 48 <= covered <= 60  # 95 % of 60 is 57; with 8 seeds a bootstrap is a little too narrow


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


def test_the_largest_budget_with_all_three_methods_is_taken(raw):
    trained(raw, "bg", 2, "pmarl", 0, 0.7, budget="standard")
    assert read_results(raw).budget("bg", 2) == "small"
    for method in ("maac", "fv"):
        trained(raw, "bg", 2, method, 0, 0.7, budget="standard")
    results = read_results(raw)
    assert results.budget("bg", 2) == "standard"
    assert results.costs("bg", 2, "pmarl").shape == (1, 100)


def test_what_is_missing_is_shown_as_missing(tmp_path):
    raw = tmp_path / "paper"
    trained(raw, "r2", 3, "pmarl", 0, 0.7)
    paths = write_report(raw, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| Sterman | – | – | – |" in text
    assert "| r1 | – | – | – |" in text
    assert "no results" in text
    assert all(path.exists() for path in paths)
    assert verify_report(raw, tmp_path) == []


def test_an_ablation_is_compared_with_its_method_at_the_same_budget(raw):
    trained(raw, "r3", 2, "pmarl_all_attention", 0, 1.1)
    (found,) = make_document(read_results(raw))["ablations"]
    assert found["to_method"][0] == pytest.approx(1.1)
    assert found["settings"] == "attention=all"


def test_the_page_is_one_file_and_a_changed_digit_is_found(raw):
    out = raw.parent
    write_report(raw, out)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert verify_report(raw, out) == []
    text = (out / "report.md").read_text(encoding="utf-8")
    (out / "report.md").write_text(text.replace("1.500 (1.500", "1.400 (1.500", 1), encoding="utf-8")
    (difference,) = verify_report(raw, out)
    assert re.match(r"report\.md, line \d+: .*1\.400", difference)
    write_report(raw, out)
    document = json.loads((out / "report.json").read_text(encoding="utf-8"))
    document["figure_6"][0]["ratio"][0] += 1e-3
    write(out / "report.json", document)
    (difference,) = verify_report(raw, out)
    assert difference.startswith("report.json: figure_6[0].ratio[0] is ")


def test_a_raw_file_that_was_changed_is_found(raw, capsys, monkeypatch):
    out = raw.parent
    write_report(raw, out)
    trained(raw, "bg", 2, "pmarl", 1, 0.99)
    assert verify_report(raw, out)
    monkeypatch.setattr("sys.argv", ["pmarl-benchmark", "--verify", "--results", str(out)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    assert "report.md, line" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:-40], r"bg-2-pmarl-s0\.json: .*JSON"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "must be called small/bg-2-pmarl-s1"),
        (lambda text: text.replace('"costs": [', '"costs": [1.0, '), "costs: List should have at most 100"),
        (lambda text: re.sub(r'"costs": \[[^,]*', '"costs": [NaN', text), r"costs\.0: Input should be a finite"),
        (lambda text: text.replace('"curve"', '"kurve"'), "curve: Field required"),
    ],
)
def test_bad_raw_files_are_refused_by_name(raw, spoil, said):
    path = raw / "small" / "bg-2-pmarl-s0.json"
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError, match=said) as refused:
        read_results(raw)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_raw_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match="expected raw files"):
        write_report(tmp_path / "paper", tmp_path)
    with pytest.raises(UsageError, match=r"expected report\.json"):
        verify_report(tmp_path / "paper", tmp_path)
