"""Folders of learned policies: read with numpy alone, and refused in one line when they do not fit."""

import json
import os

import numpy as np
import pytest

import scenv
from scenv.errors import ScenarioError
from scenv.policies import FirmPolicy, LearnedPolicies

FIRMS = scenv.load_network("bg").agents
VALUES = list(range(-8, 25))


def safetensors(arrays):
    """The format's bytes, written out here independently of any library."""
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values())


def write_firm(folder, agent, *, position=0, team=4, size=30, values=VALUES, favourite=8, **changes):
    """A policy of one layer whose largest output is always `favourite`."""
    weight, bias = np.zeros((size, len(values)), np.float32), np.zeros(len(values), np.float32)
    bias[favourite] = 1
    scaling = {"mean": np.full(size, 32, np.float32), "std": np.full(size, 32, np.float32)}
    arrays = {**scaling, "logits.weight": weight, "logits.bias": bias}
    spec = {
        "format": "pmarl-policy",
        "version": 1,
        "agent": agent,
        "position": position,
        "team": team,
        "action_values": values,
        "clip": None,
        "symlog": False,
        "layers": ["logits"],
        "negative_slope": 0.01,
    }
    (folder / f"{agent}.json").write_text(json.dumps({**spec, **changes}))
    (folder / f"{agent}.safetensors").write_bytes(safetensors(arrays))


@pytest.fixture
def folder(tmp_path):
    for i, agent in enumerate(FIRMS):
        write_firm(tmp_path, agent, position=i)
    return tmp_path


def test_policies_that_never_adjust_pass_demand_through(folder):
    """Action 8 is a = 0, so each firm orders what was ordered from it."""
    learned = scenv.evaluate(LearnedPolicies(folder, "bg"), "bg", episodes=5)
    passed = scenv.evaluate(scenv.policies.PassThrough("bg"), "bg", episodes=5)
    np.testing.assert_array_equal(learned.episode_costs, passed.episode_costs)


def test_the_observation_is_the_environments_own(folder):
    """Weights that pick one remembered number make an order that depends on it alone, period by period."""
    write_firm(folder, FIRMS[0])
    policies, env = LearnedPolicies(folder, "bg"), scenv.vector_env("bg", 3, seed=1)
    seen = []
    object.__setattr__(policies, "firms", tuple(_Spy(seen, i) for i in range(4)))
    observations = env.reset(seed=1)
    policies.reset(3)
    for _ in range(9):
        seen.clear()
        policies.orders(env.local_state)
        np.testing.assert_array_equal(np.stack(seen, axis=1), observations)
        observations = env.step(np.full((3, 4), 10))[0]


class _Spy:
    action_values = np.zeros(1)

    def __init__(self, seen, firm):
        self.seen, self.firm = seen, firm

    def actions(self, observations):
        self.seen.append(observations)
        return np.zeros(len(observations), dtype=int)


def test_a_network_by_hand(tmp_path):
    """x = (o - 1) / 2 = (1, -2); y = (1 - 2, 1 * 0.5 ... ) through one hidden layer, worked out on paper."""
    arrays = {
        "mean": np.array([1, 1], np.float32),
        "std": np.array([2, 2], np.float32),
        "h.weight": np.array([[1, 2], [1, 0]], np.float32),
        "h.bias": np.array([0, -1], np.float32),
        "out.weight": np.array([[100], [3]], np.float32),
        "out.bias": np.array([0.5], np.float32),
    }
    write_firm(tmp_path, "x", layers=["h", "out"], action_values=[0])
    (tmp_path / "x.safetensors").write_bytes(safetensors(arrays))
    policy = FirmPolicy.from_file(tmp_path / "x.json")
    # x = (1, -2); hidden (1 - 2, 2 - 1) = (-1, 1) -> leaky (-0.01, 1); output -1 + 3 + 0.5
    assert policy.logits([3.0, -3.0]) == pytest.approx([2.5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "x"}, "not a firm's policy"),
        ({"version": 2}, "version 2 of the format"),
        ({"action_values": None}, "another environment"),
        ({"action_values": [1, 2]}, "shapes"),
        ({"layers": ["nothing"]}, "damaged: 'nothing.weight'"),
        ({"layers": []}, "shapes"),
        ({"layers": 3}, "damaged"),
        ({"position": "first"}, "damaged"),
    ],
)
def test_specs_that_cannot_be_used_are_refused(folder, changes, message):
    write_firm(folder, FIRMS[1], **changes)
    with pytest.raises(ScenarioError, match=message) as caught:
        LearnedPolicies(folder, "bg")
    assert f"{FIRMS[1]}.json" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: [path.unlink() for path in f.iterdir()], "holds no policies"),
        (lambda f: (f / "ret_0.json").unlink(), "no policy for 'ret_0'"),
        (lambda f: (f / "ret_0.json").write_text("{"), "not JSON"),
        (lambda f: (f / "ret_0.safetensors").unlink(), "no such file"),
        (lambda f: ((f / "ret_0.json").unlink(), os.mkfifo(f / "ret_0.json")), "not a regular file"),
        (lambda f: write_firm(f, "ret_0", size=25), "history=5 makes 30"),
        (lambda f: write_firm(f, "ret_0", values=[0, 1], favourite=0), "by 0 .. 1, but the scenario allows -8 .. 24"),
    ],
)
def test_folders_that_do_not_fit_are_refused(folder, change, message):
    change(folder)
    with pytest.raises(ScenarioError, match=message):
        LearnedPolicies(folder, "bg")


def test_without_a_scenario_the_team_must_be_whole(folder):
    (folder / "ret_0.json").unlink()
    with pytest.raises(ScenarioError, match="3 of the 4"):
        LearnedPolicies(folder)


def entry(**changes):
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (entry(data_offsets=[0, 9]), 9),
        (entry(data_offsets=[-8, 0]), 8),
        (entry(data_offsets=[8, 0]), 8),
        (entry(data_offsets=[1, 9]), 9),  # a gap
        (entry(), 7),  # cut off
        (entry(), 12),  # something left over
        (entry(shape=[-1, -2]), 8),
        (entry(shape=[2.0]), 8),
        (entry(shape=[1 << 62, 1 << 62]), 8),
        (entry(dtype="BF16"), 8),
        (entry() | {"b": entry()["a"]}, 8),  # two arrays in one place
        ({"a": 3}, 8),
        ([1], 8),
    ],
)
def test_damaged_tensor_files_are_refused(tmp_path, header, size):
    text = json.dumps(header).encode()
    write_firm(tmp_path, "x")
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(size))
    with pytest.raises(ScenarioError, match=r"x\.safetensors: .*damaged"):
        FirmPolicy.from_file(tmp_path / "x.json")


@pytest.mark.parametrize("content", [b"", b"1234567", b"\xff" * 8, (100).to_bytes(8, "little") + b"{}"])
def test_what_is_no_tensor_file_is_refused(tmp_path, content):
    write_firm(tmp_path, "x")
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ScenarioError, match=r"x\.safetensors: .*damaged"):
        FirmPolicy.from_file(tmp_path / "x.json")
