"""pmarl-party as a user meets it, and firms in processes of their own that are killed or stopped."""

import signal
import subprocess
import sys
import time

import pytest

from pmarl_trainer import cli
from tests.pmarl_trainer.parties.wire.trainings import assert_equal_trainings, consortium, run_all


def call(monkeypatch, *arguments):
    """Run pmarl-party in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["x", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.party()
    return caught.value.code or 0


def test_init_makes_folders_and_audit_joins_two(monkeypatch, tmp_path, capsys):
    out = tmp_path / "consortium"
    assert call(monkeypatch, "init", "--scenario", "bg", "--method", "hdpo", "--out", out, "rollouts=2") == 0
    said = capsys.readouterr().out
    assert "4 folders" in said
    assert f"pmarl-party run {out / 'ret_0'}" in said
    assert "rollouts: 2" in (out / "sup_0" / "run.yaml").read_text()
    assert call(monkeypatch, "audit", out / "ret_0", out / "whole_0") == 2
    assert "no audit log here" in capsys.readouterr().err
    places = consortium(tmp_path / "trained", "hdpo", rollouts=3)
    assert all(future.exception() is None for future in run_all(places).values())
    assert call(monkeypatch, "audit", places["ret_0"], places["whole_0"]) == 0
    said = capsys.readouterr().out
    assert "ret_0 -> whole_0: " in said
    assert said.endswith("the logs agree\n")
    log = places["ret_0"] / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"round": 3', b'"round": 4', 1))
    assert call(monkeypatch, "audit", places["ret_0"], places["whole_0"]) == 2
    error = capsys.readouterr().err
    assert "was changed, or lines before it are missing" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("run", "nowhere"), "no party's folder"),
        (("init", "--scenario", "bg", "--method", "fv", "--out", "x"), "everybody's observations"),
        (("init", "--scenario", "bg", "--out", "x", "--aggregator", "nobody"), "'nobody' is no firm"),
        (("init", "--scenario", "nothing", "--out", "x"), "nothing"),
    ],
)
def test_what_cannot_be_is_one_line(monkeypatch, tmp_path, capsys, arguments, why):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert why in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def start(places):
    code = "from pmarl_trainer.cli import party; party()"
    return {
        name: subprocess.Popen([sys.executable, "-c", code, "run", str(place)], stderr=subprocess.PIPE, text=True)
        for name, place in places.items()
    }


def end(processes):
    """Exit code and what was said on standard error, of each."""
    ended = {}
    for name, process in processes.items():
        _, error = process.communicate(timeout=300)
        ended[name] = process.returncode, error
    return ended


def wait_for_rollout(place, number):
    path, until = place / "training" / "rollouts.jsonl", time.monotonic() + 300
    while not path.exists() or path.read_text().count("\n") < number:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("rollouts", "pause"), [(1, 0.0), (2, 0.05), (3, 0.11), (6, 0.02)])
def test_one_that_is_killed_stops_the_others_who_name_it_and_all_go_on(tmp_path, rollouts, pause):
    whole = consortium(tmp_path / "whole", "pmarl", rollouts=10)
    assert all(future.exception() is None for future in run_all(whole).values())
    places = consortium(tmp_path / "killed", "pmarl", rollouts=10)
    processes = start(places)
    wait_for_rollout(places["dist_0"], rollouts)
    time.sleep(pause)
    processes["dist_0"].kill()
    ended = end(processes)
    assert ended.pop("dist_0")[0] == -signal.SIGKILL
    for code, error in ended.values():
        assert code == 2
        assert "dist_0 is gone" in error.splitlines()[-1], error
    assert all(code == 0 for code, _ in end(start(places)).values())
    for name, place in places.items():
        assert_equal_trainings(place / "training", whole[name] / "training")


@pytest.mark.slow
def test_one_that_is_asked_to_stop_stops_all_and_saves(tmp_path):
    whole = consortium(tmp_path / "whole", "hdpo")
    assert all(future.exception() is None for future in run_all(whole).values())
    places = consortium(tmp_path / "stopped", "hdpo")
    processes = start(places)
    wait_for_rollout(places["sup_0"], 2)
    processes["sup_0"].send_signal(signal.SIGTERM)
    assert all(code == 130 and "interrupted, and saved" in error for code, error in end(processes).values())
    assert all(code == 0 for code, _ in end(start(places)).values())
    for name, place in places.items():
        assert_equal_trainings(place / "training", whole[name] / "training")
