"""pmarl-party as a user meets it."""

import sys

import pytest

from pmarl_trainer import cli
from tests.pmarl_trainer.parties.wire.trainings import consortium, run_all


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
