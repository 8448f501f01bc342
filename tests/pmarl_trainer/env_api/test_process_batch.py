"""Copies stepped in processes give the numbers that they give in this one, and their failures are one line."""

import numpy as np
import pytest

from pmarl_trainer.config.files import build_config
from pmarl_trainer.env_api import foreign, process_batch
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.env_api.protocol import BatchedEnv
from pmarl_trainer.errors import DoorError
from pmarl_trainer.runs.run_folder import start_run
from tests.pmarl_trainer.small_runs import TRAIN

ENTRY = "tests.pmarl_trainer.light_env:parallel_env"
FAULTY = "tests.pmarl_trainer.toy_parallel_envs:Faulty"


def play(env, seed=3):
    """Everything that an episode of given actions shows."""
    seen = [env.reset(seed=seed), env.last_info["cost"]]
    rng = np.random.default_rng(0)
    for _ in range(env.horizon - 1):
        actions = rng.integers(env.num_actions, size=(env.num_envs, len(env.agents)))
        *arrays, info = env.step(actions)
        seen += [*arrays, info.get("cost", np.zeros(actions.shape))]
    return seen


def test_rows_are_the_same_in_any_number_of_processes():
    """Rows end at different times; 8 rows in 3 processes are 3, 3 and 2."""
    here = make_env(ENTRY, {}, num_envs=8, seed=0)
    there = make_env(ENTRY, {}, num_envs=8, seed=0, processes=3)
    assert isinstance(there, BatchedEnv)
    assert here.observation_sizes.tolist() == there.observation_sizes.tolist() == [2, 1]
    one, two = describe(here), describe(there)
    assert one.agents == two.agents
    for name in ("num_actions", "adjacency", "reward_delay", "max_steps"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for ours, theirs in zip(play(here), play(there), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    there.close()
    there.close()  # nothing left to end


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", r"failed in step\(\): RuntimeError: out of stock"),
        ("exits", r"failed in step\(\): it wanted to end the program"),
        ("dies", r"has ended unexpectedly in step\(\) \(exit code 3"),
        ("text reward", "agent 'guest_1': reward must be a number, got 'much'"),
        ("key error in the factory", "failed in its factory: KeyError: 'price'"),
        ("hangs", "has not returned for 3 s"),
    ],
)
def test_a_failure_in_a_process_is_one_line(fault, message, monkeypatch):
    def run():
        env = make_env(FAULTY, {"fault": fault}, num_envs=2, seed=0, processes=1)
        started.append(env)
        env.reset(seed=0)
        env.step(np.zeros((2, 2), dtype=int))
        if fault == "hangs":
            monkeypatch.setattr(foreign, "LIMIT", 3.0)
            monkeypatch.setattr(process_batch, "GRACE", 0.1)
        env.step(np.zeros((2, 2), dtype=int))

    started = []
    with pytest.raises(DoorError, match=message) as caught:
        run()
    assert len(str(caught.value).splitlines()) == 1
    if not fault.startswith("text"):
        assert FAULTY in str(caught.value)
    if fault == "raises":
        assert "in step\n    raise RuntimeError" in str(caught.value.__cause__)  # the other process's own traceback
    for env in started:
        env.close()
        assert not any(worker.is_alive() for worker in env.unwrapped._workers)


def test_a_copy_that_cannot_be_made_is_refused():
    with pytest.raises(DoorError, match="agentz"):
        make_env(ENTRY, {"agentz": 3}, 2, 0, processes=1)


def test_a_run_in_processes_equals_one_without(tmp_path):
    """Agents of different observation and action sizes, rows of different lengths."""
    train = {**TRAIN, "loggers": ["csv"], "rollouts": 3}
    for processes in (0, 2):
        config = build_config({"env": {"entry": ENTRY}, "train": {**train, "env_processes": processes}}, "test")
        assert start_run(config, tmp_path / str(processes), quiet=True)
    one, two = ((tmp_path / p / "checkpoints" / "best.safetensors").read_bytes()[-1000:] for p in "02")
    assert one == two
