"""Method hdpo: its gradient is the cost's, it comes near known optima, and its runs are like any other method's."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import scenv
from pmarl_trainer import cli
from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_differentiable_env, make_env
from pmarl_trainer.errors import CheckpointError, ConfigError, DoorError
from pmarl_trainer.learners.evaluation import play
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.runs.evaluate import evaluate_run
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.metrics import MetricsFile, read_metrics
from pmarl_trainer.runs.run_folder import start_run
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.loop import train
from pmarl_trainer.training.run_checkpoints import checkpoint_path

CPU = torch.device("cpu")
ENTRY = "scenv:vector_env"
BEER = {"scenario": "bg", "horizon": 12, "warmup": 2}
TINY = {
    "method": "hdpo",
    "rollouts": 4,
    "num_envs": 3,
    "hidden_size": 4,
    "evaluation_interval": 2,
    "evaluation_episodes": 3,
    "final_episodes": 4,
    "checkpoint_interval": 2,
    "threads": 1,
    "train_device": "cpu",
    "loggers": ["csv"],
}


class TorchNewsvendor:
    """One firm orders q against demand uniform on 0 .. 10, every period anew; overage costs 1, underage 3: q = 7.5.

    What it knows of demand says nothing: d is 5, always.
    """

    differentiable = True
    agents = ("firm",)
    num_actions = np.array([11])
    adjustments = np.arange(11) - 5
    adjacency_matrix = np.zeros((1, 1), dtype=int)
    observation_scale = np.full(1, 0.5)
    horizon = 9
    local_state: SimpleNamespace

    def __init__(self, num_envs=4, seed=0):
        self.num_envs, self.rng = num_envs, torch.Generator().manual_seed(seed)
        self.local_state = SimpleNamespace(demand=torch.full((num_envs, 1), 5.0))

    def reset(self, seed=None):
        if seed is not None:
            self.rng.manual_seed(seed)
        self.left = self.horizon - 1
        return torch.ones(self.num_envs, 1, 1)

    def step_orders(self, quantities):
        self.left -= 1
        demand = 10 * torch.rand(self.num_envs, 1, generator=self.rng)
        cost = (quantities - demand).relu() + 3 * (demand - quantities).relu()
        over = np.full(self.num_envs, self.left == 0)
        return torch.ones(self.num_envs, 1, 1), -cost, over & False, over, {"cost": cost}

    def step(self, actions):
        return self.step_orders(torch.as_tensor(actions, dtype=torch.float32))


class Mute(TorchNewsvendor):
    """Says that it is differentiable, and is not."""

    def step_orders(self, quantities):
        return super().step_orders(quantities.detach())


def learner_for(entry, arguments, **settings):
    """A learner and its differentiable environment."""
    config = TrainConfig(**{**TINY, **settings})
    env = make_differentiable_env(entry, arguments, config.num_envs, 0, "cpu")
    spec = describe(make_env(entry, arguments, 1, 0))
    return HindsightLearner(spec, config, CPU), env


def learn(entry, arguments, **settings):
    learner, env = learner_for(entry, arguments, **settings)
    for step in range(learner.config.rollouts):
        learner.schedule(step / learner.config.rollouts)
        learner.improve(env, 1000 + step)
    return learner


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("settings", [{}, {"order_range": "free"}, {"policy_input": "global"}])
def test_the_gradient_is_the_differences_of_the_simulated_cost(settings):
    """Back-propagated through torch, against central differences of the cost that the numpy environment charges."""
    learner, env = learner_for(ENTRY, BEER, policy_clip=1e9, policy_lr=1e-12, **settings)
    with torch.no_grad():  # so that firms do not all begin by passing demand on
        learner.policy.output.weight.mul_(10)
    learner.policy.double()
    learner.scaler.double()
    cost = learner.improve(env, 5)["policy_loss"]
    plain = make_env(ENTRY, BEER, learner.config.num_envs, 0)
    assert learner.play(plain, 5).mean == pytest.approx(cost, rel=1e-6)

    # float32 observations make tiny steps noisy, and costs have kinks: many entries, the middle of the errors.
    errors = []
    generator = torch.Generator().manual_seed(0)
    for parameter in learner.policy.parameters():
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        found = float((parameter.grad * direction).sum())
        costs = []
        for sign in (1, -2):
            with torch.no_grad():
                parameter.add_(sign * 1e-4 * direction)
            costs.append(learner.play(plain, 5).mean)
        with torch.no_grad():
            parameter.add_(1e-4 * direction)
        expected = (costs[0] - costs[1]) / 2e-4 / cost  # of the logarithm
        errors.append(abs(found - expected) / abs(expected))
    assert np.median(errors) < 2e-3
    assert max(errors) < 0.05


@pytest.mark.parametrize(
    ("settings", "best"), [({}, 7.5), ({"order_range": "free"}, 7.5), ({"adjustment": "straight_through"}, 7.5)]
)
def test_newsvendor(settings, best):
    learner = learn(f"{__name__}:TorchNewsvendor", {}, rollouts=150, num_envs=128, policy_lr=5e-2, **settings)
    quantity = learner.orders(torch.ones(1, 1, 1), torch.full((1, 1), 5.0), discrete=False).item()
    assert quantity == pytest.approx(best, abs=0.6)


def test_beer_game_comes_near_the_exact_optimum():
    """cs2000: Clark & Scarf's long-run cost per period is known, and nothing can be below it."""
    fields = {"scenario": "bg", "costs": "cs2000", "shipment_lead_time": 1}
    optimum = scenv.serial_optimum(**fields).cost_per_period
    learner = learn(
        ENTRY, {**fields, "horizon": 40, "warmup": 10}, rollouts=100, num_envs=32, hidden_size=32, policy_lr=1e-2
    )
    long = {**fields, "horizon": 300, "warmup": 100}
    cost = learner.play(make_env(ENTRY, long, 60, 0), 3).mean / 200
    exact = scenv.evaluate("echelon-base-stock", episodes=60, seed=3, **long).mean / 200  # on the same paths
    assert exact == pytest.approx(optimum, rel=0.05)
    assert 0.99 * exact < cost < 1.06 * exact


