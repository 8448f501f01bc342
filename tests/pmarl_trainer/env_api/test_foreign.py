"""Environments that others wrote fail in many ways; each is one line that names the entry, with the error behind it."""

import sys

import numpy as np
import pytest

from pmarl_trainer.env_api import foreign
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.errors import DoorError, TrainerError
from tests.pmarl_trainer.toy_envs import IdentityGame

FAULTY = "tests.pmarl_trainer.toy_parallel_envs:Faulty"

MODULES = {
    "does_not_compile": "def env(:\n",
    "raises_at_import": "raise RuntimeError('no licence\\nfound')\n",
    "exits_at_import": "import sys\nsys.exit(0)\n",
    "divides_at_import": "x = 1 / 0\n",
    "needs_another": "import surely_not_installed\n",
    "null_bytes": "x = 1\0",
    "exits_in_factory": "import sys\ndef env():\n    sys.exit(3)\n",
    "asserts_in_factory": "def env():\n    assert False, 'CUDA is not here'\n",
    "endless_recursion": "def env():\n    return env()\n",
    "attribute_raises": (
        "class env:\n    def __init__(self, num_envs, seed): self.num_envs = num_envs\n    num_actions = [2]\n"
        "    horizon = 5\n    def reset(self, seed=None): pass\n    def step(self, actions): pass\n"
        "    @property\n    def agents(self): raise OSError('the file is gone')\n"
    ),
}


def one_line(error):
    text = str(error)
    assert len(text.splitlines()) == 1
    assert len(text) < 800
    return text


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_fails_is_one_line(name, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_bytes(MODULES[name].encode())
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DoorError) as caught:
        make_env(f"{name}:env", {}, 2, seed=0)
    assert name in one_line(caught.value)
    assert caught.value.__cause__ is not None  # for --traceback
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "entry",
    [
        ".m:x",
        "..:x",
        "builtins:exit",
        "builtins:quit",
        "os:_exit2",
        "sys:exit",
        "builtins:dict",
        "m:",
        ":x",
        "",
        3,
        None,
        "a b:c",
        "tests..x:y",
        "math:pi",
    ],
)
def test_entries_that_make_no_environment_are_refused(entry):
    with pytest.raises(DoorError, match=r"env") as caught:
        make_env(entry, {}, 2, seed=0)
    one_line(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", r"failed in step\(\): RuntimeError: out of stock"),
        ("exits", r"failed in step\(\): it wanted to end the program"),
        ("text reward", "agent 'guest_1': reward must be a number, got 'much'"),
        ("no reward", "agent 'guest_1': reward must be a number, got None"),
        ("two rewards", "agent 'guest_1': reward must be a number"),
        ("text cost", "agent 'guest_1': cost must be a number, got '12'"),
        ("nan cost", "agent 'guest_1': cost must be finite"),
        ("text info", "agent 'guest_1': infos must hold a mapping"),
        ("text flag", "agent 'guest_1': termination must be true or false, got 'no'"),
        ("shape", r"agent 'guest_1': observation .* of shape \[2\], does not fit"),
        ("text observation", "agent 'guest_1': observation 'sign' does not fit"),
        ("missing observation", "agent 'guest_1' is in the episode and has no observation"),
        ("stranger", "observations speak of 'thief'"),
        ("new agent", "agent 'thief' has come in"),
        ("four things", r"step\(\) must return \(observations, rewards, terminations"),
        ("mask without actions", "agent 'guest_1': action_mask allows no action"),
        ("mask of two", r"agent 'guest_1': action_mask must have shape \[3\], got \[2\]"),
        ("mask of halves", r"agent 'guest_1': action_mask must hold 0 \(forbidden\)"),
        ("late mask", "action_mask must be there after reset"),
    ],
)
def test_a_fault_in_mid_run_is_one_line(fault, message):
    env = make_env(FAULTY, {"fault": fault}, 2, seed=0)
    env.reset(seed=0)
    env.step(np.zeros((2, 2), dtype=int))
    with pytest.raises(DoorError, match=message) as caught:
        env.step(np.zeros((2, 2), dtype=int))
    one_line(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("same names", "two agents of the name 'guest_0'"),
        ("exit in the factory", "wanted to end the program"),
        ("key error in the factory", "failed in its factory: KeyError: 'price'"),
        ("attribute", "no delay today"),
        ("no agents", "left no agents"),
        ("only observations", r"reset\(\) must return \(observations, infos\)"),
        ("space", r"observation .* does not fit its space"),
    ],
)
def test_a_fault_at_the_start_is_one_line(fault, message):
    with pytest.raises(DoorError, match=message) as caught:
        make_env(FAULTY, {"fault": fault}, 2, seed=0).reset(seed=0)
    one_line(caught.value)


