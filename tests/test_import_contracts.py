"""The import contracts of pyproject.toml hold: no torch or trainer in scenv, no scenv in pmarl_trainer."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
RUN_LINTER = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the contracts and packages found in `folder`, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", RUN_LINTER], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_contracts_hold(repository: Path) -> None:
    result = lint_imports(repository)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("package", "statement"),
    [
        ("scenv", "import torch"),
        ("scenv", "def late():\n    from torch import nn\n"),
        ("scenv", "import pmarl_trainer"),
        ("pmarl_trainer", "import scenv"),
        ("pmarl_trainer", "def late():\n    from scenv_paper import results\n"),
        ("scenv", "from scenv import envs"),
        ("pmarl_trainer", "from pmarl_trainer import runs"),
        ("pmarl_trainer", "def late():\n    from pmarl_trainer.learners import losses\n"),
    ],
)
def test_contracts_bite(repository: Path, tmp_path: Path, package: str, statement: str) -> None:
    """The check can fail: each forbidden import, put into an otherwise empty module, breaks one contract."""
    empty_copy(repository, tmp_path)
    (tmp_path / package / "errors.py").write_text(statement)
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    assert "1 broken" in result.stdout, result.stdout + result.stderr


def test_a_module_that_no_layer_names_is_found(repository: Path, tmp_path: Path) -> None:
    empty_copy(repository, tmp_path)
    assert lint_imports(tmp_path).returncode == 0
    for package in ("scenv", "pmarl_trainer"):
        (tmp_path / package / "helpers.py").touch()
    result = lint_imports(tmp_path)
    assert "2 broken" in result.stdout
    assert {"scenv.helpers", "pmarl_trainer.helpers"} <= set(result.stdout.split())


def empty_copy(repository: Path, folder: Path) -> None:
    """The packages' modules, each empty, with the contracts."""
    shutil.copy(repository / "pyproject.toml", folder)
    for package in ("scenv", "pmarl_trainer", "benchmarks/scenv_paper"):
        own = folder / Path(package).name
        for path in (repository / package).iterdir():
            if path.suffix == ".py" or (path / "__init__.py").exists():
                module = own / path.name if path.is_file() else own / path.name / "__init__.py"
                module.parent.mkdir(parents=True, exist_ok=True)
                module.touch()


def test_no_test_imports_another_test() -> None:
    """What several tests need stands in a file of its own."""
    lines = {f"{path.name}: {line}" for path in TESTS.rglob("*.py") for line in path.read_text("utf-8").splitlines()}
    assert len(lines) > 1000
    assert not [line for line in lines if re.search(r": *(from|import) \S*\btest_|: *from tests\S* import test_", line)]
