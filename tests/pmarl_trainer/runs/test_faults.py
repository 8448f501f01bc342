"""Killed, interrupted, without space: a run goes on bit for bit, and nothing half-written stands under its final name.

Runs are played in forks of this process, which are quick to start; Windows has none.
"""

import json
import os
import signal
import sys
import threading
import time

import pytest
import torch

from pmarl_trainer import cli
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.runs.lock import locked
from pmarl_trainer.runs.metrics import read_metrics
from pmarl_trainer.runs.run_folder import resume_run, start_run
from pmarl_trainer.training import atomic_file, checkpoint
from tests.pmarl_trainer.small_runs import configure, last

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="plays runs in forks")

RUN = {"loggers": ["csv"], "checkpoint_interval": 2, "evaluation_interval": 1, "keep_checkpoints_num": 1}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run as it is when nothing happens."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert start_run(configure(**RUN), folder, quiet=True)
    return folder


def fork(action):
    """Start a process that does something; its number."""
    number = os.fork()
    if number:
        return number
    code = 70
    try:
        action()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        os._exit(code)


def wait(number):
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def play(action):
    return wait(fork(action))


def content(folder):
    """What is compared: tensors, metrics without times, the final evaluation."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(folder / "metrics.csv")]
    evaluation = json.loads((folder / "evaluation.json").read_text())
    return last(folder)[0], rows, evaluation["policies"]


def goes_on_as(whole, folder):
    assert play(lambda: resume_run(folder, quiet=True)) == 0
    tensors, *rest = content(folder)
    expected, *others = content(whole)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert rest == others
    assert not list(folder.rglob("*.tmp"))


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(monkeypatch, call, after):
    """Let the process die at the so many-th rename, before it or right after it."""
    rename, count = os.replace, [0]

    def replace(*paths):
        count[0] += 1
        if count[0] == call and not after:
            die()
        rename(*paths)
        if count[0] == call:
            die()

    monkeypatch.setattr(atomic_file.os, "replace", replace)


#: Of a run: run.json, config.json, metrics.csv, evaluations.jsonl, best, best or last ..., at last the evaluation.
@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(3, 19))
def test_killed_while_a_file_gets_its_name(whole, tmp_path, monkeypatch, call, after):
    with monkeypatch.context() as patch:
        killed_at(patch, call, after)
        died = play(lambda: start_run(configure(**RUN), tmp_path / "run", quiet=True))
    assert died in (-signal.SIGKILL, 0)  # 0: it had fewer files to write
    goes_on_as(whole, tmp_path / "run")


@pytest.mark.parametrize("write", [1, 3])
def test_killed_in_the_middle_of_a_checkpoint(whole, tmp_path, monkeypatch, write):
    real, count = checkpoint.save_file, [0]

    def half(tensors, path, metadata):
        real(tensors, path, metadata)
        count[0] += 1
        if count[0] == write:
            os.truncate(path, os.path.getsize(path) // 2)
            die()

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", half)
        assert play(lambda: start_run(configure(**RUN), tmp_path / "run", quiet=True)) == -signal.SIGKILL
    assert list((tmp_path / "run" / "checkpoints").glob(".*.tmp"))
    goes_on_as(whole, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_killed_again_and_again_at_any_moment(whole, tmp_path, seed):
    generator, folder = torch.Generator().manual_seed(seed), tmp_path / "run"
    for _ in range(3):
        seconds = 0.02 + 0.4 * float(torch.rand((), generator=generator))

        def run(seconds=seconds):
            threading.Timer(seconds, die).start()
            if (folder / "config.json").exists():
                resume_run(folder, quiet=True)
            else:
                start_run(configure(**RUN), folder, quiet=True)

        play(run)
    if not (folder / "config.json").exists():
        start_run(configure(**RUN), folder, quiet=True)  # what is there is no run yet, and in nobody's way
    goes_on_as(whole, folder)


def test_a_folder_in_which_a_run_died_before_it_began_is_free(tmp_path):
    (tmp_path / ".config.json.123.tmp").write_text("{")
    (tmp_path / ".lock").touch()
    assert start_run(configure(**RUN, rollouts=1), tmp_path, quiet=True)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("limit", [4_000, 12_000])
def test_without_space_for_a_checkpoint(whole, tmp_path, capfd, limit):
    """The system refuses to write beyond so many bytes of a file, as a full disk does."""
    import resource

    def run():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            start_run(configure(**RUN), tmp_path / "run", quiet=True)
        except TrainerError as error:
            print(error)
            sys.stdout.flush()

    assert play(run) == 0
    said = capfd.readouterr().out
    assert "cannot be written" in said
    assert len(said.splitlines()) == 1
    for path in (tmp_path / "run" / "checkpoints").glob("*.safetensors"):
        checkpoint.load(path, torch.device("cpu"))
    assert not list((tmp_path / "run" / "checkpoints").glob(".*.tmp"))
    goes_on_as(whole, tmp_path / "run")


def test_two_processes_cannot_train_in_one_folder(whole):
    with locked(whole), pytest.raises(TrainerError, match="another process is training in this folder"):
        resume_run(whole, quiet=True)


SCENARIO = """
env: {entry: "tests.pmarl_trainer.toy_envs:IdentityGame", pause: 0.02}
train: {rollouts: 6, num_envs: 4, learning_starts: 1, updates_per_rollout: 3, batch_size: 16, hidden_size: 8,
        attention_heads: 2, evaluation_interval: 1, evaluation_episodes: 4, final_episodes: 8, checkpoint_interval: 2,
        threads: 1, train_device: cpu, loggers: [csv], keep_checkpoints_num: 1}
"""


def interrupted(tmp_path, rollouts, *signals):
    """Start a run at the command line and send it signals once it has done so many rollouts: code, output."""
    (tmp_path / "toy.yaml").write_text(SCENARIO)
    folder = tmp_path / "run"

    def run():
        sys.argv = ["pmarl-train", str(tmp_path / "toy.yaml"), "--out", str(folder)]
        cli.train()

    number = fork(run)
    deadline = time.monotonic() + 60
    while len(read_metrics(folder / "metrics.csv")) < rollouts and time.monotonic() < deadline:
        time.sleep(0.01)
    for which in signals:
        os.kill(number, which)
        time.sleep(0.05)
    return wait(number), folder


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_once_a_run_saves(whole, tmp_path, capfd, which):
    code, folder = interrupted(tmp_path, 1, which)
    said = capfd.readouterr()
    assert code == 130
    assert "stopping after this rollout" in said.out
    assert f"interrupted, and saved; go on with: pmarl-train --resume {folder}" in said.err
    assert last(folder)[1]["state"]["rollout"] == len(read_metrics(folder / "metrics.csv"))
    goes_on_as(whole, folder)


@pytest.mark.parametrize(("rollouts", "words"), [(1, "no checkpoint yet"), (3, "after rollout 2, the last checkpoint")])
def test_interrupted_twice_it_stops_at_once_and_says_what_is_lost(whole, tmp_path, capfd, rollouts, words):
    code, folder = interrupted(tmp_path, rollouts, signal.SIGINT, signal.SIGINT)
    said = capfd.readouterr()
    assert code == 130
    assert words in said.err
    assert f"go on with: pmarl-train --resume {folder}" in said.err
    assert "Traceback" not in said.err
    goes_on_as(whole, folder)
