"""The paper's grid: every cell once, done ones not again, a crash, a lock or Ctrl-C harms no other cell."""

from __future__ import annotations

import importlib.util
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest
from rich.console import Console

from scenv_paper import cli, grid
from scenv_paper.cell import BUSY, INTERRUPTED, run_cell, write_json
from scenv_paper.design import ABLATIONS, BUDGETS, NETWORKS, Cell, cells
from scenv_paper.display import table
from scenv_paper.timing import measure

#: Instead of a cell's training: writes the record, unless its method says that it goes wrong.
FAKE = f"""
import json, os, pathlib, sys
folder, method = pathlib.Path(sys.argv[1]), sys.argv[2]
with (folder / "calls").open("a") as calls: calls.write("x")
if method == "crash": os.kill(os.getpid(), 9)
if method == "error": sys.exit("it went wrong")
if method == "busy": sys.exit({BUSY})
if method == "stopped": sys.exit({INTERRUPTED})
(folder / "done.json").write_text(json.dumps({{"costs": [1.0], "method": method}}))
"""


@pytest.fixture
def fake(monkeypatch):
    def command(cell, folder):
        return [sys.executable, "-c", FAKE, str(folder), cell.method]

    monkeypatch.setattr(grid, "cell_command", command)


def make(tmp_path: Path, *methods: str) -> grid.Grid:
    chosen = [Cell("bg", 2, method, 0, "small") for method in methods]
    return grid.Grid(chosen, tmp_path / "cells", tmp_path / "raw")


def test_the_grid_has_every_cell_once_and_the_most_telling_first():
    whole = list(cells("small"))
    assert len({cell.name for cell in whole}) == len(whole) == 4 * 3 * 4 * 3 + 4 * 3
    assert whole[0].lead_time == 2
    first = [cell for cell in whole if cell.method != "classical"][:4]
    assert [(c.network, c.lead_time, c.seed) for c in first] == [("bg", 2, 0)] * 4


@pytest.mark.parametrize("method", ["pmarl", "hdpo", *ABLATIONS])
def test_a_cells_overrides_are_settings_that_the_trainer_takes(method, repository):
    from pmarl_trainer.config.files import read_config

    for budget in BUDGETS:
        cell = Cell("r2", 3, method, 1, budget)
        config = read_config(
            repository / "scenarios" / "r2.yaml", cell.overrides(), method=cell.trainer_method(), seed=cell.seed
        )
        assert config.env.arguments["shipment_lead_time"] == 3
        assert config.train.rollouts in (BUDGETS[budget].rollouts, BUDGETS[budget].hdpo_rollouts)


def test_the_recorded_command_is_the_cells_own_run(repository):
    """A record's command names scenarios/NETWORK.yaml; the cell itself reads no file, for a wheel has none."""
    from pmarl_trainer.config.files import build_config, read_config

    for network in NETWORKS:
        document = {"env": {"entry": "scenv:vector_env", "scenario": network}}
        own = build_config(document, network, method="fv", seed=2)
        assert own == read_config(repository / "scenarios" / f"{network}.yaml", method="fv", seed=2)


def test_cells_that_go_wrong_are_told_apart_and_stop_no_other(fake, tmp_path):
    done = make(tmp_path, "crash", "error", "busy", "stopped", "fine")
    done.run(2)
    assert list(done.states.values()) == [grid.FAILED, grid.FAILED, grid.ELSEWHERE, grid.STOPPED, grid.DONE]
    assert [path.name for path in (tmp_path / "raw").rglob("*.json")] == ["bg-2-fine-s0.json"]
    assert "it went wrong" in done.log(done.cells[1]).read_text()


def test_what_is_done_is_not_done_again_and_its_record_is_there_again(fake, tmp_path):
    make(tmp_path, "fine", "error").run(1)
    (tmp_path / "raw" / "small" / "bg-2-fine-s0.json").unlink()
    again = make(tmp_path, "fine", "error")
    assert again.states[again.cells[0]] == grid.DONE
    assert json.loads((tmp_path / "raw" / "small" / "bg-2-fine-s0.json").read_text())["method"] == "fine"
    again.run(1)
    calls = [(again.folder(cell) / "calls").read_text() for cell in again.cells]
    assert calls == ["x", "xx"]


