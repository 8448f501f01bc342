"""Several seeds in one run: each replica learns what it would learn alone, and leaves an ordinary run folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import collect
from pmarl_trainer.env_api.protocol import describe
from pmarl_trainer.errors import CheckpointError, TrainerError
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.replicas import Stack, side_by_side
from pmarl_trainer.runs.metrics import read_metrics
from pmarl_trainer.runs.run_folder import evaluate_run, load_config, resume_run, start_run
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.loop import checkpoint_path, train, train_together
from tests.pmarl_trainer.toy_envs import IdentityGame
from tests.pmarl_trainer.training.test_training import CPU, configure, last

SEEDS = (4, 5, 9)
VARIANTS = [
    {"method": "pmarl"},
    {"method": "maac", "reward_normalisation": "standardise", "temperature": "auto"},
    {"method": "fv", "critic_clip_scope": "all", "shared_gradient": "mean", "critic_clip": 1e-3},
    {"method": "pmarl", "input_normalisation": "batch", "attention_regularisation": 0.1, "logit_regularisation": 0.1},
    {"method": "maac", "own_action": "encoded", "policy_gradient": "sampled", "target_value": "sampled"},
]


@pytest.fixture(autouse=True)
def double():
    """Rounding must not hide a mistake."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def replay_of(env, spec, seed):
    """A replica's own data: another path and other actions for every seed."""
    replay, rng = Replay(spec, 400, env.num_envs, CPU), torch.Generator().manual_seed(seed)

    def act(observations):
        return torch.randint(3, observations.shape[:2], generator=rng)

    replay.add(collect(env, spec, act, seed, CPU))
    return replay


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_replica_learns_what_it_learns_alone(settings):
    env = IdentityGame(16, agents=3)
    env.observation_scale = None  # so that every replica has moments of its own
    spec = describe(env)
    configs = [TrainConfig(hidden_size=8, attention_heads=2, seed=seed, **settings) for seed in SEEDS]
    stack = Stack(spec, configs, CPU)
    alone = [Learner(spec, config, CPU) for config in configs]
    replays = [replay_of(env, spec, seed) for seed in SEEDS]
    for learner in (*alone, stack.learner):
        for network in (learner.actor, learner.critic, learner.target_actor, learner.target_critic):
            network.double()
    for window, learner, seed in zip(stack.windows, alone, SEEDS, strict=True):
        for own in (window, learner):
            own.observe(collect(env, spec, lambda o: torch.zeros(o.shape[:2], dtype=torch.int64), seed, CPU))
    stacked_rngs, own_rngs = ([torch.Generator().manual_seed(seed) for seed in SEEDS] for _ in range(2))
    for _ in range(5):
        batches = [replay.sample(32, rng) for replay, rng in zip(replays, stacked_rngs, strict=True)]
        together = stack.learner.update(side_by_side(batches), stacked_rngs)
        for k, (learner, rng) in enumerate(zip(alone, own_rngs, strict=True)):
            report = learner.update(replays[k].sample(32, rng), rng)
            for name, value in report.items():
                assert float(together[name][k]) == pytest.approx(float(value), abs=1e-9), name
    for window, learner in zip(stack.windows, alone, strict=True):
        for name, module in learner.modules().items():
            theirs = module.state_dict()
            for key, tensor in window.modules()[name].state_dict().items():
                torch.testing.assert_close(tensor.double(), theirs[key].double(), rtol=0, atol=1e-9)
        torch.testing.assert_close(window.log_alpha.detach(), learner.log_alpha.detach(), rtol=0, atol=1e-9)


def test_replicas_do_not_hear_of_each_other():
    """Another seed beside it changes nothing: not a parameter of the first replica."""
    env = IdentityGame(16, agents=3)
    spec = describe(env)
    first = []
    for others in ((5,), (8,)):
        configs = [TrainConfig(hidden_size=8, attention_heads=2, seed=seed) for seed in (4, *others)]
        stack = Stack(spec, configs, CPU)
        rngs = [torch.Generator().manual_seed(seed) for seed in (4, *others)]
        replays = [replay_of(env, spec, seed) for seed in (4, *others)]
        for _ in range(3):
            batches = [replay.sample(32, rng) for replay, rng in zip(replays, rngs, strict=True)]
            stack.learner.update(side_by_side(batches), rngs)
        first.append(torch.cat([p.detach().flatten() for p in stack.windows[0].actor.parameters()]))
    assert torch.equal(*first)


def runs_in(folder, **settings):
    runs = [(configure(seed=seed, loggers=["csv"], **settings), folder / f"s{seed}") for seed in SEEDS]
    for _, place in runs:
        place.mkdir(parents=True)
    return runs


