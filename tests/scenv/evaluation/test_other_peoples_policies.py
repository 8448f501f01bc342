"""Policies that somebody wrote: what is none, or fails, or orders nonsense is refused in one line that names it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scenv
from scenv.cli import main

MODULE = """
import numpy as np

class Answers:
    def __init__(self, answer):
        self.answer = answer
    def reset(self, num_envs, seed=None):
        pass
    def orders(self, state):
        return self.answer(state)

def boom(state):
    raise KeyError("no such\\nfirm")

def fails_late(scenario):
    calls = []
    def answer(state):
        calls.append(1)
        return 1 / (20 - len(calls)) * np.ones_like(state.demand)
    return Answers(answer)

def fails(scenario): return Answers(boom)
def leaves(scenario): raise SystemExit(0)
def nothing(scenario): return None
def wants_two(scenario, other): return Answers(boom)
def orders_none(scenario): return Answers(lambda state: None)
def orders_nan(scenario): return Answers(lambda state: state.demand * np.nan)
def orders_less(scenario): return Answers(lambda state: -state.demand)
def orders_one(scenario): return Answers(lambda state: state.demand[:, :1])
def orders_text(scenario): return Answers(lambda state: "ten")
def orders_ragged(scenario): return Answers(lambda state: [[1.0], [1.0, 2.0]])
number = 3
"""

WRONG = {
    "os:system": "policy os:system: called with the scenario, it raised: TypeError",
    "builtins:exit": "policy builtins:exit: called with the scenario, it raised: SystemExit",
    "mine:leaves": "it raised: SystemExit",
    "mine:nothing": "returned None; expected an object with the methods reset",
    "mine:wants_two": "TypeError: wants_two() missing 1 required positional argument",
    "mine:number": "'number' is not callable",
    "mine:absent": "cannot import 'absent' from 'mine': AttributeError",
    "broken:x": "cannot import 'x' from 'broken': SyntaxError",
    "leaving:x": "cannot import 'x' from 'leaving': SystemExit",
    "raising:x": "cannot import 'x' from 'raising': ZeroDivisionError",
    ".mine:x": "cannot import 'x' from '.mine': TypeError",
    ":x": "cannot import 'x' from '': ValueError",
    "mine:fails": "policy mine:fails, orders, period 0: KeyError: 'no such\\nfirm'",
    "mine:fails_late": "policy mine:fails_late, orders, period 19: ZeroDivisionError",
    "mine:orders_none": "orders_none, period 0: orders must be an array of numbers of shape (2, 4), got None",
    "mine:orders_nan": "orders must be finite and not negative, but 'ret_0' ordered nan in episode 0",
    "mine:orders_less": "orders must be finite and not negative, but 'ret_0' ordered -",
    "mine:orders_one": "orders must be an array of numbers of shape (2, 4), got shape (2, 1) of float64",
    "mine:orders_text": "orders must be an array of numbers of shape (2, 4), got 'ten'",
    "mine:orders_ragged": "orders must be an array of numbers of shape (2, 4), got [[1.0], [1.0, 2.0]]",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("def x(:\n")
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "raising.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("mine", "broken", "leaving", "raising"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(("name", "message"), WRONG.items())
def test_a_policy_by_name_that_fails_is_one_line(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(scenv.ScenvError, match=re.escape(message)) as caught:
        scenv.evaluate(name, "bg", episodes=2)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(sys, "argv", ["scenv", "evaluate", "-s", "bg", "-p", name, "--episodes", "2"])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert error.startswith("scenv: ")
    assert message in error


@pytest.mark.parametrize("policy", [None, 3, object(), scenv.policies.BaseStock, {"a": None}, [None], [3.0]])
def test_what_is_no_policy_is_refused(policy: Any) -> None:
    with pytest.raises(scenv.PolicyError, match=r"^policy .*expected the name of a policy, or an object with reset"):
        scenv.evaluate(policy, "bg", episodes=2)


@pytest.mark.parametrize("seed", [-1, 1.0, "3", True, None, [1, 2]])
@pytest.mark.parametrize("call", [scenv.evaluate, scenv.record_episode])
def test_seeds_are_whole_numbers(seed: Any, call: Any) -> None:
    with pytest.raises(scenv.ScenarioError, match=r"^seed must be "):
        call("base-stock", "bg", seed=seed)


@pytest.mark.parametrize("episodes", [0, -3, 2.5, True, "7", None])
def test_numbers_of_episodes_are_whole_numbers(episodes: Any) -> None:
    with pytest.raises(scenv.ScenarioError, match=r"^episodes must be "):
        scenv.evaluate("base-stock", "bg", episodes=episodes)


def test_numbers_of_numpy_are_numbers() -> None:
    assert scenv.evaluate("bs", "bg", episodes=np.int64(2), seed=np.int64(3)).seed == 3


def test_the_foreign_exception_is_the_cause() -> None:
    class Fails:
        def reset(self, num_envs: int, seed: int | None = None) -> None:
            raise KeyError("x")

        def orders(self, state: Any) -> Any:
            return state.demand

    with pytest.raises(scenv.PolicyError, match="policy Fails, reset: KeyError: 'x'") as caught:
        scenv.evaluate(Fails(), "bg", episodes=1)
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(scenv.PolicyError, match="policy Fails, reset: KeyError: 'x'"):
        scenv.record_episode(Fails(), "bg")


def test_what_suits_not_is_refused_before_anything_runs() -> None:
    class Runs:
        ran = False

        def reset(self, num_envs: int, seed: int | None = None) -> None:
            self.ran = True

        def orders(self, state: Any) -> Any:
            return state.demand

    mine = Runs()
    with pytest.raises(scenv.ScenarioError, match="policy ebs: "):
        scenv.evaluate({"mine": mine, "obs": "optimised-base-stock", "ebs": "ebs"}, "r2", episodes=1)
    assert not mine.ran
