"""A one-minute training run on the beer game: finite losses, a checkpoint that loads, a complete evaluation file."""

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

TRAIN = [sys.executable, "-c", "from pmarl_trainer.cli import train; train()"]
EVALUATE = [sys.executable, "-c", "from pmarl_trainer.cli import evaluate; evaluate()"]
POLICIES = {"pmarl", "base_stock", "pass_through", "random"}


def numbers(value: Any) -> Iterator[float]:
    """Every number in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def run_command(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


@pytest.fixture(scope="module")
def run(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished training run."""
    out = tmp_path_factory.mktemp("smoke") / "run"
    run_command([*TRAIN, "--scenario", "scenarios/smoke.yaml", "--out", str(out)], repository)
    return out


def check_evaluation(path: Path) -> None:
    evaluation = json.loads(path.read_text())
    policies = evaluation["policies"]
    assert set(policies) >= POLICIES, sorted(policies)
    for name in POLICIES:
        result = policies[name]
        assert result["mean"] > 0, name
        assert result["ci95"] is not None, name
        assert list(numbers(result)), name
    assert all(math.isfinite(number) for number in numbers(evaluation))


def test_losses_are_finite(run: Path) -> None:
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    losses = [(name, float(value)) for row in rows for name, value in row.items() if "loss" in name and value]
    assert {name for name, _ in losses} >= {"critic_loss", "policy_loss"}
    assert [(name, value) for name, value in losses if not math.isfinite(value)] == []


def test_evaluation_is_complete(run: Path) -> None:
    check_evaluation(run / "evaluation.json")


def test_checkpoint_loads(run: Path, repository: Path) -> None:
    """`pmarl-evaluate RUN` loads the trained networks from the run's checkpoint, and finds what training found."""
    trained = json.loads((run / "evaluation.json").read_text())
    run_command([*EVALUATE, str(run)], repository)
    check_evaluation(run / "evaluation.json")
    again = json.loads((run / "evaluation.json").read_text())
    assert again["policies"]["pmarl"]["mean"] == pytest.approx(trained["policies"]["pmarl"]["mean"], rel=1e-5)
