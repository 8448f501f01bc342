"""An environment that others wrote: MPE's speaker and listener from PyPI, with a graph given by hand."""

import json

import numpy as np
import pytest

from pmarl_trainer.config.files import read_config
from pmarl_trainer.export.policies import export_run
from pmarl_trainer.learners.evaluation import play
from pmarl_trainer.runs.run_folder import start_run
from pmarl_trainer.training.setup import open_env

pytestmark = pytest.mark.slow
pytest.importorskip("mpe2", reason="mpe2 is not installed (pip install mpe2)")


def test_speaker_and_listener_learn_to_meet(repository, tmp_path):
    """They observe 3 and 11 numbers and have 3 and 5 actions; at random they end up far apart."""
    path = repository / "docs" / "examples" / "mpe_speaker_listener.yaml"
    config = read_config(path, ["rollouts=60", "threads=1", "loggers=[csv]"])
    env, spec = open_env(config, 100, 7)
    assert spec.observation_size == 11
    assert (env.observation_sizes.tolist(), spec.num_actions.tolist(), spec.max_steps) == ([3, 11], [3, 5], 25)
    rng = np.random.default_rng(0)
    chance = play(env, 7, lambda _: env.step(rng.integers(spec.num_actions, size=(100, 2))))

    assert start_run(config, tmp_path / "run", quiet=True)
    learned = json.loads((tmp_path / "run" / "evaluation.json").read_text())["policies"]["pmarl"]
    assert learned["mean"] > 0.6 * chance.mean  # both are negative; 60 % of the distance or less

    export_run(tmp_path / "run", tmp_path / "policies", onnx=False)
    sizes = {p.stem: json.loads(p.read_text())["observation_size"] for p in (tmp_path / "policies").glob("*.json")}
    assert sizes == {"speaker_0": 3, "listener_0": 11}


def test_copies_in_processes_give_the_same_numbers(repository):
    """MPE's parallel_env is a function within a function, which cannot be sent to a process."""
    path = repository / "docs" / "examples" / "mpe_speaker_listener.yaml"
    here, there = (open_env(read_config(path, [f"env_processes={n}"]), 4, 0)[0] for n in (0, 2))
    actions = np.array([[2, 1]] * 4)
    np.testing.assert_array_equal(here.reset(seed=3), there.reset(seed=3))
    for ours, theirs in zip(here.step(actions)[:4], there.step(actions)[:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)