def test_a_reset_that_never_ends_is_spoken_of_and_given_up(monkeypatch, capsys):
    monkeypatch.setattr(foreign, "PATIENCE", 0.05)
    monkeypatch.setattr(foreign, "LIMIT", 0.2)
    env = make_env(FAULTY, {"fault": "never"}, 1, seed=0)
    with pytest.raises(DoorError, match=rf"{FAULTY}: reset\(\) has not returned"):
        env.reset(seed=0)
    assert "given up after" in capsys.readouterr().err


class Shaky(IdentityGame):
    """A batched environment with one fault, at its second step."""

    def __init__(self, num_envs=2, seed=0, fault=""):
        super().__init__(num_envs, seed)
        self.fault = fault

    def reset(self, seed=None):
        if self.fault == "changes agents" and hasattr(self, "paid"):
            self.agents = ("agent_0", "somebody")
        return super().reset(seed)

    def step(self, actions):
        observations, rewards, terminated, truncated, info = super().step(actions)
        if len(self.paid) < 2:
            return observations, rewards, terminated, truncated, info
        match self.fault:
            case "raises":
                raise KeyError("stock")
            case "shape":
                observations = observations[:, :, :-1]
            case "text":
                rewards = np.full(rewards.shape, "many")
            case "ragged":
                rewards = [[1.0], [1.0, 2.0]]
            case "rewards of rows":
                rewards = rewards[:, 0]
            case "flags":
                terminated = np.full(2, 0.5)
            case "cost":
                info = {"cost": np.full(rewards.shape, np.inf)}
            case "info":
                info = "nothing to say"
            case "mask":
                info = {"action_mask": np.ones((2, 2, 3))}
        return observations, rewards, terminated, truncated, info


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", r"failed in step\(\): KeyError: 'stock'"),
        ("shape", r"observations were \[2, 2, 3\] before, and are \[2, 2, 2\] now"),
        ("text", "rewards must hold numbers"),
        ("ragged", "rewards must be an array of numbers"),
        ("rewards of rows", r"rewards must have shape \[2, 2\], got \[2\]"),
        ("flags", "terminated must be true or false"),
        ("cost", r"agent 'agent_0': info\['cost'\] must be finite"),
        ("info", "info must be a mapping"),
        ("mask", "action_mask must be there after reset"),
    ],
)
def test_a_batched_environment_is_guarded_too(fault, message):
    env = make_env(f"{__name__}:Shaky", {"fault": fault}, 2, seed=0)
    env.reset(seed=0)
    env.step(np.zeros((2, 2), dtype=int))
    with pytest.raises(DoorError, match=message) as caught:
        env.step(np.zeros((2, 2), dtype=int))
    one_line(caught.value)


def test_an_environment_that_changes_its_agents_is_refused():
    env = make_env(f"{__name__}:Shaky", {"fault": "changes agents"}, 2, seed=0)
    env.reset(seed=0)
    with pytest.raises(DoorError, match="changed its agents"):
        env.reset(seed=1)


@pytest.mark.parametrize("num_envs", [2.5, True, "3", 0, -1, None, 1.0])
def test_num_envs_is_a_whole_number(num_envs):
    with pytest.raises(DoorError, match="num_envs must be a whole number, at least 1"):
        make_env(f"{__name__}:Shaky", {}, num_envs, seed=0)


@pytest.mark.parametrize("seed", [-1, 1.0, True, "3", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(DoorError, match="seed must be a whole number, at least 0"):
        make_env(f"{__name__}:Shaky", {}, 2, seed=seed)


def test_numpy_numbers_are_numbers():
    env = make_env(f"{__name__}:Shaky", {}, np.int32(2), seed=np.int64(3))
    assert env.num_envs == 2


@pytest.mark.parametrize("entry", [f"{__name__}:Shaky", FAULTY])
@pytest.mark.parametrize("num_envs", [10**18, 10**9])
def test_more_rows_than_memory_holds_are_refused_at_once(entry, num_envs):
    with pytest.raises(TrainerError, match=rf"{num_envs:,} rows .* needs .* of memory, this machine has") as caught:
        make_env(entry, {}, num_envs, seed=0)
    one_line(caught.value)


def test_attributes_are_the_environments_own():
    env = make_env(f"{__name__}:Shaky", {}, 2, seed=0)
    assert env.adjacency_matrix.shape == (2, 2)
    assert not hasattr(env, "no_such_thing")
    assert describe(env).agents == ("agent_0", "agent_1")
