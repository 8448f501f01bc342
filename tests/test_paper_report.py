"""The paper's report: known ratios come out, what is missing or bad is said, tampering is found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from scenv_paper import cli
from scenv_paper.claims import CLAIMS
from scenv_paper.design import CLASSICAL
from scenv_paper.document import make_document
from scenv_paper.errors import UsageError
from scenv_paper.page import page
from scenv_paper.report import verify_report, write_report
from scenv_paper.results import read_results

PATHS = np.random.default_rng(0).gamma(20.0, 50.0, size=100)  # what a path costs anybody
FACTORS = {"pmarl": 1.0, "maac": 1.25, "fv": 1.0, "hdpo": 0.5}
FORMULAS = dict(zip(CLASSICAL, (1.5, 1.2, 0.9, 2.0, 3.0), strict=True))
ROLLOUTS = {("small", False): 50, ("small", True): 200, ("standard", False): 100}
PROVENANCE = {"command": "x", "machine": "M", "commit": "abc", "python": "3.11"}


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def trained(raw: Path, network: str, lead: int, method: str, seed: int, factor: float, budget: str = "small") -> Path:
    cell = {"network": network, "lead_time": lead, "method": method, "seed": seed, "budget": budget}
    curve = {"episodes": [160, 320], "ratio": [3.0, factor]}
    training = {"rollouts": ROLLOUTS[budget, method == "hdpo"], "updates": 100, "seconds": 60.0, "episodes": 800}
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
    assert bs["to_near_optimal"] == [3.0, 3.0, 3.0]  # paired by path: no spread is left
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
    assert "| Sterman | – | – | – | – |" in text
    assert "| r1 | – | – | – |" in text
    assert "no results" in text
    assert all(path.exists() for path in paths)
    assert verify_report(raw, tmp_path) == []


def test_an_ablation_is_compared_with_its_method_at_the_same_budget_and_seeds(raw):
    trained(raw, "r3", 2, "pmarl_all_attention", 1, 1.1)
    trained(raw, "r3", 2, "pmarl", 0, 5.0)  # a seed that the ablation has not
    trained(raw, "r3", 2, "pmarl", 1, 0.5, budget="standard")
    (found,) = make_document(read_results(raw))["ablations"]
    assert found["to_method"][0] == pytest.approx(1.1)
    assert (found["settings"], found["seeds"]) == ("attention=all", [1])


def test_somebodys_own_method_stands_in_the_tables(raw):
    trained(raw, "r3", 2, "my_method", 0, 0.8)
    write_report(raw, raw.parent)
    text = (raw.parent / "report.md").read_text(encoding="utf-8")
    own = next(line for line in text.splitlines() if line.startswith("| my_method | 1 |"))
    assert own.endswith("| 0.533 (0.533 … 0.533) | 1.600 (1.600 … 1.600) |")
    trained(raw, "r3", 2, "sterman", 0, 0.8)
    with pytest.raises(UsageError, match="'sterman' is a classical policy"):
        read_results(raw)


def test_the_reading_beside_tuned_constants_is_made_from_the_numbers(raw):
    text = page(make_document(read_results(raw)))
    assert "lowest to highest: BS 1.67, DA 1.33, MAAC 1.39, PMaRL 1.11, FV 1.11, near-optimal (hdpo) 0.56." in text
    assert "PMaRL costs less than they do in 0 of 2 cases and more in 2, by intervals." in text
    assert "Here it is BS 1.50 and DA 1.20 on the simple network; BS 1.50 and DA 1.20 on complex ones." in text
    for seed in range(3):
        trained(raw, "bg", 2, "pmarl", seed, 0.8)
    assert "PMaRL costs less than they do in 1 of 2 cases and more in 1" in page(make_document(read_results(raw)))


def test_what_rests_on_one_seed_is_marked(raw):
    assert "†" not in page(make_document(read_results(raw)))
    for seed in (1, 2):
        (raw / "small" / f"r3-2-fv-s{seed}.json").unlink()
    text = page(make_document(read_results(raw)))
    about_equal = next(line for line in text.splitlines() if "full visibility (Figure 6) | PMaRL ÷ FV" in line)
    assert about_equal.endswith("| **holds in 1, not judged (one seed) in 1** | 2 | 1 |")
    assert "| r3 | 1.000 (1.000 … 1.000)<br>not judged (one seed)† |" in text
    assert "| bg | 1.000 (1.000 … 1.000)<br>holds |" in text
    assert (
        text.count("† one training seed, which the intervals leave out.") == 1
    )  # Figure 6 shows FV, Figure 5 does not


def test_figure_7_with_a_method_missing(raw):
    document = json.loads((raw / "timing.json").read_text(encoding="utf-8"))
    document["rows"][0]["network"], document["rows"][0]["nodes"] = "bg", 4
    write(raw / "timing.json", document)
    write_report(raw, raw.parent)
    text = (raw.parent / "report.md").read_text(encoding="utf-8")
    assert "| bg | 4 | 105.0 (100.0 … 110.0) | – | – |" in text
    assert "Clock: CPU." in text


def test_the_page_is_one_file_and_a_changed_digit_is_found(raw):
    out = raw.parent
    write_report(raw, out)
    shown = (out / "report.html").read_text(encoding="utf-8")
    assert shown.count("data:image/png;base64,") == 4
    assert not re.search(r'(src|href)="(?!data:|#)', shown)
    assert set(re.findall(r'href="#([^"]+)"', shown)) == set(re.findall(r'<h2 id="([^"]+)"', shown)) != set()
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
    write_report(raw, out)
    (out / "report.html").write_text(shown.replace("1.500 (1.500", "1.400 (1.500", 1), encoding="utf-8")
    (difference,) = verify_report(raw, out)
    assert re.match(r"report\.html, line \d+: .*1\.400", difference)


def test_findings_beside_the_report_stand_in_it_and_are_no_markup(raw):
    out = raw.parent
    (out / "findings.md").write_text("## What I found\n\nSmall <b>steps</b> & {{ document }}.\n", encoding="utf-8")
    write_report(raw, out)
    assert "## What I found\n\nSmall <b>steps</b> & {{ document }}.\n\n## How far" in (out / "report.md").read_text(
        "utf-8"
    )
    assert 'id="what-i-found"' in (out / "report.html").read_text("utf-8")
    assert verify_report(raw, out) == []
    (out / "findings.md").unlink()
    assert verify_report(raw, out)


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
        (lambda text: re.sub(r'"costs": \[[^,]*', '"costs": [-1', text), r"costs\.0: Input should be greater than 0"),
        (lambda text: text.replace("[160, 320]", "[160]"), "curve: episodes and ratio must be of the same length"),
        (lambda text: text.replace("[160, 320]", "[160, 330]"), "expected the same curve.episodes"),
        (lambda text: text.replace('"rollouts": 50', '"rollouts": 25'), "budget 'small' is 50 of pmarl, got 25"),
    ],
)
def test_bad_raw_files_are_refused_by_name(raw, spoil, said):
    path = raw / "small" / "bg-2-pmarl-s0.json"
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError, match=said) as refused:
        read_results(raw)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "qmix"}, r"rows\.0\.method: String should match pattern '\^\(maac\|pmarl\|fv\)\$'"),
        ({"network": "r9"}, r"rows\.0\.network: String should match"),
        ({"seconds_per_episode": [0.1]}, "seconds_per_episode must be as many in every row"),
        ({"seconds_per_episode": [0.0, 0.1]}, r"rows\.0\.seconds_per_episode\.0: Input should be greater than 0"),
        ({"method": "maac"}, "rows must differ in network or method"),
    ],
)
def test_bad_timings_are_refused(raw, change, said):
    document = json.loads((raw / "timing.json").read_text(encoding="utf-8"))
    document["rows"][0] |= change
    write(raw / "timing.json", document)
    with pytest.raises(UsageError, match=said) as refused:
        read_results(raw)
    assert str(raw / "timing.json") in str(refused.value)


def test_a_folder_without_raw_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match="expected raw files"):
        write_report(tmp_path / "paper", tmp_path)
    with pytest.raises(UsageError, match=r"expected report\.json"):
        verify_report(tmp_path / "paper", tmp_path)
