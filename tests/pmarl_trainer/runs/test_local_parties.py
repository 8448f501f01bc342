"""--parties local: a run folder like any other's, put together from the firms'."""

import csv
import json

import pytest
import torch

import pmarl_trainer
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.learners.evaluation import Outcome
from pmarl_trainer.parties.assembly import metrics_row
from pmarl_trainer.parties.party_log import Line, read_log
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.methods import make_learner
from pmarl_trainer.training.run_checkpoints import checkpoint_path, read_checkpoint
from pmarl_trainer.training.selection import Selection
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState

SMALL = {
    "parties": "local",
    "rollouts": 6,
    "num_envs": 3,
    "hidden_size": 8,
    "learning_starts": 1,
    "updates_per_rollout": 2,
    "batch_size": 16,
    "evaluation_interval": 2,
    "evaluation_episodes": 3,
    "final_episodes": 4,
    "checkpoint_interval": 2,
    "loggers": ("csv",),
}


def start(folder, **fields):
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": 16, "warmup": 3}
    return pmarl_trainer.train({"env": env, "train": {}}, out=folder, quiet=True, **{**SMALL, **fields})


def rows(folder):
    with (folder / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("method", ["pmarl", "hdpo"])
def test_the_run_folder_is_like_any_others_and_resumes_bit_for_bit(method, tmp_path):
    result = start(tmp_path / "whole", method=method)
    assert result.finished
    assert len(result.metrics) == 6
    assert result.ratio is not None
    for name in ("config.json", "run.json", "evaluation.json", "marl_eval.json", "report.html"):
        assert (tmp_path / "whole" / name).is_file()
    evaluated = [row for row in result.metrics if "evaluation" in row]
    assert [row["rollout"] for row in evaluated] == [2, 4, 6]

    stopped = start(tmp_path / "broken", method=method, callbacks=[lambda rollout: rollout.number == 3])
    assert not stopped.finished
    assert pmarl_trainer.resume(tmp_path / "broken", quiet=True).finished
    assert rows(tmp_path / "whole") == rows(tmp_path / "broken")
    for which in ("best", "last"):
        one, other = (
            checkpoint.load(checkpoint_path(tmp_path / run, which), torch.device("cpu"))[0]
            for run in ("whole", "broken")
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_policies_put_together_do_what_the_firms_did(tmp_path):
    """The stacked learner with the assembled policies costs what the parties' own evaluation said."""
    result = start(tmp_path / "run", method="pmarl", keep_checkpoints_num=2)
    config = result.config
    _, spec = open_env(config, 1, 0)
    selection = Selection(config, spec)
    for rollout in (4, 6):
        learner = make_learner(spec, config.train, torch.device("cpu"))
        path = checkpoint_path(tmp_path / "run", str(rollout))
        tensors, state = read_checkpoint(path, spec, config.train, torch.device("cpu"))
        checkpoint.load_learner(path, learner, tensors, policy_only=True)
        outcome: Outcome = selection.evaluate(learner, RunState(best_score=-1.0), tmp_path / "other")
        assert outcome.mean == pytest.approx(result.metrics[rollout - 1]["evaluation"], rel=1e-7)
        assert state.rollout == rollout
        for i, agent in enumerate(spec.agents):
            line = read_log(tmp_path / "run" / "parties" / agent)[rollout - 1]
            assert outcome.totals[:, i] == pytest.approx(line.costs)


def test_exported_policies_are_those_of_the_firms(tmp_path):
    from pmarl_trainer.export.policies import export_run

    start(tmp_path / "run", method="pmarl")
    files = export_run(tmp_path / "run", tmp_path / "policies", onnx=False)
    assert len(files) == 8
    spec = json.loads((tmp_path / "policies" / "ret_0.json").read_text())
    assert spec["agent"] == "ret_0"


def test_sums_and_means_over_firms():
    lines = [Line(1, 2, {"critic_loss": 1.0, "entropy": 0.2}), Line(1, 2, {"critic_loss": 3.0, "entropy": 0.4})]
    assert metrics_row(lines) == pytest.approx({"critic_loss": 4.0, "entropy": 0.3})


def test_what_cannot_be_divided_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(TrainerError, match=r"^among parties: method fv"):
        start(tmp_path / "run", method="fv")
    assert not (tmp_path / "run").exists()
