"""Whole runs: what they write, resuming bit for bit, and damage that is noticed."""

import json

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.errors import CheckpointError, DivergedError, TrainerError
from pmarl_trainer.export.policies import export_run
from pmarl_trainer.runs.evaluate import evaluate_run
from pmarl_trainer.runs.metrics import MetricsFile, read_metrics
from pmarl_trainer.runs.run_folder import resume_run, start_run
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.loop import train
from pmarl_trainer.training.run_checkpoints import checkpoint_path
from pmarl_trainer.training.setup import prepare_torch
from tests.pmarl_trainer.small_runs import CPU, TRAIN, configure, last


@pytest.mark.parametrize("temperature", ["fixed", "auto"])
@pytest.mark.parametrize("stop_after", [1, 3])
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, stop_after, temperature):
    config = configure(env={"delay": [0, 2]}, temperature=temperature, loggers=["csv"])
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    train(config, tmp_path / "whole", observers=[MetricsFile()])
    train(config, tmp_path / "parts", observers=[MetricsFile()], stop=lambda state: state.rollout == stop_after)
    assert last(tmp_path / "parts")[1]["state"]["rollout"] == stop_after
    train(config, tmp_path / "parts", resume=True, observers=[MetricsFile()])
    one, two = (last(tmp_path / name)[0] for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)

    def numbers(name):
        return [
            {k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(tmp_path / name / "metrics.csv")
        ]

    assert numbers("whole") == numbers("parts")
    assert [row["rollout"] for row in numbers("parts")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_a_checkpoint_with_the_names_of_format_2_goes_on_as_well(tmp_path, preset):
    config = configure(loggers=["csv"], preset=preset)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", stop=lambda state: state.rollout == 3)
    path = checkpoint_path(tmp_path / "parts", "last")
    as_then = {"policy.": "actor.", "target_policy.": "target_actor."}
    if preset == "paper":
        as_then |= {"critic.values.": "critic.value.", "target_critic.values.": "target_critic.value."}

    def then(tensors):
        old = {name: next((k for k in as_then if name.startswith(k)), "") for name in tensors}
        assert sum(map(bool, old.values())) > 6
        return {as_then.get(k, "") + name.removeprefix(k): tensors[name] for name, k in old.items()}

    damage(path, then, lambda facts: {**facts, "format": 2})
    assert b"target_actor.hidden_1.weight" in path.read_bytes()
    train(config, tmp_path / "parts", resume=True)
    one, two = (last(tmp_path / name)[0] for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_writes_everything(tmp_path, capsys):
    folder = tmp_path / "run"
    assert start_run(configure("Newsvendor", env={"delay": 2}), folder, quiet=True)
    names = {path.name for path in folder.iterdir()}
    assert names >= {"config.json", "run.json", "metrics.csv", "evaluation.json", "learning_curve.png", "tensorboard"}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best.safetensors", "last.safetensors"}
    assert list((folder / "tensorboard").iterdir())
    record = json.loads((folder / "evaluation.json").read_text())
    assert set(record["policies"]) == {"pmarl", "base_stock", "random"}
    assert record["metric"] == "cost"
    assert record["baseline"] == "base_stock"
    assert record["training"]["updates"] == 15
    pmarl = record["policies"]["pmarl"]
    assert len(pmarl["episodes"]) == 8
    assert pmarl["ci95"][0] <= pmarl["mean"] <= pmarl["ci95"][1]
    assert pmarl["ratio"] == pytest.approx(pmarl["mean"] / record["policies"]["base_stock"]["mean"])
    shown = capsys.readouterr().out
    assert "base-stock" in shown
    assert "ratio" in shown
    rows = read_metrics(folder / "metrics.csv")
    assert [("evaluation" in row) for row in rows] == [False, True] * 3
    assert "critic_loss" not in rows[0]  # learning starts with the second
    again = evaluate_run(configure("Newsvendor", env={"delay": 2}), folder)
    assert again["policies"]["pmarl"]["mean"] == pmarl["mean"]
    assert json.loads((folder / "evaluation.json").read_text())["training"] == record["training"]


def test_an_environment_without_costs_or_baselines(tmp_path):
    folder = tmp_path / "run"
    assert start_run(configure(loggers=["csv"]), folder, quiet=True)
    record = json.loads((folder / "evaluation.json").read_text())
    assert record["metric"] == "return"
    assert record["baseline"] is None
    assert list(record["policies"]) == ["pmarl"]


def test_a_pettingzoo_environment_trains(tmp_path):
    config = build_config(
        {
            "env": {"entry": "tests.pmarl_trainer.toy_parallel_envs:Countdown"},
            "train": {**TRAIN, "loggers": ["csv"]},
        },
        "test",
    )
    assert start_run(config, tmp_path / "run", quiet=True)


def test_a_run_is_never_overwritten(tmp_path):
    (tmp_path / "something").write_text("precious")
    with pytest.raises(TrainerError, match="not empty"):
        start_run(configure(), tmp_path, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path):
    with pytest.raises(TrainerError, match="refused its arguments"):
        start_run(configure(env={"agentz": 3}), tmp_path / "run", quiet=True)
    assert not list(tmp_path.iterdir())


def test_numbers_that_are_not_finite_stop_the_run(tmp_path):
    with pytest.raises(DivergedError, match="critic_loss is nan"):
        start_run(configure("Poisoned", loggers=["csv"]), tmp_path / "run", quiet=True)


@pytest.fixture
def finished(tmp_path):
    config = configure(loggers=["csv"])
    start_run(config, tmp_path / "run", quiet=True)
    return config, tmp_path / "run"


@pytest.mark.parametrize("damage", ["truncated", "garbage", "missing"])
def test_damaged_checkpoints_are_refused_in_one_line(finished, damage):
    _, folder = finished
    path = checkpoint_path(folder, "last")
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"\xff" * 100)
    with pytest.raises(CheckpointError) as caught:
        resume_run(folder, quiet=True)
    assert "last.safetensors" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"method": "fv"}, 'method.policy_input is "local", not "global"'),
        ({"hidden_size": 16}, "hidden_size is 8, not 16"),
        ({"env": {"agents": 3}}, "agents: 2 entries, not 3"),
        ({"env": {"actions": 4}}, "num_actions is|observation_size is"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_the_difference(finished, changes, difference):
    _, folder = finished
    with pytest.raises(CheckpointError, match=difference):
        train(configure(**{"loggers": ["csv"], **changes}), folder, resume=True)


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"x": torch.ones(2)}, {"n": 1})

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(CheckpointError, match=r"c\.safetensors: cannot be written \(disk full\)"):
        checkpoint.save(path, {"x": torch.zeros(2)}, {"n": 2})
    tensors, facts = checkpoint.load(path, CPU)
    assert tensors["x"].tolist() == [1, 1]
    assert facts["n"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["c.safetensors"]


def test_resuming_a_finished_run_only_evaluates_it_again(finished):
    _, folder = finished
    before = json.loads((folder / "evaluation.json").read_text())
    assert resume_run(folder, quiet=True)
    assert json.loads((folder / "evaluation.json").read_text())["policies"] == before["policies"]


def test_tf32_is_asked_for_and_taken_back():
    prepare_torch(TrainConfig(precision="tf32", train_device="cpu", threads=1))
    assert torch.get_float32_matmul_precision() == "high"
    prepare_torch(TrainConfig(train_device="cpu", threads=1))
    assert torch.get_float32_matmul_precision() == "highest"


def damage(path, tensors=lambda tensors: tensors, facts=lambda facts: facts):
    """Write a checkpoint anew with something else in it."""
    held, said = checkpoint.load(path, CPU)
    checkpoint.save(path, tensors(held), facts(said))


def with_nan(tensors):
    tensors["policy.hidden_1.weight"].view(-1)[0] = float("nan")
    return tensors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"facts": lambda facts: {k: v for k, v in facts.items() if k != "state"}}, "'state' says nothing"),
        ({"facts": lambda facts: {**facts, "state": [1]}}, "'state' says nothing"),
        ({"facts": lambda facts: {**facts, "state": {**facts["state"], "rollout": -1}}}, r"state\.rollout"),
        ({"facts": lambda facts: {**facts, "state": {**facts["state"], "seconds": "x"}}}, r"state\.seconds"),
        ({"facts": lambda facts: {**facts, "state": {**facts["state"], "best_score": float("nan")}}}, "best_score"),
        ({"facts": lambda facts: {**facts, "identity": [1]}}, "'identity' says nothing"),
        ({"facts": lambda facts: {k: v for k, v in facts.items() if k != "identity"}}, "'identity' says nothing"),
        ({"tensors": with_nan}, r"policy\.hidden_1\.weight holds numbers that are not finite"),
    ],
)
def test_what_a_checkpoint_cannot_say_is_refused_by_all_who_read_it(finished, tmp_path, change, message):
    config, folder = finished
    for which in ("last", "best"):
        damage(checkpoint_path(folder, which), **change)
    for use in (
        lambda: resume_run(folder, quiet=True),
        lambda: evaluate_run(config, folder),
        lambda: export_run(folder, tmp_path / "policies", onnx=False),
    ):
        with pytest.raises(CheckpointError, match=message) as caught:
            use()
        assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "policies").exists()
