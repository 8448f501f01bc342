"""scenv works without the extras. `.ci/run` makes the same check in an environment where they really are absent."""

import os
import subprocess
import sys
from pathlib import Path

# In the process under test, an import of an extra fails as it does where the extra is not installed.
HIDE_EXTRAS = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "tensorboard", "filelock", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""
TRAINER = [sys.executable, "-c", "from pmarl_trainer.cli import train; train()"]


def test_scenv_runs_and_the_trainer_names_its_extra(repository: Path, tmp_path: Path) -> None:
    hidden, empty = tmp_path / "hidden", tmp_path / "empty"
    hidden.mkdir()
    empty.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE_EXTRAS)
    result = subprocess.run(
        [sys.executable, repository / ".ci/without_extras.py", repository / "scenarios/bg.yaml", *TRAINER],
        cwd=empty,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(hidden), str(repository)])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_scenv_loads_no_extra(repository: Path) -> None:
    """With everything installed, `import scenv` still leaves torch and the plotting library alone (and starts fast)."""
    code = "import sys, scenv; sys.exit(' '.join({'torch', 'matplotlib', 'pmarl_trainer'} & set(sys.modules)) or None)"
    result = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
