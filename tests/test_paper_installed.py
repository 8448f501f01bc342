"""`pmarl-benchmark` where it is installed, not cloned: it runs anywhere, and says in one line what is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HIDE = """
import importlib.util
really = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == {hidden!r} else really(name, package)
"""
BENCHMARK = [sys.executable, "-c", "from scenv_paper.cli import main; main()"]


def run(arguments: list[str], folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*BENCHMARK, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("hidden", ["torch", "filelock", "jinja2"])
def test_without_the_extra_it_is_one_line(hidden: str, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HIDE.format(hidden=hidden))
    done = run(["--help"], tmp_path / "empty", tmp_path / "site", repository, repository / "benchmarks")
    assert done.returncode == 2, done.stderr
    assert done.stderr == f'pmarl-benchmark: {hidden} is not installed: pip install "scenv[train]"\n'
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.fixture
def site(repository: Path, tmp_path: Path) -> Path:
    """The three packages copied to a folder of their own, as a wheel lays them out: no clone, no scenarios/, no git."""
    folder = tmp_path / "lib" / "python" / "site-packages"
    for package in ("scenv", "pmarl_trainer", "benchmarks/scenv_paper"):
        shutil.copytree(repository / package, folder / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_an_installed_copy_reports_and_verifies_in_any_folder(repository: Path, site: Path, tmp_path: Path) -> None:
    recorded, folder = repository / "benchmarks" / "results" / "paper", tmp_path / "elsewhere"
    results = folder / "paper-results" / "results"
    for name in ("classical/bg-2.json", "standard/bg-2-pmarl-s0.json"):
        (results / "paper" / name).parent.mkdir(parents=True)
        shutil.copy(recorded / name, results / "paper" / name)
    done = run(["--report"], folder, site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(Path("paper-results", "results", "report.html")) in done.stdout
    assert "not judged (one seed)" in (results / "report.md").read_text("utf-8")
    for arguments in (["--verify"], ["--verify", "--results", str(results)]):
        done = run(arguments, folder, site)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the report is what its raw files say" in done.stdout


def test_an_installed_copys_provenance_is_its_version(site: Path, tmp_path: Path) -> None:
    code = "import json; from scenv_paper.provenance import provenance; print(json.dumps(provenance()))"
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["commit"].startswith("scenv 0.")


@pytest.mark.slow
def test_an_installed_copy_trains_in_any_folder(site: Path, tmp_path: Path) -> None:
    small = ["--budget", "smoke", "--only", "bg", "--lead-times", "2", "--methods", "pmarl", "--seeds", "1"]
    done = run([*small, "--no-timing"], tmp_path, site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "paper-results").iterdir()} == {"cells", "results"}
    assert run(["--verify"], tmp_path, site).returncode == 0
