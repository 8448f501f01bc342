"""The command lines, as a user meets them."""

import io
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
    shown = capsys.readouterr().out
    assert "everything is in runs/toy-fv-s0-1; for people: runs/toy-fv-s0-1/report.html" in shown
    assert "pmarl-evaluate runs/toy-fv-s0-1" in shown
    out = tmp_path / "e.json"
    assert call(monkeypatch, cli.evaluate, folder, "--episodes", 5, "--checkpoint", "last", "--out", out) == 0
    assert out.is_file()
    before = out.read_text()
    assert call(monkeypatch, cli.evaluate, folder, "--out", out) == 2
    assert "already there" in capsys.readouterr().err
    assert out.read_text() == before
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
        (["toy.yaml", "--scenario", "other.yaml"], "one scenario at a time, got toy.yaml and other.yaml"),
        (["toy.yaml", "--rollouts", "3"], "settings are KEY=VALUE: train.rollouts=3"),
        (["toy.yaml", "--batch-size=64"], "settings are KEY=VALUE: train.batch_size=64"),
        (["toy.yaml", "--rolouts", "3"], "no option --rolouts (did you mean 'rollouts'?)"),
        (["toy.yaml", "--keys"], "takes no other option"),
        (["--keys", "--quiet"], "takes no other option"),
        (["toy.yaml", "--dry-run", "env.agentz=3"], "refused its arguments"),
        (["toy.yaml", "--dry-run", "--out", "."], "not empty"),
        (["toy.yaml", "--dry-run", "--device", "cuda:77"], "CUDA devices here"),
        (["toy.yaml", "--seeds", "0"], "--seeds"),
        (["toy.yaml", "lr=.inf"], "train.lr"),
        (["toy.yaml", "--seed", "-1"], "train.seed"),
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


def test_foreign_errors_are_one_line_that_names_the_entry(monkeypatch, scenario, tmp_path, capsys):
    """--traceback, and error.txt in the run's folder, show the rest."""
    monkeypatch.chdir(tmp_path)

    def fail(*_):
        raise ZeroDivisionError("deep\ninside")

    monkeypatch.setattr("pmarl_trainer.training.off_policy.OffPolicy.improve", fail)
    assert call(monkeypatch, cli.train, scenario, "--quiet", "--out", "run") == 2
    error = capsys.readouterr().err
    assert "toy_envs:IdentityGame: the run has stopped: ZeroDivisionError: deep inside (all of it in run/" in error
    assert len(error.splitlines()) == 1
    assert "in fail" in (tmp_path / "run" / "error.txt").read_text()
    assert call(monkeypatch, cli.train, "--resume", "run", "--traceback") == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("command", [cli.train, cli.evaluate, cli.export])
def test_every_command_prints_whatever_the_terminal_is(monkeypatch, scenario, tmp_path, encoding, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert call(monkeypatch, command, "--help") == 0
    words = ["--out", "o"] if command == cli.export else []
    assert call(monkeypatch, command, "nonexistent-\u2265\u4e2d", *words) == 2
    if command == cli.train:
        assert call(monkeypatch, command, "--keys") == 0
        assert call(monkeypatch, command, scenario, "rollouts=2", "env.agents=1") == 0
        (run,) = (tmp_path / "runs").iterdir()
        assert call(monkeypatch, cli.evaluate, run, "--episodes", 3) == 0
    for stream in (out, err):
        stream.flush()
    text = [stream.buffer.getvalue().decode(encoding) for stream in (out, err)]
    assert all("Traceback" not in part for part in text)
    assert ("\u2265" in text[1]) == (encoding == "utf-8")
    if encoding == "ascii" and command == cli.train:
        assert "+/-" in text[0]


def test_a_closed_pipe_is_no_error(repository):
    code = "from pmarl_trainer.cli import train; train()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--keys"], cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(timeout=60)


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