def test_each_firm_sees_its_own_observation_unless_told_otherwise():
    whole = {"local": [0, 1, 0, 0], "neighbours": [1, 1, 1, 0], "global": [1, 1, 1, 1]}
    for policy_input, expected in whole.items():
        learner, _ = learner_for(ENTRY, BEER, policy_input=policy_input)
        observations = torch.rand(4, 3, 30, requires_grad=True)
        learner.orders(observations, torch.full((4, 3), 32.0), discrete=False)[1].sum().backward()
        seen = observations.grad.abs().sum(dim=(1, 2)) > 0
        assert seen.tolist() == [bool(each) for each in expected]


def test_orders_stay_in_the_action_range_and_discrete_ones_in_the_set():
    learner, _ = learner_for(ENTRY, BEER, adjustment="nearest")
    with torch.no_grad():
        learner.policy.output.weight.mul_(1000)
    demand = torch.full((4, 50), 32.0)
    observations = 100 * torch.rand(4, 50, 30)
    real, played = (learner.orders(observations, demand, discrete=discrete) - demand for discrete in (False, True))
    assert real.min() >= -8
    assert real.max() <= 24
    assert (real != real.round()).any()
    assert (played == played.round()).all()
    assert ((played - real).abs() <= 0.5 + 1e-4).all()


