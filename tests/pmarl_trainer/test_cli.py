"""The command lines, as a user meets them."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from pmarl_trainer import cli
from pmarl_trainer.config.schema import TrainConfig

SCENARIO = """
env: {entry: "tests.pmarl_trainer.toy_envs:IdentityGame", agents: 2}
train: {rollouts: 3, num_envs: 4, learning_starts: 1, updates_per_rollout: 2, batch_size: 8, hidden_size: 8,
        attention_heads: 2, evaluation_interval: 1, final_episodes: 4, evaluation_episodes: 4, threads: 1}
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(SCENARIO)
    return path


def call(monkeypatch, command, *arguments):
    """Run a command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["x", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        command()
    return caught.value.code or 0


def test_train_then_evaluate(monkeypatch, scenario, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, cli.train, "--scenario", scenario, "--method", "fv", "--quiet", "train.lr=1e-4") == 0
    folder = tmp_path / "runs" / "toy-fv-s0-1"
    assert (folder / "evaluation.json").is_file()
    assert "everything is in" in capsys.readouterr().out
    out = tmp_path / "e.json"
    assert call(monkeypatch, cli.evaluate, folder, "--episodes", 5, "--checkpoint", "last", "--out", out) == 0
    assert out.is_file()
    assert call(monkeypatch, cli.train, "--scenario", scenario, "--method", "fv", "--quiet") == 0
    assert (tmp_path / "runs" / "toy-fv-s0-2").is_dir()


def test_dry_run_prints_the_resolved_configuration_and_writes_nothing(monkeypatch, scenario, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, cli.train, "--scenario", scenario, "--seed", 7, "--set", "gamma=0.5", "--dry-run") == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert (config["train"]["seed"], config["train"]["gamma"], config["env"]["agents"]) == (7, 0.5, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.yaml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --scenario FILE"),
        (["--scenario", "none.yaml"], "cannot be read"),
        (["--scenario", "toy.yaml", "--method", "ppo"], "'maac', 'pmarl', 'fv' or 'hdpo'"),
        (["--scenario", "toy.yaml", "--device", "tpu"], "train.train_device"),
        (["--scenario", "toy.yaml", "bach_size=3"], "did you mean 'batch_size'?"),
        (["--scenario", "toy.yaml", "--out", "."], "not empty"),
        (["--scenario", "toy.yaml", "env.agentz=3"], "refused its arguments"),
        (["--scenario", "toy.yaml", "--device", "cuda:77"], "CUDA devices here"),
        (["--scenario", "toy.yaml", "--preset", "mac"], "train.preset"),
        (["--scenario", "toy.yaml", "--adjacency", "none.csv"], "none.csv: cannot be read"),
        (["--resume", "none"], "not the folder of a run"),
        (["--resume", "none", "--seed", "3"], "takes no option but --quiet"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(monkeypatch, scenario, tmp_path, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, cli.train, *arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("pmarl-train: ")
    assert len(captured.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["toy.yaml"]


def test_every_key_is_explained(monkeypatch, capsys):
    assert call(monkeypatch, cli.train, "--keys") == 0
    shown = capsys.readouterr().out
    for name, field in TrainConfig.model_fields.items():
        assert f"\n{name}: " in f"\n{shown}"
        assert field.description, name


@pytest.mark.parametrize("command", [cli.train, cli.evaluate, cli.export])
def test_help_shows_examples(monkeypatch, capsys, command):
    assert call(monkeypatch, command, "--help") == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert "default:" in shown


def test_presets_and_adjacency_from_the_command_line(monkeypatch, scenario, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.csv").write_text("0, -1\n1, 0\n")
    arguments = ("--scenario", scenario, "--preset", "maac-reference", "--adjacency", "graph.csv", "--dry-run")
    assert call(monkeypatch, cli.train, *arguments) == 0
    train = yaml.safe_load(capsys.readouterr().out)["train"]
    assert train["adjacency"] == [[0, -1], [1, 0]]
    assert (train["preset"], train["polyak_tau"], train["batch_size"]) == ("maac-reference", 1e-3, 8)  # the file's wins


def test_export_from_the_command_line(monkeypatch, scenario, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, cli.train, "--scenario", scenario, "--out", "run", "--quiet") == 0
    assert call(monkeypatch, cli.export, "run", "--out", "policies", "--no-onnx") == 0
    assert {p.name for p in (tmp_path / "policies").iterdir()} == {
        f"agent_{i}.{kind}" for i in range(2) for kind in ("json", "safetensors")
    }
    capsys.readouterr()
    for arguments, message in (
        (("run", "--out", "policies"), "not empty"),
        (("none", "--out", "other"), "not the folder of a run"),
        (("run", "--out", "other", "--checkpoint", "first"), "expected best, last or a rollout's number"),
        (("run", "--out", "other", "--checkpoint", "2"), "no such checkpoint"),
    ):
        assert call(monkeypatch, cli.export, *arguments) == 2
        assert message in capsys.readouterr().err


def test_ctrl_c_saves_and_says_how_to_go_on(repository, scenario, tmp_path):
    out = tmp_path / "run"
    code = "from pmarl_trainer.cli import train; train()"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            code,
            "--scenario",
            scenario,
            "--out",
            out,
            "rollouts=100000",
            "checkpoint_interval=99999",
        ],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = out / "metrics.csv"
    for _ in range(600):
        if metrics.is_file() and len(metrics.read_text().splitlines()) > 3:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"go on with: pmarl-train --resume {out}" in error
    assert (out / "checkpoints" / "last.safetensors").is_file()


def test_importing_the_command_line_loads_no_torch(repository):
    code = "import sys, pmarl_trainer.cli, pmarl_trainer.config.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, timeout=60).returncode == 0


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3", "smoke"])
def test_the_projects_own_scenarios_are_valid(repository, name):
    from pmarl_trainer.config.files import read_config

    assert read_config(repository / "scenarios" / f"{name}.yaml").env.entry == "scenv:vector_env"
