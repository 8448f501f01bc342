"""--parties processes: the run's folder is that of --parties local, number for number."""

import csv

import pytest
import torch
from safetensors.torch import load_file

import pmarl_trainer
from pmarl_trainer.errors import TrainerError
from tests.pmarl_trainer.parties.wire.trainings import TRAIN


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"method": "fv"}, "everybody's observations"), ({"critic_clip_scope": "all"}, "one norm over all firms")],
)
def test_what_cannot_be_divided_is_refused_before_anything_is_made(tmp_path, settings, why):
    with pytest.raises(TrainerError, match=why):
        pmarl_trainer.train("bg", parties="processes", out=tmp_path / "run", quiet=True, **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_processes_leave_what_one_process_leaves(tmp_path):
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": 12, "warmup": 2}
    settings = {**TRAIN, "method": "pmarl", "final_episodes": 4}
    for parties in ("local", "processes"):
        out = tmp_path / parties
        result = pmarl_trainer.train({"env": env, "train": settings}, parties=parties, out=out, quiet=True)
        assert result.finished
    one, other = tmp_path / "local", tmp_path / "processes"
    rows = [list(csv.DictReader((folder / "metrics.csv").open())) for folder in (one, other)]
    for row in (*rows[0], *rows[1]):
        del row["seconds"]
    assert rows[0] == rows[1]
    for name in ("best", "last"):
        first, second = (load_file(folder / "checkpoints" / f"{name}.safetensors") for folder in (one, other))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first), name
    assert (other / "consortium" / "ret_0" / "audit.jsonl").exists()