def test_discrete_orders_cost_what_the_same_actions_cost():
    learner, _ = learner_for(ENTRY, BEER, adjustment="nearest")
    env = make_env(ENTRY, BEER, 5, 0)

    def step(seen):
        demand = torch.as_tensor(env.local_state.demand.T)
        with torch.no_grad():
            observations = torch.as_tensor(seen).transpose(0, 1)
            a = learner.orders(observations, demand + 100, discrete=True) - demand - 100
        return env.step(a.round().long().T.numpy() + 8)

    acted = play(env, 7, step)
    np.testing.assert_allclose(learner.play(env, 7).totals, acted.totals)


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    config = build_config({"env": {"entry": ENTRY, **BEER}, "train": TINY}, "test")
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    train(config, tmp_path / "whole", observers=[MetricsFile()])
    train(config, tmp_path / "parts", observers=[MetricsFile()], stop=lambda state: state.rollout == 1)
    train(config, tmp_path / "parts", resume=True, observers=[MetricsFile()])
    one, two = (checkpoint.load(checkpoint_path(tmp_path / name, "last"), CPU)[0] for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    assert any(key.startswith("optimiser.policy") for key in one)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert len(read_metrics(tmp_path / "parts" / "metrics.csv")) == 4


def test_a_run_leaves_the_same_files_as_every_method(tmp_path):
    config = build_config({"env": {"entry": ENTRY, **BEER}, "train": TINY}, "test")
    folder = tmp_path / "run"
    assert start_run(config, folder, quiet=True)
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        "config.json",
        "run.json",
        "metrics.csv",
        "evaluation.json",
        "learning_curve.png",
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
    }
    before = json.loads((folder / "evaluation.json").read_text())["policies"]["hdpo"]
    again = evaluate_run(load_config(folder), folder)["policies"]["hdpo"]
    assert again["episodes"] == before["episodes"]
    expected = scenv.evaluate("base-stock", episodes=4, seed=config.train.evaluation_seed, **BEER)
    found = json.loads((folder / "evaluation.json").read_text())["policies"]["base_stock"]
    assert found["mean"] == pytest.approx(expected.mean)


def test_a_checkpoint_of_another_order_range_is_refused(tmp_path):
    config = build_config({"env": {"entry": ENTRY, **BEER}, "train": TINY}, "test")
    start_run(config, tmp_path / "run", quiet=True)
    other = build_config({"env": {"entry": ENTRY, **BEER}, "train": {**TINY, "order_range": "free"}}, "test")
    with pytest.raises(CheckpointError, match=r"method\.order_range is"):
        evaluate_run(other, tmp_path / "run")


@pytest.mark.parametrize(
    "entry",
    ["scenv:parallel_env", "tests.pmarl_trainer.toy_envs:Newsvendor", "tests.pmarl_trainer.toy_envs:IdentityGame"],
)
def test_an_environment_without_gradient_is_refused_in_one_line(monkeypatch, tmp_path, capsys, entry):
    network = ", scenario: bg" if entry.startswith("scenv") else ""
    (tmp_path / "s.yaml").write_text(f"env: {{entry: '{entry}'{network}}}\ntrain: {{max_steps: 9}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pmarl-train", "--scenario", "s.yaml", "--method", "hdpo"])
    with pytest.raises(SystemExit) as caught:
        cli.train()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "needs a differentiable environment" in error
    assert len(error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]


def test_a_false_promise_of_a_gradient_is_noticed():
    learner, env = learner_for(f"{__name__}:Mute", {})
    with pytest.raises(DoorError, match="carries no gradient"):
        learner.improve(env, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "hdpo", "order_range": "free", "adjustment": "nearest"}, "order_range cannot be free"),
        ({"method": "hdpo", "attention": "all"}, "a critic, which method hdpo does not have"),
        ({"method": "pmarl", "order_range": "free"}, "switches of method hdpo"),
    ],
)
def test_switches_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        build_config({"env": {"entry": ENTRY, **BEER}, "train": settings}, "test")


def test_defaults_are_the_methods_own_unless_given():
    assert TrainConfig(method="hdpo").rollouts == 400
    assert TrainConfig(method="pmarl") == TrainConfig()
    assert TrainConfig(method="hdpo", rollouts=7).rollouts == 7


def test_an_environment_that_forbids_actions_is_refused():
    spec = replace(describe(scenv.vector_env("bg", 2)), action_masks=True)
    with pytest.raises(DoorError, match="forbids actions at times"):
        HindsightLearner(spec, TrainConfig(method="hdpo"), torch.device("cpu"))
