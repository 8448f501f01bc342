"""Training from Python: what comes back, callbacks, and that a name is enough."""

import pytest

import pmarl_trainer
from pmarl_trainer.errors import TrainerError
from tests.pmarl_trainer.small_runs import TRAIN

TOY = {"env": {"entry": "tests.pmarl_trainer.toy_envs:Newsvendor"}, "train": {**TRAIN, "loggers": ["csv"]}}


def test_a_run_its_callbacks_and_its_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    result = pmarl_trainer.train(TOY, seed=3, env={"delay": 1}, callbacks=[seen.append], quiet=True)
    assert result.finished
    assert str(result.folder).replace("\\", "/") == "runs/run-pmarl-s3-1"
    assert (result.config.train.seed, result.config.env.arguments) == (3, {"delay": 1})
    assert [rollout.number for rollout in seen] == [1, 2, 3, 4, 5, 6]
    assert [rollout.evaluation is not None for rollout in seen] == [False, True] * 3
    assert [row["rollout"] for row in result.metrics] == [1, 2, 3, 4, 5, 6]
    assert result.ratio == pytest.approx(result.mean / result.evaluation["policies"]["base_stock"]["mean"])
    assert result.report.is_file()
    assert pmarl_trainer.train(TOY, seed=3, quiet=True, rollouts=1).folder.name == "run-pmarl-s3-2"


def test_a_callback_stops_a_run_which_then_goes_on(tmp_path):
    stopped = pmarl_trainer.train(
        TOY, out=tmp_path / "run", callbacks=[lambda rollout: rollout.number == 2], quiet=True
    )
    assert not stopped.finished
    assert (stopped.mean, stopped.ratio, len(stopped.metrics)) == (None, None, 2)
    assert pmarl_trainer.resume(tmp_path / "run", quiet=True).mean is not None


@pytest.mark.parametrize("seed", [-1, 1.0, "3", True, 2**63])
def test_seeds_that_are_none(seed):
    with pytest.raises(TrainerError, match=r"train\.seed"):
        pmarl_trainer.train(TOY, seed=seed)
