"""Several seeds in one run: processes side by side, each of which learns what it would learn alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from pmarl_trainer.errors import CheckpointError, TrainerError
from pmarl_trainer.runs.evaluate import evaluate_run
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.metrics import read_metrics
from pmarl_trainer.runs.run_folder import resume_run, start_run
from tests.pmarl_trainer.small_runs import configure, last


def same_tensors(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    folder = tmp_path_factory.mktemp("group") / "run"
    assert start_run(configure(loggers=["csv"], seed=7), folder, seeds=2, quiet=True)
    return folder


def test_a_run_of_a_group_is_the_run_alone(group, tmp_path):
    for seed in (7, 8):
        assert start_run(configure(loggers=["csv"], seed=seed), tmp_path / f"s{seed}", quiet=True)
        assert same_tensors(last(group / f"s{seed}")[0], last(tmp_path / f"s{seed}")[0])


def test_the_folders_are_ordinary_runs_and_there_is_a_summary(group):
    places = [group / name for name in ("s7", "s8")]
    for place, seed in zip(places, (7, 8), strict=True):
        assert load_config(place).train.seed == seed
        names = {path.name for path in place.iterdir()}
        assert {"config.json", "run.json", "metrics.csv", "evaluation.json", "report.html", "checkpoints"} <= names
        before = json.loads((place / "evaluation.json").read_text())
        evaluate_run(load_config(place), place)
        assert json.loads((place / "evaluation.json").read_text()) == before
    summary = json.loads((group / "summary.json").read_text())
    means = [json.loads((p / "evaluation.json").read_text())["policies"]["pmarl"]["mean"] for p in places]
    assert summary["seeds"] == [7, 8]
    assert summary["mean"]["mean"] == pytest.approx(np.mean(means))
    low, high = summary["mean"]["ci95"]
    assert low <= min(means)
    assert max(means) <= high  # Student's t with one degree of freedom is wide
    assert (group / "learning_curves.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_an_interrupted_group_goes_on_as_if_nothing_had_happened(group, tmp_path):
    """A callback asks to stop, which every run hears of; each saves where it is."""
    seen = []

    def stop(rollout):
        seen.append((rollout.seed, rollout.number))
        return rollout.number == 2

    folder = tmp_path / "run"
    config = configure(loggers=["csv"], seed=7, env={"pause": 0.05})
    assert not start_run(config, folder, seeds=2, quiet=True, callbacks=[stop])
    assert {seed for seed, _ in seen} <= {7, 8}
    assert resume_run(folder, quiet=True)
    for name in ("s7", "s8"):
        assert same_tensors(last(group / name)[0], last(folder / name)[0])
        assert [row["rollout"] for row in read_metrics(folder / name / "metrics.csv")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_hdpo_runs_in_groups_too(tmp_path):
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": 12, "warmup": 2}
    config = configure(method="hdpo", rollouts=2, loggers=["csv"])
    config = config.model_copy(update={"env": type(config.env)(**env)})
    assert start_run(config, tmp_path / "run", seeds=2, quiet=True)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["method"] == "hdpo"


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_stops_the_others(tmp_path):
    config = configure("Poisoned", loggers=["csv"], seed=3)
    with pytest.raises(TrainerError, match=r"s[34]: training diverged") as caught:
        start_run(config, tmp_path / "run", seeds=2, quiet=True)
    assert len(str(caught.value).splitlines()) == 1


def test_a_damaged_list_of_seeds_is_refused(tmp_path):
    (tmp_path / "seeds.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"seeds\.json: expected"):
        resume_run(tmp_path, quiet=True)
