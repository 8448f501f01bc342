"""The command line: what each command prints and writes; refusals are one line, exit code 2, and write nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from PIL import Image

import scenv
from scenv.scenario.implied import unit_costs
from tests.scenv.command import Run

pytestmark = pytest.mark.filterwarnings("ignore:Agent's maximum observation space value is infinity")


@pytest.mark.parametrize("command", ["info", "render", "evaluate", "convert", "check", "new", "fit-demand", "decide"])
def test_every_command_teaches_by_example(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Examples:" in out
    assert f"scenv {command} " in out


def test_help_and_version(run: Run) -> None:
    assert "scenv info r2" in run("--help")[1]
    assert run("--version")[1].startswith("scenv")


def test_info_shows_every_firm_and_the_scenario(run: Run) -> None:
    code, out, _ = run("info", "r3")
    assert code == 0
    assert "27 firms · 31 edges · 5 stages · 8 retailers · complexity 2.27 bits" in out
    assert all(name in out for name in scenv.load_network("r3").agents)
    assert "8 wholesalers" not in out
    assert "4 wholesalers" in out
    assert "order what was ordered from you -3 … +6" in out


def test_info_writes_long_lists_of_neighbours_as_ranges(run: Run) -> None:
    out = run("info", "r2")[1]
    assert "dist_0–6" in out
    assert "ret_0–2" in out


def test_info_as_json(run: Run) -> None:
    document = json.loads(run("info", "r2", "--json")[1])
    assert document["firms"] == len(document["agents"]) == 22
    scenario = scenv.load_scenario("r2")
    assert [agent["holding_cost"] for agent in document["agents"]] == unit_costs(scenario)[0].tolist()
    assert document["scenario"]["horizon"] == 50


def test_info_of_a_network_without_costs(run: Run, tmp_path: Path) -> None:
    scenv.load_network(nx.DiGraph([("mill", "shop")])).to_json(tmp_path / "bare.json")
    code, out, _ = run("info", "bare.json")
    assert code == 0
    assert "the file gives none" in out
    assert json.loads(run("info", "bare.json", "--json")[1])["agents"][0]["holding_cost"] is None


def test_info_cuts_a_long_list_and_says_so(run: Run) -> None:
    scenv.generators.serial(70).to_json("long.json")
    assert "… and 10 more firms: --all lists them" in run("info", "long.json")[1]
    everyone = run("info", "long.json", "--all")[1]
    assert all(name in everyone for name in scenv.load_network("long.json").agents)


def test_render_draws_a_network(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("render", "r2", "-o", "r2.png")
    assert (code, out.strip()) == (0, "wrote r2.png")
    assert np.asarray(Image.open(tmp_path / "r2.png")).std() > 10
    run("render", "bg")
    assert (tmp_path / "bg.png").exists()


def test_render_draws_an_episode_and_a_film(run: Run, tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text("network: bg\nhorizon: 6\nwarmup: 1\n")
    assert run("render", "short.yaml", "--run", "--policy", "sterman", "--seed", "4", "-o", "run.png")[0] == 0
    assert run("render", "short.yaml", "--run", "-o", "run.gif")[0] == 0
    assert Image.open(tmp_path / "run.gif").n_frames == 6


def test_convert_there_and_back_is_equal(run: Run, tmp_path: Path) -> None:
    assert run("convert", "r1", "r1.graphml")[0] == 0
    code, out, _ = run("convert", "r1.graphml", "back.json")
    assert (code, out.strip()) == (0, "wrote back.json: r1, 17 firms, 18 edges")
    scenv.load_network("r1").to_json(tmp_path / "direct.json")
    assert (tmp_path / "back.json").read_text() == (tmp_path / "direct.json").read_text()


def test_convert_from_and_to_tables(run: Run, tmp_path: Path) -> None:
    assert run("convert", "r1", "tables")[0] == 0
    assert run("convert", "r1", "tables")[0] == 2
    assert run("convert", "tables", "back.json")[0] == 0
    assert scenv.load_network(tmp_path / "back.json")._rows() == scenv.load_network("r1")._rows()
    (tmp_path / "sites.csv").write_text("a,b,n\nmill,shop,4\n")
    assert run("convert", "sites.csv", "sites.json", "--columns", "source=a,target=b,shipment_lead_time=n")[0] == 0
    link = scenv.load_network(tmp_path / "sites.json").edge_attributes["mill", "shop"]
    assert link["shipment_lead_time"] == 4
    for bad in ("source", "source=a,source=b", "=a"):
        code, _, err = run("convert", "sites.csv", "no.json", "--columns", bad)
        assert code == 2
        assert err.startswith("scenv: --columns: ")


def test_info_says_what_of_a_file_is_not_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("from,to,city\nmill,shop,Ulm\n")
    assert "not used: city (edges)" in run("info", "sites.csv")[1]
    out = run("info", "r1")[1]
    assert "not used: demand of the source: mean 46 … 126, deviation 35 … 132.3" in out
    assert "not used: stage times of the source" in out
    (tmp_path / "data.yaml").write_text("network: r1\ndemand: data\nshipment_lead_time: data\n")
    assert "not used" not in run("info", "data.yaml")[1]
    assert json.loads(run("info", "data.yaml", "--json")[1])["not_used"] == []


def test_nothing_is_overwritten_without_force(run: Run, tmp_path: Path) -> None:
    for name, arguments in (("a.json", ("convert", "r1")), ("a.png", ("render", "bg", "-o"))):
        (tmp_path / name).write_text("precious")
        code, _, err = run(*arguments, name)
        assert (code, err) == (2, f"scenv: {name}: exists already; use --force to write over it\n")
        assert (tmp_path / name).read_text() == "precious"
        assert run(*arguments, name, "--force")[0] == 0
        assert (tmp_path / name).stat().st_size > 100


def test_check_passes_a_good_file(run: Run) -> None:
    scenv.load_network(nx.DiGraph([("mill", "shop"), ("mill", "kiosk")])).to_json("mine.json")
    code, out, _ = run("check", "mine.json")
    assert code == 0
    assert out.count("ok ") == 6
    assert "the file gives no costs" in out


def test_check_reports_a_broken_promise_with_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise scenv.testing.EnvCheckError("books: period 3, ret_0: expected what cannot be")

    monkeypatch.setattr("scenv.commands.check.check_env", broken)
    code, _, err = run("check", "bg")
    assert (code, err) == (1, "scenv: books: period 3, ret_0: expected what cannot be\n")


EDGES = [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}]
CYCLE = {"directed": True, "nodes": [{"id": "a"}, {"id": "b"}], "edges": EDGES}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "r9"), "unknown network 'r9'"),
        (("info", "missing.json"), "no such file"),
        (("check", "cycle.json"), "cycle"),
        (("check", "bad.yaml"), "unknown field 'horizn' (did you mean 'horizon'?)"),
        (("convert", "cycle.json", "x.json"), "cycle"),
        (("convert", "r1", "x.csv"), "must end in .json, .graphml or .xlsx"),
        (("convert", "r1", "nowhere/x.json"), "there is no folder nowhere"),
        (("convert", "r1", "folder.json"), "is a folder"),
        (("render", "r1", "-o", "x.txt"), "must end in one of .png"),
        (("render", "r1", "-o", "x.gif"), "a film needs --run"),
        (("render", "cycle.json", "-o", "x.png"), "cycle"),
        (("render", "r1", "--run", "-p", "nothing", "-o", "x.png"), "unknown policy 'nothing'"),
        (("render", "bad.yaml", "--run", "-o", "x.png"), "unknown field"),
    ],
)
def test_refusals_are_one_line_exit_code_2_and_write_nothing(
    run: Run,
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    (tmp_path / "cycle.json").write_text(json.dumps(CYCLE))
    (tmp_path / "bad.yaml").write_text("network: bg\nhorizn: 50\n")
    (tmp_path / "folder.json").mkdir()
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*arguments)
    assert code == 2
    assert message in err
    assert err.startswith("scenv: ")
    assert err.count("\n") == 1
    assert out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_usage_errors_exit_with_2(run: Run) -> None:
    assert run("paint")[0] == 2
    assert run("info")[0] == 2


def test_a_closed_pipe_is_no_traceback(repository: Path) -> None:
    """`scenv info r3 | head -1`, as people do."""
    command = f'"{sys.executable}" -c "from scenv.cli import main; main()" info r3 | head -1'
    environment = os.environ | {"PYTHONPATH": str(repository)}
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120, env=environment)
    assert result.stdout.startswith("r3")
    assert "Traceback" not in result.stderr