def test_whole_runs_together_equal_runs_alone_and_resume_exactly(tmp_path):
    torch.set_default_dtype(torch.float32)
    together, parts = (runs_in(tmp_path / name) for name in ("together", "parts"))
    train_together(together, quiet=True)
    train_together(parts, quiet=True, stop=lambda state: state.rollout == 3)
    train_together(parts, resume=True, quiet=True)
    for (config, whole), (_, resumed) in zip(together, parts, strict=True):
        one, two = last(whole)[0], last(resumed)[0]
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)
        alone = tmp_path / f"alone{config.train.seed}"
        alone.mkdir()
        train(config, alone, quiet=True)
        for name, tensor in last(alone)[0].items():
            torch.testing.assert_close(one[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
        for own, other in zip(read_metrics(whole / "metrics.csv"), read_metrics(alone / "metrics.csv"), strict=True):
            assert own["rollout_cost" if "rollout_cost" in own else "rollout"] == pytest.approx(
                other["rollout_cost" if "rollout_cost" in other else "rollout"]
            )
            assert own.keys() == other.keys()


def test_the_folders_are_ordinary_runs_and_there_is_a_summary(tmp_path, capsys):
    torch.set_default_dtype(torch.float32)
    assert start_run(configure(loggers=["csv"], seed=7), tmp_path / "run", seeds=2, quiet=True)
    places = [tmp_path / "run" / name for name in ("s7", "s8")]
    for place, seed in zip(places, (7, 8), strict=True):
        assert load_config(place).train.seed == seed
        names = {path.name for path in place.iterdir()}
        assert {"config.json", "run.json", "metrics.csv", "evaluation.json", "report.html", "checkpoints"} <= names
        before = json.loads((place / "evaluation.json").read_text())
        evaluate_run(load_config(place), place)
        assert json.loads((place / "evaluation.json").read_text()) == before
        assert before["training"]["seeds_together"] == 2
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    means = [json.loads((p / "evaluation.json").read_text())["policies"]["pmarl"]["mean"] for p in places]
    assert summary["seeds"] == [7, 8]
    assert summary["mean"]["mean"] == pytest.approx(np.mean(means))
    low, high = summary["mean"]["ci95"]
    assert low <= min(means)
    assert max(means) <= high  # Student's t with one degree of freedom is wide
    assert (tmp_path / "run" / "learning_curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "2 seeds of pmarl" in capsys.readouterr().out


def test_resuming_levels_runs_that_a_crash_left_apart(tmp_path):
    """It came after one replica's checkpoint and before the other's."""
    torch.set_default_dtype(torch.float32)
    config = configure(loggers=["csv"], seed=1)
    assert start_run(config, tmp_path / "whole", seeds=2, quiet=True)
    assert start_run(config, tmp_path / "run", seeds=2, quiet=True)
    run = tmp_path / "run"
    behind, ahead = run / "s1", run / "s2"
    for place, rollouts in ((behind, 2), (ahead, 4)):  # as they stood then
        own = load_config(place)
        for path in (*place.glob("checkpoints/*"), *place.glob("*.csv"), *place.glob("*.jsonl")):
            path.unlink()
        train(own, place, quiet=True, stop=lambda state, k=rollouts: state.rollout == k)
    assert checkpoint.load(checkpoint_path(behind, "last"), CPU)[1]["state"]["rollout"] == 2
    assert resume_run(run, quiet=True)
    for name in ("s1", "s2"):
        for key, tensor in last(tmp_path / "whole" / name)[0].items():
            torch.testing.assert_close(last(run / name)[0][key], tensor, rtol=1e-3, atol=1e-4, msg=key)


def test_what_cannot_be_done_is_said(tmp_path):
    torch.set_default_dtype(torch.float32)
    with pytest.raises(TrainerError, match="run hdpo once for each --seed"):
        start_run(configure(method="hdpo"), tmp_path / "run", seeds=2, quiet=True)
    assert not (tmp_path / "run").exists()
    (tmp_path / "seeds.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"seeds\.json: expected"):
        resume_run(tmp_path, quiet=True)
    ragged = [(configure(seed=seed, updates_per_transition=0.1), tmp_path / f"r{seed}") for seed in (0, 1)]
    for _, place in ragged:
        place.mkdir()
    (tmp_path / "seeds.json").write_text('{"seeds": [0, 1]}')
    for config, place in ragged:
        place.rename(tmp_path / f"s{config.train.seed}")
        (tmp_path / f"s{config.train.seed}" / "config.json").write_text(config.model_dump_json())
    with pytest.raises(CheckpointError, match="nothing to go on from"):
        resume_run(tmp_path, quiet=True)
