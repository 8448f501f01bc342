"""The import contracts of pyproject.toml hold: no torch or trainer in scenv, no scenv in pmarl_trainer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    ],
)
def test_contracts_bite(repository: Path, tmp_path: Path, package: str, statement: str) -> None:
    """The check can fail: each forbidden import, put into an otherwise empty pair of packages, breaks one contract."""
    shutil.copy(repository / "pyproject.toml", tmp_path)
    for name in ("scenv", "pmarl_trainer", "scenv_paper"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / package / "offender.py").write_text(statement)
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    assert "1 broken" in result.stdout, result.stdout + result.stderr
