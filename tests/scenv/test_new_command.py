"""`scenv new`: a folder that runs at once, for every command; and it never writes over what is there."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

import scenv


def test_it_runs_at_once(run, tmp_path: Path) -> None:
    code, out, _ = run("new", "my_network/")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "my_network").iterdir()) == [
        *("README.md", "firms.csv", "links.csv", "sales.csv", "scenario.yaml")
    ]
    assert len((tmp_path / "my_network" / "README.md").read_text().splitlines()) <= 10
    assert "my_network/scenario.yaml" in out.replace("\\", "/")
    for command in (["evaluate", "--policy", "base-stock", "--episodes", "3"], ["info"]):
        code, out, _ = run(command[0], "my_network/scenario.yaml", *command[1:])
        assert code == 0
        assert "my_network" in out
    assert "not used: city (firms)" in out
    scenario = scenv.load_scenario("my_network/scenario.yaml")
    assert scenario.network.edge_attributes["farm", "factory"]["shipment_lead_time"] == 4
    assert scenario.demand.kind == "time_series"
    assert scenario.network.holding_cost.max() == 1.2


def test_the_trainer_trains_on_it(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from pmarl_trainer.cli import train

    run("new", "my_network")
    settings = ("rollouts=2", "learning_starts=1", "batch_size=32", "evaluation_interval=2")
    arguments = ["pmarl-train", "--scenario", "my_network/scenario.yaml", "--out", "run", *settings]
    monkeypatch.setattr(sys, "argv", arguments)
    with contextlib.suppress(SystemExit):
        train()
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("there", ["folder", "file", "hidden"])
def test_it_writes_over_nothing(run, tmp_path: Path, there: str) -> None:
    target = tmp_path / "mine"
    if there == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / (".hidden" if there == "hidden" else "links.csv")).write_text("mine")
    code, out, err = run("new", "mine")
    assert (code, out) == (2, "")
    assert err == "scenv: mine: exists already; expected the name of a new or empty folder\n"
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


@pytest.mark.parametrize("name", ["no/such/folder", "a" * 300])
def test_a_folder_that_cannot_be_made(run, name: str) -> None:
    code, _, err = run("new", name)
    assert code == 2
    assert "cannot be made" in err
    assert err.count("\n") == 1


def test_an_empty_folder_is_filled(run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert run("new", "mine")[0] == 0


def test_tables_with_columns_are_shown_and_converted(run, tmp_path: Path) -> None:
    run("new", "mine")
    columns = "holding_cost=backorder cost,backorder_cost=holding cost"
    code, out, _ = run("info", "mine/links.csv", "--firms", "mine/firms.csv", "--columns", columns)
    assert code == 0
    assert "6.000" in out
    pytest.importorskip("openpyxl")
    assert run("convert", "mine/links.csv", "mine.xlsx", "--firms", "mine/firms.csv")[0] == 0
    assert run("convert", "mine.xlsx", "mine.json")[0] == 0
    assert scenv.load_network("mine.json").edges == scenv.load_network("mine/links.csv").edges
    assert "exists already" in run("convert", "mine/links.csv", "mine.xlsx")[2]
    for wrong in ("holding_cost", "=a", "holding_cost=a,holding_cost=b", "holding_csot=city"):
        code, _, err = run("info", "mine/links.csv", "--firms", "mine/firms.csv", "--columns", wrong)
        assert (code, err.count("\n")) == (2, 1)
    assert "go with tables" in run("info", "mine/scenario.yaml", "--columns", columns)[2]
    assert "go with a table" in run("info", "r2", "--columns", columns)[2]
