"""Loggers of others get the metrics of metrics.csv under the same names; a missing library is one clear line."""

import importlib.util
import json
from pathlib import Path

import pytest

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.runs.metrics import read_metrics
from pmarl_trainer.runs.run_folder import resume_run, start_run
from tests.pmarl_trainer.small_runs import configure


def run_with(logger, folder):
    """A run that is stopped after three rollouts and goes on."""
    config = configure(loggers=["csv", logger])
    assert not start_run(config, folder, quiet=True, callbacks=[lambda rollout: rollout.number == 3])
    assert resume_run(folder, quiet=True)
    return read_metrics(folder / "metrics.csv")


def test_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows = run_with("tensorboard", tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {name for row in rows for name in row} - {"rollout"}
    for name in ("updates", "critic_loss"):
        logged = {event.step: event.value for event in events.Scalars(name)}
        assert logged == {int(row["rollout"]): pytest.approx(row[name], rel=1e-6) for row in rows if name in row}


@pytest.mark.slow
def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    rows = run_with("mlflow", tmp_path / "run")
    client = mlflow.MlflowClient((tmp_path / "run" / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("pmarl")
    (run,) = client.search_runs([experiment.experiment_id])
    assert set(run.data.metrics) == {name for row in rows for name in row} - {"rollout"}
    logged = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, "critic_loss")}
    assert logged == {int(row["rollout"]): pytest.approx(row["critic_loss"]) for row in rows if "critic_loss" in row}
    assert run.data.params["batch_size"] == "16"


def leveldb_records(log):
    """The records of a .wandb file: LevelDB's log format after 7 bytes of its own, chunks that end with their block."""
    at, parts = 7, []
    while at + 7 <= len(log):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        size, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        parts.append(log[at + 7 : at + 7 + size])
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield b"".join(parts)
            parts = []


@pytest.mark.slow
def test_wandb_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.delenv("WANDB_MODE", raising=False)
    rows = run_with("wandb", tmp_path / "run")
    files = sorted((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len({path.stem.rpartition("-")[2] for path in files}) == 1  # both sessions are one run
    logged: dict[int, dict[str, float]] = {}
    for path in files:
        for data in leveldb_records(path.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            if record.WhichOneof("record_type") == "history":
                items = {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in record.history.item}
                logged.setdefault(int(items["_step"]), {}).update(items)
    assert sorted(logged) == [int(row["rollout"]) for row in rows]
    for row in rows:
        for name in row.keys() - {"rollout"}:
            assert logged[int(row["rollout"])][name] == pytest.approx(row[name], rel=1e-6)


@pytest.mark.parametrize("logger", ["tensorboard", "wandb", "mlflow"])
def test_a_missing_library_is_named_before_anything_is_written(tmp_path, monkeypatch, logger):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == logger else found(name, *rest))
    with pytest.raises(TrainerError, match=rf"train\.loggers: {logger} needs the package {logger}: pip install"):
        start_run(configure(loggers=[logger]), tmp_path / "run", quiet=True)
    assert not list(Path(tmp_path).iterdir())