def test_a_cell_that_another_process_holds_is_left_to_it(tmp_path):
    cell = Cell("bg", 2, "pmarl", 0, "smoke")
    tmp_path.mkdir(exist_ok=True)
    with filelock.FileLock(tmp_path / "lock"):
        holder = f"from scenv_paper.cell import *; sys.exit(run_cell({cell!r}, Path({str(tmp_path)!r})))"
        imports = "from scenv_paper.design import Cell; import sys; from pathlib import Path; "
        status = subprocess.run(
            [sys.executable, "-c", imports + holder], check=False, cwd=Path(__file__).parents[1]
        ).returncode
    assert status == BUSY
    assert not (tmp_path / "run").exists()


def test_a_record_is_whole_or_not_there(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "done.json", {"costs": object()})
    assert not (tmp_path / "done.json").exists()


def test_a_cell_leaves_the_record_that_the_report_reads(tmp_path):
    cell = Cell("bg", 2, "pmarl", 0, "smoke")
    assert run_cell(cell, tmp_path) == 0
    record = json.loads((tmp_path / "done.json").read_text())
    assert record["cell"] == {"network": "bg", "lead_time": 2, "method": "pmarl", "seed": 0, "budget": "smoke"}
    assert len(record["costs"]) == 100
    assert min(record["costs"]) > 0
    assert record["training"]["episodes"] == record["curve"]["episodes"][-1] == 6 * 32
    before = (tmp_path / "done.json").stat().st_mtime_ns
    assert run_cell(cell, tmp_path) == 0
    assert (tmp_path / "done.json").stat().st_mtime_ns == before


def test_learned_and_classical_policies_meet_the_same_demand(tmp_path):
    """What the trainer says that base-stock costs is what the classical cell says, path by path."""
    assert run_cell(Cell("bg", 2, "pmarl", 0, "smoke"), tmp_path / "pmarl") == 0
    evaluation = json.loads((tmp_path / "pmarl" / "run" / "evaluation.json").read_text())
    import scenv
    from scenv_paper.design import EVALUATION_SEED

    scenario = scenv.load_scenario("bg", shipment_lead_time=2)
    expected = scenv.evaluate("base-stock", scenario, episodes=100, seed=EVALUATION_SEED).episode_costs
    assert evaluation["policies"]["base_stock"]["episodes"] == pytest.approx(expected.tolist(), rel=1e-9)


def test_the_table_shows_every_state(fake, tmp_path):
    done = make(tmp_path, "error", "busy", "stopped", "fine", "pmarl")
    done.run(1)
    done.states[done.cells[4]] = grid.RUNNING
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table(done))
    text = console.export_text()
    assert all(mark in text.split("waiting")[0] for mark in "✗»‖✓…")
    assert "1 of 5 cells done" in text


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--only", "r9", "--only"), ("--lead-times", "7", "--lead-times"), ("--budget", "huge", "--budget")],
)
def test_wrong_options_are_one_line_and_exit_code_2(option, value, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pmarl-benchmark", option, value, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_timing_has_a_row_for_every_method_and_network():
    measured = measure(repeats=2, networks=("bg",))
    assert [(row["method"], row["nodes"]) for row in measured["rows"]] == [("maac", 4), ("pmarl", 4), ("fv", 4)]
    assert all(len(row["seconds_per_episode"]) == 2 and min(row["seconds_per_episode"]) > 0 for row in measured["rows"])


@pytest.mark.slow
def test_a_killed_cell_goes_on_and_ends_as_an_uninterrupted_one(tmp_path):
    """SIGINT saves; SIGKILL loses what came after the last checkpoint. Either way the costs come out the same."""
    place = ["bg", "2", "pmarl", "0", "small"]
    command = [sys.executable, "-m", "scenv_paper.cell", str(tmp_path / "cut"), *place]
    metrics, root = tmp_path / "cut" / "run" / "metrics.csv", Path(__file__).parents[1]
    for ending in (signal.SIGINT, signal.SIGKILL):
        rows = metrics.read_text().count("\n") if metrics.exists() else 1
        process = subprocess.Popen(command, cwd=root)
        while not metrics.exists() or metrics.read_text().count("\n") < rows + 5:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(ending)
        process.wait()
    assert not (tmp_path / "cut" / "done.json").exists()
    assert run_cell(Cell("bg", 2, "pmarl", 0, "small"), tmp_path / "cut") == 0
    assert run_cell(Cell("bg", 2, "pmarl", 0, "small"), tmp_path / "whole") == 0
    costs = [json.loads((tmp_path / name / "done.json").read_text())["costs"] for name in ("cut", "whole")]
    assert costs[0] == costs[1]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (the extra ray)")
def test_a_local_ray_cluster_serves(fake, tmp_path):
    done = make(tmp_path, "error", "fine")
    done.run_on_ray("local")
    assert list(done.states.values()) == [grid.FAILED, grid.DONE]
