"""Every command prints readably on terminals that are not UTF-8, that are none, and into a closed pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import scenv

COMMANDS = {
    "help": ["--help"],
    "info": ["info", "r2"],
    "info --json": ["info", "bg", "--json"],
    "evaluate": ["evaluate", "bg", "--episodes", "2", "--by-stage", "--policy", "bs,da"],
    "evaluate --help": ["evaluate", "--help"],
    "levels": ["levels", "bg"],
    "render": ["render", "müller.json", "-o", "picture.png", "--force"],
    "convert": ["convert", "müller.json", "copy.graphml"],
    "check": ["check", "bg"],
    "new": ["new", "mine"],
    "fit-demand": ["fit-demand", "mine/sales.csv"],
    "a refusal": ["evaluate", "bg", "--policy", "bäse-stöck"],
}
TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "dumb": {"TERM": "dumb"},
}
#: All commands in one process: starting Python takes longer than any of them.
DRIVER = """
import io, sys
from scenv.cli import main
for arguments in {commands!r}:
    sys.argv = ["scenv", *arguments]
    try:
        main()
    except SystemExit as stop:
        print("exit", stop.code, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    graph = nx.DiGraph([("Maßwerk 株", "Käufer")])
    graph.graph["name"] = "müller"
    nx.set_node_attributes(graph, 1.0, "holding_cost")
    nx.set_node_attributes(graph, 2.0, "backorder_cost")
    scenv.load_network(graph).to_json(tmp_path / "müller.json")
    return tmp_path


@pytest.mark.parametrize("terminal", TERMINALS.values(), ids=TERMINALS.keys())
def test_every_command_prints_readably(terminal: dict[str, str], folder: Path, repository: Path) -> None:
    code = DRIVER.format(commands=list(COMMANDS.values()))
    environment = {**os.environ, "PYTHONPATH": str(repository), "PYTHONUTF8": "0", "COLUMNS": "100", **terminal}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, timeout=120, check=False
    )
    encoding = terminal.get("PYTHONIOENCODING", "utf-8")
    out, err = result.stdout.decode(encoding), result.stderr.decode(encoding)
    assert "Traceback" not in err + out
    assert result.returncode == 0, err
    exits = [line for line in out.splitlines() if line.startswith("exit ")]
    assert exits == ["exit 0"] * (len(COMMANDS) - 1) + ["exit 2"], out + err
    assert "�" not in out
    if encoding == "ascii":
        assert "+- " in out
        assert "???" not in out
        assert "base-stock" in err  # the refusal's own suggestion
    assert "scenv: " in err


@pytest.mark.skipif(os.name == "nt", reason="head is a POSIX program")
@pytest.mark.parametrize("command", ["info", "evaluate", "levels", "help"])
def test_a_closed_pipe_is_no_traceback(command: str, folder: Path, repository: Path) -> None:
    words = " ".join(COMMANDS[command])
    shell = f"{sys.executable} -c 'from scenv.cli import main; main()' {words} | head -1"
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    result = subprocess.run(
        ["sh", "-c", shell], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    assert result.stderr == ""
