"""Exported policies: every firm alone, with numpy or onnxruntime, decides as it did in the trainer."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import scenv
from pmarl_trainer.config.files import build_config
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.export.policies import agent_policy, export_run, file_stems, load_policies
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.evaluation import play_policy
from pmarl_trainer.runs.evaluate import evaluate_run
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.training.setup import open_env
from scenv.policies import FirmPolicy, LearnedPolicies, decide, make_policy
from tests.pmarl_trainer.small_runs import CPU, train_on_bg
from tests.pmarl_trainer.toy_envs import IdentityGame


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_on_bg(tmp_path_factory.mktemp("bg") / "run")


@pytest.fixture(scope="module")
def policies(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "policies"
    export_run(run, out, onnx=False)
    return out


def test_scenv_evaluates_exported_policies_as_the_trainer_does(run, policies):
    trainer = evaluate_run(load_config(run), run, episodes=12, seed=5)["policies"]["pmarl"]
    alone = scenv.evaluate(LearnedPolicies(policies, "bg"), "bg", episodes=12, seed=5)
    assert alone.mean == pytest.approx(trainer["mean"], rel=1e-6)
    np.testing.assert_allclose(alone.episode_costs, trainer["episodes"], rtol=1e-6)
    by_name = scenv.evaluate(make_policy(str(policies), scenv.load_scenario("bg")), "bg", episodes=12, seed=5)
    assert by_name.mean == alone.mean
    assert scenv.evaluate(LearnedPolicies(policies), "bg", episodes=12, seed=5).mean == alone.mean


def test_orders_are_max_0_demand_plus_adjustment_of_the_most_probable_action(run, policies):
    learner, env, *_ = load_policies(load_config(run), run, "best")
    learned, observations = LearnedPolicies(policies, "bg"), env.reset(seed=3)
    learned.reset(1)
    for _ in range(8):
        actions = learner.act(torch.as_tensor(observations).transpose(0, 1)).numpy()[:, 0]
        expected = np.maximum(0, env.local_state.demand[0] + env.adjustments[actions])
        np.testing.assert_array_equal(learned.orders(env.local_state)[0], expected)
        observations = env.step(actions[None])[0]


def test_a_firm_decides_on_its_own_last_periods_as_in_the_simulator(policies):
    learned, env = LearnedPolicies(policies, "bg"), scenv.vector_env("bg", 1, seed=3)
    env.reset(seed=3)
    learned.reset(1)
    past = []
    for _ in range(9):
        past.append(np.stack([np.asarray(field)[0] for field in env.local_state], axis=1))
        orders = learned.orders(env.local_state)
        env.step_orders(orders)
    for i, agent in enumerate(env.agents):
        decision = decide(policies / agent, [period[i] for period in past])
        assert decision.order == orders[0, i]
        assert decision.probabilities.argmax() == list(decision.adjustments).index(decision.adjustment)


def numpy_policy(learner, env, spec, agent, folder):
    """The agent's policy, through its files."""
    policy = agent_policy(learner, env, spec, agent, {})
    save_file(policy.tensors, folder / "x.safetensors")
    (folder / "x.json").write_text(json.dumps({**policy.spec, "action_values": [0.0] * policy.spec["num_actions"]}))
    return FirmPolicy.from_file(folder / "x.json"), policy


@pytest.mark.parametrize("hint", [True, False])
@pytest.mark.parametrize("transform", ["none", "symlog"])
def test_one_agents_numbers_give_its_log_probabilities(tmp_path, hint, transform):
    """With and without scaling hints; agents of different sizes, whose padding goes into the bias."""
    env = IdentityGame(8, agents=3, actions=5)
    env.num_actions, env.observation_sizes = np.array([5, 2, 3]), [5, 3, 4]
    env.observation_scale = np.array([2.0, 0.5, 1.0]) if hint else None
    spec = describe(env)
    config = build_config(
        {"env": {"entry": "a:b"}, "train": {"hidden_size": 8, "observation_transform": transform}}, "test"
    ).train
    learner = Learner(spec, config, CPU)
    rng = np.random.default_rng(0)
    seen = rng.normal(3, 5, size=(3, 50, 5)).astype(np.float32)
    for i, size in enumerate(env.observation_sizes):
        seen[i, :, size:] = 0
    learner.scaler.update(torch.as_tensor(seen).transpose(0, 1))
    with torch.no_grad():
        expected = learner.policy(learner.scaler(torch.as_tensor(seen))).numpy()
    for i, size in enumerate(env.observation_sizes):
        alone, _ = numpy_policy(learner, env, spec, i, tmp_path)
        logits = alone.logits(seen[i, :, :size])
        log_pi = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        np.testing.assert_allclose(log_pi, expected[i, :, : env.num_actions[i]], atol=1e-5)
        np.testing.assert_array_equal(alone.actions(seen[i, :, :size]), expected[i].argmax(-1))


