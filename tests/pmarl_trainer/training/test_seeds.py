"""Several seeds in one run: each leaves an ordinary run folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.runs.run_folder import evaluate_run, load_config, resume_run, start_run
from tests.pmarl_trainer.training.test_training import configure


def test_the_folders_are_ordinary_runs_and_there_is_a_summary(tmp_path, capsys):
    assert start_run(configure(loggers=["csv"], seed=7), tmp_path / "run", seeds=2, quiet=True)
    places = [tmp_path / "run" / name for name in ("s7", "s8")]
    for place, seed in zip(places, (7, 8), strict=True):
        assert load_config(place).train.seed == seed
        names = {path.name for path in place.iterdir()}
        assert {"config.json", "run.json", "metrics.csv", "evaluation.json", "report.html", "checkpoints"} <= names
        before = json.loads((place / "evaluation.json").read_text())
        evaluate_run(load_config(place), place)
        assert json.loads((place / "evaluation.json").read_text()) == before
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    means = [json.loads((p / "evaluation.json").read_text())["policies"]["pmarl"]["mean"] for p in places]
    assert summary["seeds"] == [7, 8]
    assert summary["mean"]["mean"] == pytest.approx(np.mean(means))
    low, high = summary["mean"]["ci95"]
    assert low <= min(means)
    assert max(means) <= high  # Student's t with one degree of freedom is wide
    assert (tmp_path / "run" / "learning_curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "2 seeds of pmarl" in capsys.readouterr().out


def test_what_cannot_be_done_is_said(tmp_path):
    (tmp_path / "seeds.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"seeds\.json: expected"):
        resume_run(tmp_path, quiet=True)
