"""`scenv evaluate` and `scenv levels`: naming a scenario, what is compared by default, what fails and what stands."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

import scenv
from tests.scenv.command import Run

POLICIES = """
import numpy as np

class Fails:
    def reset(self, num_envs, seed=None):
        pass
    def orders(self, state):
        raise RuntimeError("out of luck")

def fails(scenario):
    return Fails()
"""


@pytest.fixture(autouse=True)
def policies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A module with policies of one's own in the folder where commands run."""
    (tmp_path / "my_policies.py").write_text(POLICIES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_policies", raising=False)


@pytest.mark.parametrize("naming", [["bg"], ["--scenario", "bg"], ["-s", "bg"], ["bg", "-s", "bg"]])
@pytest.mark.parametrize(
    "command", [["evaluate", "--episodes", "2", "-p", "bs"], ["levels"], ["info"], ["render", "-f"]]
)
def test_every_command_takes_a_scenario_by_argument_and_by_option(
    run: Run, command: list[str], naming: list[str]
) -> None:
    code, out, err = run(*command, *naming)
    assert (code, err) == (0, "")
    assert "bg" in out


def test_two_names_or_none_are_refused(run: Run) -> None:
    assert run("evaluate", "bg", "-s", "r2")[::2] == (2, "scenv: bg or --scenario r2? Name one of them\n")
    assert run("levels")[0] == run("info")[0] == run("render")[0] == 2


def test_the_default_comparison_has_the_best_constant_levels(run: Run) -> None:
    code, out, err = run("evaluate", "r2", "--episodes", "20", "--json", "r2.json")
    assert (code, err) == (0, "")
    policies = json.loads(Path("r2.json").read_text())["policies"]
    assert list(policies)[:2] == ["base-stock", "optimised-base-stock"]
    assert policies["optimised-base-stock"]["mean"] == min(row["mean"] for row in policies.values())
    assert "optimised-base-stock" in out


def test_elsewhere_the_default_says_that_it_searches_or_leaves_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from scenv.commands import evaluate

    Path("large.yaml").write_text("network: r2\nhorizon: 20\n")
    monkeypatch.setattr(evaluate, "_MOST_SEARCHED", 10)
    code, out, err = run("evaluate", "large.yaml", "--episodes", "2")
    assert code == 0
    assert err.startswith("optimised-base-stock, the best constant levels, is left out: 22 firms would take long")
    assert "optimised-base-stock" not in out


def test_one_policy_that_fails_leaves_the_others(run: Run) -> None:
    code, out, err = run("evaluate", "bg", "-p", "my_policies:fails,bs,da", "--episodes", "2", "--json", "x.json")
    assert code == 2
    assert err == "scenv: policy my_policies:fails, orders, period 0: RuntimeError: out of luck\n"
    assert "÷ bs" in out
    assert list(json.loads(Path("x.json").read_text())["policies"]) == ["bs", "da"]


def test_what_does_not_suit_is_refused_before_anything_runs(run: Run) -> None:
    code, out, err = run("evaluate", "r2", "-p", "bs,ebs", "--lead-times", "1,2")
    assert (code, out) == (2, "")
    assert err.startswith("scenv: policy ebs: network 'r2'")
    assert err.count("\n") == 1


def test_help_states_conditions(run: Run) -> None:
    out = " ".join(run("evaluate", "--help")[1].split())
    assert "needs one, with costs like 'cs2000'" in out
    assert "needs torch or cma" in out


def test_tables_name_what_is_unusual(run: Run) -> None:
    fields = {
        "network": "bg",
        "capacity": {"sup_0": 20},
        "lost_sales": True,
        "disruptions": [
            {"kind": "closure", "firms": ["dist_0"], "period": 20, "duration": 6},
            {"kind": "demand_shock", "factor": 2, "between": [5, 9]},
            {
                "kind": "delay",
                "links": ["sup_0 -> dist_0"],
                "probability": 0.1,
                "extra": 2,
                "duration": {"values": [1, 3]},
            },
        ],
    }
    Path("what_if.yaml").write_text(yaml.safe_dump(fields))
    for command in (["evaluate", "-p", "bs", "--episodes", "2"], ["info"], ["levels", "-p", "bs"]):
        out = " ".join(run(*command, "what_if.yaml")[1].split())
        assert "capacity sup_0 20" in out
        assert "lost sales" in out
        assert "closure of dist_0 in periods 20 to 25" in out
        assert "demand of all ×2 once in 5 to 9, for 1" in out
        assert "delay on sup_0 -> dist_0 by 2 at random (0.1 a period, for 1 to 3)" in out
    assert "unusual" not in run("info", "bg")[1]


def test_levels_are_printed_and_saved_and_used(run: Run) -> None:
    code, out, _ = run("levels", "r2", "--out", "best.json")
    assert code == 0
    assert "on record" in out
    assert "wrote best.json" in out
    assert run("levels", "r2", "--out", "best.json")[0] == 2
    assert scenv.policies.BaseStock.from_file("best.json", "r2").level_of["ret_0"] == pytest.approx(12.0, abs=0.1)
    assert run("evaluate", "r2", "-p", "best.json", "--episodes", "2")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("levels", "bg", "-p", "sterman"), "orders up to no fixed level"),
        (("levels", "bg", "--out", "x.csv"), "must end in .json"),
        (("levels", "bg", "--out", "no/x.json"), "there is no folder no"),
        (("render", "bg", "--policy", "sterman"), "--policy sterman: has no effect without --run"),
        (("render", "bg", "--seed", "3"), "--seed 3: has no effect without --run"),
        (("render", "bg", "-o", "x.csv"), "numbers need --run"),
    ],
)
def test_refusals_are_one_line(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_an_episode_as_numbers(run: Run) -> None:
    import csv

    assert run("render", "bg", "--run", "--seed", "4", "-o", "bg.csv")[0] == 0
    with Path("bg.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    episode = scenv.record_episode("base-stock", "bg", seed=4)
    assert len(rows) == episode.periods * 4
    assert sum(float(row["cost"]) for row in rows if int(row["period"]) >= 5) == pytest.approx(episode.total_cost)
    assert [row["ordered"] for row in rows[-4:]] == [""] * 4
    assert float(rows[4]["ordered"]) == episode.orders[1, 0]
    assert rows[0]["firm"] == "ret_0"