def test_a_firms_files_are_enough_without_torch_and_without_scenv(policies, tmp_path):
    """What the docs print: numpy, the firm's own two files, its own last six periods."""
    for ending in ("json", "safetensors"):
        (tmp_path / f"ret_0.{ending}").write_bytes((policies / f"ret_0.{ending}").read_bytes())
    code = """
import json, sys
import numpy as np
from safetensors.numpy import load_file
spec, t = json.load(open("ret_0.json")), load_file("ret_0.safetensors")
x = np.arange(30, dtype=np.float32)
x = (x - t["mean"]) / t["std"]
for name in spec["layers"][:-1]:
    x = x @ t[name + ".weight"] + t[name + ".bias"]
    x = np.where(x > 0, x, spec["negative_slope"] * x)
name = spec["layers"][-1]
print(np.argmax(x @ t[name + ".weight"] + t[name + ".bias"]))
assert not {"torch", "scenv", "pmarl_trainer"} & set(sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    expected = FirmPolicy.from_file(policies / "ret_0.json").actions(np.arange(30, dtype=np.float32))
    assert int(result.stdout) == expected


def test_fv_is_refused_with_the_reason(tmp_path):
    run = train_on_bg(tmp_path / "run", method="fv", rollouts=2)
    with pytest.raises(TrainerError, match="see others' observations"):
        export_run(run, tmp_path / "policies")
    assert not (tmp_path / "policies").exists()


def test_a_folder_is_never_overwritten(run, tmp_path):
    (tmp_path / "precious").write_text("")
    with pytest.raises(TrainerError, match="not empty"):
        export_run(run, tmp_path)


def test_file_names_are_plain_and_never_the_same():
    assert file_stems(("ret_0", "a/b", "A_b", "..", "é")) == ["ret_0", "a_b-1", "A_b-2", "agent", "é"]


@pytest.mark.parametrize("settings", [{}, {"observation_transform": "symlog"}])
def test_onnx_equals_numpy(tmp_path, settings):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    run = train_on_bg(tmp_path / "run", rollouts=2, **settings)
    out = tmp_path / "policies"
    export_run(run, out, onnx=True)
    x = np.random.default_rng(1).uniform(0, 60, size=(40, 30)).astype(np.float32)
    for name in ("ret_0", "sup_0"):
        session = onnxruntime.InferenceSession(out / f"{name}.onnx", providers=["CPUExecutionProvider"])
        logits, action = session.run(None, {"observation": x})
        alone = FirmPolicy.from_file(out / f"{name}.json")
        np.testing.assert_allclose(logits, alone.logits(x), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(action, alone.actions(x))
        assert session.get_modelmeta().custom_metadata_map["agent"] == name


def test_onnx_of_standardised_observations(tmp_path):
    """Running moments bring a clip into the graph."""
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    from pmarl_trainer.export.onnx import save_onnx

    env = IdentityGame(8)
    env.observation_scale = None
    config = build_config({"env": {"entry": "a:b"}, "train": {"hidden_size": 8}}, "test").train
    learner, spec = Learner(describe(env), config, CPU), describe(env)
    learner.scaler.update(torch.rand(50, 2, 3))
    alone, policy = numpy_policy(learner, env, spec, 1, tmp_path)
    save_onnx(policy, tmp_path / "x.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    x = np.array([[0.1, 0.5, 99.0], [-99.0, 0.2, 0.3]], dtype=np.float32)
    np.testing.assert_allclose(session.run(["logits"], {"observation": x})[0], alone.logits(x), atol=1e-5)


def test_the_trainers_evaluation_is_the_one_that_is_compared_with(run):
    """The comparison above is with what `play_policy` finds: the greedy policy on the same paths."""
    config = load_config(run)
    learner, *_ = load_policies(config, run, "best")
    env, _ = open_env(config, 12, 5)
    again = evaluate_run(config, run, episodes=12, seed=5)["policies"]["pmarl"]
    assert play_policy(env, learner.act, 5, CPU).mean == again["mean"]


def test_batch_normalisation_becomes_part_of_the_first_layer(tmp_path):
    env = IdentityGame(8)
    config = build_config({"env": {"entry": "a:b"}, "train": {"preset": "maac-reference"}}, "test").train
    learner, spec = Learner(describe(env), config, CPU), describe(env)
    seen = torch.rand(2, 64, 3) * 5
    for _ in range(5):
        learner.policy.normalise(learner.scaler(seen))  # moves the running moments
    learner.policy.eval()
    with torch.no_grad():
        expected = learner.policy.raw_logits(learner.scaler(seen))
    for agent in range(2):
        alone, _ = numpy_policy(learner, env, spec, agent, tmp_path)
        np.testing.assert_allclose(alone.logits(seen[agent].numpy()), expected[agent].numpy(), atol=1e-5)
