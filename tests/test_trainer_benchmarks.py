"""The trainer's benchmarks: what is fitted, skipped, read and printed. How long anything takes is not tested."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import agents_scaling, loop_speed, search, time_to_quality, update_speed
from benchmarks import agents_scaling_report as scaling_report
from scenv_paper.provenance import provenance


def test_the_exponent_of_a_power_law():
    firms = [100, 500, 2000]
    slope, error = scaling_report.exponent(firms, [3e-6 * n**1.7 for n in firms])
    assert slope == pytest.approx(1.7)
    assert error == pytest.approx(0, abs=1e-9)
    assert scaling_report.exponent([100], [1.0]) is None
    slope, error = scaling_report.exponent([10, 100], [1.0, 100.0])
    assert slope == pytest.approx(2)
    assert np.isnan(error)  # two points have no error


def test_memory_is_counted_and_dense_attention_is_what_grows():
    tree = np.zeros((200, 200))
    tree[np.arange(199), np.arange(1, 200)] = -1
    need = {variant.name: agents_scaling.gigabytes(tree, variant) for variant in agents_scaling.VARIANTS}
    pairs = 3 * 4 * agents_scaling.BATCH * agents_scaling.HEADS * 200 * 200 / 1e9  # float32 scores, weights, gradient
    assert need["MAAC"] - need["PMaRL, edges"] == pytest.approx(pairs)
    assert need["PMaRL, dense"] == need["MAAC"]
    inputs = 4 * 200 * 199 * agents_scaling.OBSERVATION * (5 * agents_scaling.HIDDEN) / 1e9
    seen = 4 * 200 * 200 * agents_scaling.OBSERVATION * agents_scaling.BATCH / 1e9
    assert need["FV"] - need["PMaRL, edges"] == pytest.approx(inputs + seen)
    smaller = agents_scaling.gigabytes(tree, agents_scaling.VARIANTS[0], batch=agents_scaling.BATCH // 8)
    assert need["MAAC"] - smaller == pytest.approx(pairs * 7 / 8)


def cell(milliseconds: float) -> dict:
    return {"gigabytes": 0.1, "seconds": milliseconds / 1e3, "quartiles": [milliseconds / 1e3] * 2}


def scaling_row(firms: int, batch: int, maac: dict, edges: dict) -> dict:
    row = {"network": f"n{firms}", "firms": firms, "edges": 2 * firms, "batch": batch, "takes_edges": True}
    row |= {"maac_over_pmarl": 2.0, "variants": {"MAAC": maac, "PMaRL, edges": edges}}
    return row


def test_a_sample_s_time_is_taken_from_the_largest_batch_that_ran():
    not_run = {"gigabytes": 13.0}
    rows = [
        scaling_row(4, 256, cell(51.2), cell(25.6)),
        scaling_row(4, 64, cell(12.8), cell(6.4)),
        scaling_row(200, 64, not_run, cell(64.0)),
        scaling_row(200, 8, cell(80.0), cell(9.0)),
    ]
    maac, edges = (scaling_report.per_sample(rows, name, 64) for name in ("MAAC", "PMaRL, edges"))
    assert maac == [(4, 64, pytest.approx(200e-6)), (200, 8, pytest.approx(10e-3))]
    assert edges == [(4, 64, pytest.approx(100e-6)), (200, 64, pytest.approx(1e-3))]


@pytest.fixture
def scaling():
    """PMaRL's time a sample grows like firms^1, MAAC's like firms^2, but for a batch that does not fit."""
    not_run = {"gigabytes": 13.0}
    rows = [scaling_row(n, 64, cell(n**2 / 1e3), cell(float(n))) for n in (10, 100, 1000)]
    rows += [scaling_row(10_000, 64, not_run, cell(1e4)), scaling_row(10_000, 8, cell(1e5 / 8), cell(1e4 / 8))]
    alone = [
        {
            "network": f"n{n}", "firms": n,
            "edges": {"batch": 64, "seconds": n / 1e6, "of": 4 * n},
            "dense": {"batch": 64, "seconds": n**2 / 1e9, "of": n * n},
        }
        for n in (10, 100, 1000, 10_000)
    ]  # fmt: skip
    rollout = [
        {"firms": 10, "seconds": {"environment": 1e-3, "local policies": 2e-3}, "gigabytes": {"global policies": 40.0}}
    ]
    return {
        "provenance": {"command": "x"}, "rounds": 3, "peak_gigabytes": 1.0, "rows": rows, "alone": alone,
        "sizes": {"hidden": 64, "heads": 4, "observations": 30, "actions": 10, "batch": 64}, "rollout": rollout,
        "attention": [], "exponents": scaling_report.exponents(rows, alone, 64),
    }  # fmt: skip


def test_exponents_are_fitted_to_the_large_networks(scaling):
    found = {kind: {name: slope for name, slope, _ in fits} for kind, fits in scaling["exponents"].items()}
    assert found["update"]["PMaRL, edges"] == pytest.approx(1)
    assert found["update"]["MAAC"] == pytest.approx(2, abs=0.01)
    assert found["attention"] == pytest.approx({"edges": 1, "dense": 1})


def test_the_scaling_page_says_what_was_not_run_and_what_the_trainer_takes(scaling):
    page = scaling_report.report(scaling)
    row = "| n10000 | 10,000 | 20,000 | 64 | not run (would need 13 GB) | 10000.0 (10000.0–10000.0)* | 2.00 | – |"
    assert row in page
    assert "| 10 | 1.00 | 2.00 | not run (learner would need 40 GB) |" in page
    assert "| 10,000 | 1,562,500 (8) | 156,250 |" in page  # a smaller batch in brackets
    for table in page.split("\n\n"):
        widths = {line.count("|") for line in table.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, table


def test_one_small_network_measured(tmp_path):
    args = argparse.Namespace(rounds=2, gigabytes=3.0)
    network = agents_scaling.networks(sizes=())["bg"]
    row = agents_scaling.measure_updates("bg", network.adjacency_matrix, 8, args)
    assert (row["firms"], row["edges"]) == (4, 3)
    assert all(entry["seconds"] > 0 for entry in row["variants"].values())
    assert row["dense_over_edges"] > 0
    none = argparse.Namespace(rounds=2, gigabytes=0.0)
    assert "seconds" not in agents_scaling.measure_updates("bg", network.adjacency_matrix, 8, none)["variants"]["MAAC"]
    rollout = agents_scaling.measure_rollout("bg", network, args)
    assert set(rollout["seconds"]) == {"environment", "local policies", "global policies"}
    scaling_report.draw([row], 8, tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_the_update_s_page_and_its_counted_products():
    products = update_speed.Products()
    with products:
        torch.mm(torch.ones(2, 3), torch.ones(3, 5))
        torch.bmm(torch.ones(4, 2, 3), torch.ones(4, 3, 5))
    assert products.flops() == 2 * 2 * 3 * 5 * (1 + 4)
    row = {"seconds": 0.2, "quartiles": [0.1, 0.3], "times_faster_than_loop": 2.5, "gigaflops": 30.0}
    sizes = dict.fromkeys(("batch", "hidden", "heads", "observation", "actions", "threads"), 1)
    sizes |= {"agents": 27, "network": "r3", "device": "cpu"}
    entry = {"method": "maac", "clock": "CPU time", "variants": {"stacked": {**row, "floor_seconds": 0.16}}}
    page = update_speed.report({"provenance": {"command": "x"}, "sizes": sizes, "table": [entry]})
    assert "| maac | stacked | 0.200 | 0.100–0.300 | 2.50 × | 30.0 | 0.160 | 1.25 × |" in page


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


def test_every_result_on_a_page_has_a_benchmark_that_records_it():
    root = Path(__file__).resolve().parents[1]
    asked = {
        name
        for page in (root / "docs" / "pages").rglob("*.md")
        for name in re.findall(r"^<!-- generated: result (\w+) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"update_speed", "agents_scaling", "time_to_quality"} <= asked
    for name in asked:
        record = (root / "benchmarks" / "results" / f"{name}.md").read_text(encoding="utf-8")
        (module,) = set(re.findall(r"`python -m (benchmarks[\w.]+)", record))
        assert importlib.util.find_spec(module) is not None, name


def test_the_whole_loop_is_timed_and_its_shares_are_shares():
    found = loop_speed.measure(torch.device("cpu"), "torch", num_envs=4, rounds=1, network="bg")
    assert found["env_steps_per_second"] > 0
    assert found["updates_per_second"] > 0
    assert 0 < found["share_of_the_turn_that_is_updates"] < 1
    assert found["share_of_the_floor"] > 0
    table = loop_speed.report(
        {"provenance": {"command": "x"}, "rows": [{"device": "CPU", "backend": "torch", "num_envs": 4, **found}]}
    )
    assert "| CPU | torch | 4 | " in table
