"""The trainer's benchmarks: what is fitted, skipped, read and printed. How long anything takes is not tested."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import agents_scaling, search, time_to_quality
from benchmarks.provenance import provenance


def test_the_exponent_of_a_power_law():
    firms = [100, 500, 2000]
    assert agents_scaling.exponent(firms, [3e-6 * n**1.7 for n in firms]) == pytest.approx(1.7)
    assert agents_scaling.exponent([100], [1.0]) is None


def test_memory_is_counted_and_dense_attention_is_what_grows():
    tree = np.zeros((200, 200))
    tree[np.arange(199), np.arange(1, 200)] = -1
    need = {method: agents_scaling.gigabytes(tree, method) for method in ("maac", "pmarl", "fv")}
    pairs = 3 * 4 * agents_scaling.BATCH * agents_scaling.HEADS * 200 * 200 / 1e9  # float32 scores, weights, gradient
    assert need["maac"] - need["pmarl"] == pytest.approx(pairs)
    inputs = 4 * 200 * 199 * agents_scaling.OBSERVATION * (5 * agents_scaling.HIDDEN) / 1e9
    seen = 4 * 200 * 200 * agents_scaling.OBSERVATION * agents_scaling.BATCH / 1e9
    assert need["fv"] - need["pmarl"] == pytest.approx(inputs + seen)


def test_what_is_not_run_is_said_in_the_table():
    rows = [
        {"network": "bg", "firms": 4, "edges": 3, "method": m, "gigabytes": 40.0, "seconds": s, "quartiles": [s, s]}
        for m, s in (("maac", 0.02), ("pmarl", 0.01))
    ]
    rows.append({"network": "bg", "firms": 4, "edges": 3, "method": "fv", "gigabytes": 40.0})
    document = {"provenance": {"command": "x"}, "rows": rows, "rounds": 3, "exponents": {}, "peak_gigabytes": 1.0}
    table = agents_scaling.report(document)
    assert "| bg | 4 | 3 | 20.0 (20.0–20.0) | 10.0 (10.0–10.0) | not run (would need 40 GB) | 2.00 |" in table


@pytest.fixture
def run(tmp_path):
    """A run that is evaluated every other rollout and gets to 0.84 at the sixth."""
    ratios = {2: 2.0, 4: 0.9, 6: 0.84, 8: 0.86}
    lines = ["rollout,episodes,updates,seconds,evaluation_ratio"]
    lines += [f"{k},{32 * k},{10 * k},{30.0 * k},{ratios.get(k, '')}" for k in range(1, 9)]
    (tmp_path / "metrics.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "config.json").write_text(json.dumps({"train": {"seed": 5}}))
    (tmp_path / "run.json").write_text(json.dumps({"environment": {"steps_of_an_episode": 49}}))
    return tmp_path


def test_time_to_the_first_evaluation_at_the_target(run):
    found = time_to_quality.time_to(run)
    assert found == {
        "seed": 5, "reached": True, "minutes": 3.0, "cpu_minutes": None, "updates": 60, "env_steps": 6 * 32 * 49,
        "ratio": 0.84,
    }  # fmt: skip


def test_a_target_that_is_not_reached_is_said(run):
    found = time_to_quality.time_to(run, target=0.5)
    assert (found["reached"], found["minutes"], found["ratio"]) == (False, 4.0, 0.84)
    document = {"provenance": {"command": "x"}, "note": "", "runs": {"defaults, PMaRL": [found]}}
    page = time_to_quality.report(document)
    assert "| defaults, PMaRL | 5 | not reached in 4.0 | – | 80 | 12,544 | 0.840 |" in page
    assert "- defaults, PMaRL: not reached in 4.0 minutes; best ratio 0.840." in page


def test_what_comes_after_the_limit_does_not_count(run):
    found = time_to_quality.time_to(run, minutes=2.75)  # rollout 6 ended at 3 minutes
    assert (found["reached"], found["minutes"], found["ratio"]) == (False, 2.5, 0.9)
    with pytest.raises(SystemExit, match=r"no rollout within 0\.1 minutes"):
        time_to_quality.time_to(run, minutes=0.1)


def test_cpu_minutes_are_the_share_of_a_core(run):
    (run / time_to_quality.SHARE).write_text(json.dumps({"share": 0.5}))
    found = time_to_quality.time_to(run)
    assert found["cpu_minutes"] == 1.5
    slower = {**found, "minutes": 4.0, "updates": 80}
    missed = {**found, "reached": False, "minutes": 12.0}
    assert time_to_quality.summary({"defaults, PMaRL": [found, slower, missed], "maac-reference, MAAC": []}) == [
        "defaults, PMaRL: reached in 2 of 3, median 3.5 minutes, 70 updates."
    ]


def test_a_run_that_did_not_end_is_not_taken_for_a_result(run):
    with pytest.raises(SystemExit, match="did not end"):
        time_to_quality.train("defaults, PMaRL", 0, run, 1.0)


def test_the_search_reads_a_finished_run_and_tells_candidates_apart(tmp_path):
    name = next(iter(search.CANDIDATES))
    folder = tmp_path / f"pmarl-bg-s0-{name.replace(' ', '-')}"
    folder.mkdir()
    record = {"policies": {"pmarl": {"ratio": 0.75}}, "training": {"seconds": 60.0}}
    (folder / "evaluation.json").write_text(json.dumps(record))
    row = search.train((name, "bg", 0), "pmarl", tmp_path)
    assert (row["ratio"], row["minutes"]) == (0.75, 1.0)
    other = {**row, "seed": 1, "ratio": 0.77}
    table = search.report({"provenance": {"command": "x"}, "method": "pmarl", "runs": [row, other]})
    assert f"| {name} | 0.760 (0.750, 0.770) |" in table
    assert "2 runs, 2 minutes" in table


def test_a_recorded_command_names_no_place_on_the_machine(monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--rounds", "3", "--out", "/somewhere/else", "--out=/there", "--seed", "1"])
    assert provenance()["command"].endswith(" --rounds 3 --seed 1")
    monkeypatch.setattr(
        "sys.argv", ["x", "--runs", "/a/b", "--collect", "/home/me/cells/r2-s0/run", "runs/r2", "-j", "1"]
    )
    assert provenance()["command"].endswith(" --collect …/r2-s0/run runs/r2 -j 1")
