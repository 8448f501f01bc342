"""What a firm would order now: the same as in the simulator, from files that people fill in, refused where they err."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import scenv
from scenv.errors import ScenarioError
from scenv.policies import LearnedPolicies, decide
from scenv.simulation.observation import LOCAL_STATE_FIELDS
from tests.scenv.command import Run

FIRMS = scenv.load_network("bg").agents
VALUES = list(range(-8, 25))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Policies of random weights for every firm of the beer game."""
    rng = np.random.default_rng(3)
    (tmp_path / "policies").mkdir()
    for position, agent in enumerate(FIRMS):
        arrays = {"mean": np.full(30, 32.0), "std": np.full(30, 40.0)}
        for name, shape in (("h", (30, 16)), ("logits", (16, len(VALUES)))):
            arrays |= {f"{name}.weight": rng.normal(size=shape), f"{name}.bias": rng.normal(size=shape[1])}
        save_file(
            {name: array.astype(np.float32) for name, array in arrays.items()},
            tmp_path / "policies" / f"{agent}.safetensors",
        )
        spec = {"format": "pmarl-policy", "version": 1, "agent": agent, "position": position, "team": 4}
        spec |= {"action_values": VALUES, "clip": None, "symlog": True, "layers": ["h", "logits"]}
        (tmp_path / "policies" / f"{agent}.json").write_text(json.dumps({**spec, "negative_slope": 0.01}))
    return tmp_path


def test_it_orders_what_the_policy_orders_in_the_simulator(folder: Path) -> None:
    policies, env = LearnedPolicies(folder / "policies", "bg"), scenv.vector_env("bg", 1, seed=5)
    env.reset(seed=5)
    policies.reset(1)
    past: list[np.ndarray] = []
    adjusted = set()
    for _ in range(25):
        past.append(np.stack([np.asarray(field)[0] for field in env.local_state], axis=1))  # [N, 5]
        orders = policies.orders(env.local_state)
        if len(past) >= 6:
            for i, agent in enumerate(FIRMS):
                decision = decide(folder / "policies" / agent, np.array([period[i] for period in past]))
                assert decision.order == orders[0, i]
                assert decision.agent == agent
                assert decision.probabilities.sum() == pytest.approx(1)
                assert VALUES[int(decision.probabilities.argmax())] == decision.adjustment
                adjusted.add(decision.adjustment)
        env.step_orders(orders)
    assert len(adjusted) > 3


HISTORY = ",".join(LOCAL_STATE_FIELDS) + "\n" + "".join(f"{k},{30 - k},40,8,{9 + k}\n" for k in range(6))


def test_a_file_is_the_array(folder: Path) -> None:
    rows = [[float(cell) for cell in line.split(",")] for line in HISTORY.splitlines()[1:]]
    expected = decide(folder / "policies" / f"{FIRMS[1]}.json", rows)
    path = folder / "last.csv"
    dated = [
        "day;" + ";".join(LOCAL_STATE_FIELDS),
        *(f"{7 - k:02d}.01.2024;" + ";".join(map(str, rows[-k - 1])) for k in range(6)),
    ]
    earlier = HISTORY.replace("demand\n", "demand\n99,99,99,99,99\n")
    for text in (HISTORY, earlier, "\n".join(dated)):
        path.write_text(text)
        decision = decide(folder / "policies" / FIRMS[1], path)
        assert decision.order == expected.order
        np.testing.assert_array_equal(decision.history, rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HISTORY.replace("30,40", "x,40"), "last.csv: line 2, column 'on_hand': must be a number of units"),
        (HISTORY.replace("5,25,40", "-5,25,40"), "last.csv: line 7, column 'backorder': must be a number of units"),
        (HISTORY.replace("2,28,40,8", "2,28,40,"), "last.csv: line 4, column 'received': must be a number of units"),
        (HISTORY.replace("on_hand", "onhand"), "last.csv: has no column 'on_hand' (did you mean 'onhand'?)"),
        (HISTORY.replace("\n5,25,40,8,14", ""), "holds 5 periods, and the policy of 'ret_0' looks back 6"),
        (HISTORY + "1,2,3\n", "last.csv: data line 7 has 3 cells, expected 5"),
        ("period," + HISTORY.replace("\n", "\n3,", 6), "last.csv line 3: its period stands there already"),
        ("", "last.csv: must have a header line"),
    ],
)
def test_wrong_files_are_named_by_line_and_column(folder: Path, text: str, message: str) -> None:
    (folder / "last.csv").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        decide(folder / "policies" / "ret_0", folder / "last.csv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("history", [np.zeros(30), np.zeros((6, 4)), np.full((6, 5), np.nan), -np.ones((6, 5)), "none"])
def test_wrong_arrays(folder: Path, history: object) -> None:
    with pytest.raises(ScenarioError):
        decide(folder / "policies" / "ret_0", history)


def test_the_command(folder: Path, run: Run) -> None:
    assert run("decide", "policies/ret_0", "--template", "last.csv")[0] == 0
    assert (folder / "last.csv").read_text().splitlines()[0] == "period,backorder,on_hand,on_order,received,demand"
    assert "exists already" in run("decide", "policies/ret_0", "--template", "last.csv")[2]
    assert "column 'backorder': must be a number" in run("decide", "policies/ret_0", "--history", "last.csv")[2]
    (folder / "last.csv").write_text(HISTORY.replace("40,8,14", "4000,8,14"))
    decision = decide("policies/ret_0", "last.csv")
    code, out, _ = run("decide", "policies/ret_0", "--history", "last.csv")
    assert code == 0
    assert f"ret_0 orders {decision.order:g}" in out
    assert f"{decision.probabilities.max():.1%}" in out
    assert "on_order now is 99 deviations from what it was trained on" in out
    document = json.loads(run("decide", "policies/ret_0", "--history", "last.csv", "--json")[1])
    assert document["order"] == decision.order
    assert len(document["history"]) == 6
    for arguments, message in (
        (("policies", "--history", "last.csv"), "is a folder; name one firm of it"),
        (("policies/ret0", "--history", "last.csv"), "no such file (did you mean 'ret_0'?)"),
        (("policies/ret_0", "--history", "none.csv"), "none.csv: no such file"),
        (("policies/ret_0",), "give either --history FILE, or --template FILE"),
    ):
        code, _, err = run("decide", *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert message in err
