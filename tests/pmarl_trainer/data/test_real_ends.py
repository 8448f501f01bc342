"""Real ends with late rewards, by hand; and tasks whose best answer rests on them."""

import pytest
import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Batch, Replay
from pmarl_trainer.data.rollout import Episodes, align, collect
from pmarl_trainer.data.scaling import RunningMoments
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.learners import losses
from pmarl_trainer.learners.actor_critic import Learner, draw
from tests.pmarl_trainer.toy_envs import ForbiddenFruit, IdentityGame, Quitting

CPU = torch.device("cpu")
SMALL = {"hidden_size": 16, "attention_heads": 2, "batch_size": 64, "learning_starts": 0, "lr": 1e-2, "policy_lr": 1e-2}
QUITTING = {"gamma": 0.8, "alpha": 0.3, "alpha_final": 0.02, "polyak_tau": 0.1, "policy_lr": 3e-3}


def two_agents(ends, steps=6):
    """One row: agent i takes part in `ends[i][0]` steps, the last a real end if `ends[i][1]`; reward of call t is t."""
    active = torch.stack([torch.arange(steps) < length for length, _ in ends], dim=1).unsqueeze(1)
    terminated = torch.zeros_like(active)
    for i, (length, really) in enumerate(ends):
        terminated[length - 1, 0, i] = really
    rewards = torch.arange(1.0, steps + 1).view(-1, 1, 1).expand(steps, 1, len(ends))
    observations = torch.zeros(steps + 1, 1, len(ends), 1)
    return Episodes(
        observations, torch.zeros(steps, 1, len(ends), dtype=torch.int64), rewards, terminated, active, None, 0.0
    )


@pytest.mark.parametrize(
    ("ends", "delays", "active", "rewards"),
    [
        # All cut at the end: the last D = 2 steps lack a reward, for everybody.
        ([(6, False), (6, False)], (0, 2), [4, 4], [[1, 2, 3, 4], [3, 4, 5, 6]]),
        # Both really end: every step counts, and what was not paid is 0.
        ([(6, True), (6, True)], (1, 2), [6, 6], [[2, 3, 4, 5, 6, 0], [3, 4, 5, 6, 0, 0]]),
        # The first leaves really after 3 steps, the row goes on and is cut.
        ([(3, True), (6, False)], (1, 1), [3, 5], [[2, 3, 0], [2, 3, 4, 5, 6]]),
        # The first is cut after 3 steps: its last reward never came, and is not known to be 0.
        ([(3, False), (6, False)], (1, 0), [2, 5], [[2, 3], [1, 2, 3, 4, 5]]),
        # The first ends before any of its rewards came.
        ([(2, True), (6, False)], (3, 0), [2, 3], [[0, 0], [1, 2, 3]]),
    ],
)
def test_alignment_of_each_agents_own_end(ends, delays, active, rewards):
    aligned = align(two_agents(ends), torch.tensor(delays))
    assert aligned.active[:, 0].sum(dim=0).tolist() == active
    for i, expected in enumerate(rewards):
        assert aligned.rewards[: len(expected), 0, i].tolist() == expected
        assert bool(aligned.terminated[:, 0, i][aligned.active[:, 0, i]].any()) is ends[i][1]
    assert len(aligned.actions) == max(active)


def test_a_batch_whose_rows_have_all_ended_is_not_stepped_on(monkeypatch):
    env, calls = Quitting(3), []
    step = env.step
    monkeypatch.setattr(env, "step", lambda actions: calls.append(1) or step(actions))
    spec = describe(env)
    episodes = collect(env, spec, lambda o: torch.ones(1, 3, dtype=torch.int64), 0, CPU)
    assert len(calls) == len(episodes.actions) == 1 < spec.max_steps


def test_a_batch_that_never_ends_is_cut_after_the_longest_episode(monkeypatch):
    env = Quitting(3)
    step = env.step
    monkeypatch.setattr(env, "step", lambda actions: (*step(actions)[:3], torch.zeros(3, dtype=torch.bool), {}))
    spec = describe(env)
    episodes = collect(env, spec, lambda o: torch.zeros(1, 3, dtype=torch.int64), 0, CPU)
    assert len(episodes.actions) == spec.max_steps
    assert episodes.lengths.tolist() == [spec.max_steps] * 3


def test_a_period_without_a_mask_allows_everything():
    class SometimesForbidden(ForbiddenFruit):
        def _show(self):
            shown = super()._show()
            self.shows = not getattr(self, "shows", False)
            if not self.shows:
                self.allowed[:], self.last_info = True, {}
            return shown

    env, told = SometimesForbidden(2), []

    def act(_, allowed=None):
        told.append(allowed)
        return torch.zeros(2, 2, dtype=torch.int64) if allowed is None else allowed.int().argmax(dim=-1)

    spec, first = describe(env), set()
    for seed in range(2):  # one episode begins with a mask, the other without
        told.clear()
        episodes = collect(env, spec, act, seed, CPU)
        first.add(told[0] is None)
        for now, allowed in zip(episodes.allowed, told, strict=False):
            assert torch.equal(now, torch.ones_like(now) if allowed is None else allowed.transpose(0, 1))
    assert first == {True, False}


def learn(env, rollouts=25, updates=10, **settings):
    config = TrainConfig(**{**SMALL, "rollouts": rollouts, "updates_per_rollout": updates, **settings})
    spec = describe(env)
    learner, replay = Learner(spec, config, CPU), Replay(spec, 2000, env.num_envs, CPU)
    rng = torch.Generator().manual_seed(0)
    for rollout in range(rollouts):
        learner.schedule(config.progress(rollout))

        def act(seen, allowed=None):
            return learner.act(seen, rng, allowed)

        episodes = align(collect(env, spec, act, rollout, CPU), torch.as_tensor(spec.reward_delay))
        learner.observe(episodes)
        replay.add(episodes)
        for _ in range(updates if len(replay) else 0):
            learner.update(replay.sample(config.batch_size, rng), rng)
    return learner


@pytest.mark.parametrize(
    ("stay", "leave", "delay", "best"),
    [
        (1.0, 2.0, 0, 0),  # staying is worth 5, an end 2: through the end bootstrapped, it would seem 6
        (-1.0, -2.0, 0, 1),  # staying costs 5, an end 2: bootstrapped, it would seem to cost 6
        (1.0, 2.0, 2, 0),  # late: an end's own reward never comes, nor those of the two actions before
        (-1.0, -2.0, 2, 1),
    ],
)
def test_an_end_is_worth_what_it_pays(stay, leave, delay, best):
    env = Quitting(16, stay=stay, leave=leave, delay=delay)
    learner = learn(env, **QUITTING)
    assert int(learner.act(torch.ones(1, 1, 1))) == best
    q = learner.critic(learner.scaler(torch.ones(1, 1, 1)), torch.zeros(1, 1, dtype=torch.int64))[0, 0]
    assert float(q[1].detach()) == pytest.approx(0.0 if delay else leave, abs=0.4)


def test_a_learner_that_is_not_told_of_ends_gets_it_wrong(monkeypatch):
    """The test above can fail."""
    monkeypatch.setattr(losses, "critic_target", lambda rewards, terminated, value, gamma: rewards + gamma * value)
    learner = learn(Quitting(16, stay=1.0, leave=2.0), **QUITTING)
    assert int(learner.act(torch.ones(1, 1, 1))) == 1


@pytest.mark.parametrize(("method", "gradient"), [("pmarl", "expected"), ("fv", "sampled")])
def test_the_highest_allowed_action_is_found(method, gradient):
    env = ForbiddenFruit(16)
    learner = learn(env, rollouts=15, method=method, gamma=0.5, policy_gradient=gradient)
    for allowed, best in (([1, 1, 1, 1], 3), ([1, 1, 0, 0], 1), ([1, 0, 1, 0], 2), ([1, 0, 0, 0], 0)):
        mask = torch.tensor(allowed).bool().expand(2, 1, 4)
        assert learner.act(torch.ones(2, 1, 1), allowed=mask).flatten().tolist() == [best] * 2


@pytest.mark.parametrize("target_value", ["expected", "sampled"])
def test_targets_are_over_allowed_actions(target_value):
    spec = describe(ForbiddenFruit(2))
    learner = Learner(spec, TrainConfig(hidden_size=8, attention_heads=2, target_value=target_value), CPU)
    seen, only = torch.rand(2, 5, 1), torch.zeros(2, 5, 4, dtype=torch.bool)
    only[..., 2] = True  # one action: no entropy, and the value is its Q
    log_pi = learner.target_policy(seen, only)
    actions = draw(log_pi, torch.Generator().manual_seed(0))
    value, entropy = learner._next_value(log_pi, seen, actions, None)
    q = learner.target_critic(seen, torch.full((2, 5), 2))[..., 2]
    torch.testing.assert_close(value, q)
    torch.testing.assert_close(entropy, torch.zeros_like(q))


def test_entropy_is_measured_against_what_is_allowed():
    """With one action allowed the temperature must not grow for ever in search of a second."""
    env = ForbiddenFruit(2)
    learner = Learner(describe(env), TrainConfig(hidden_size=8, attention_heads=2, temperature="auto"), CPU)
    only = torch.zeros(2, 5, 4, dtype=torch.bool)
    only[..., 2] = True
    seen = torch.ones(2, 5, 1)
    acted = torch.full((2, 5), 2)
    batch = Batch(seen, acted, torch.zeros(2, 5), torch.zeros(2, 5), seen, None, only, only)
    before = learner.log_alpha.detach().clone()
    learner.update(batch, torch.Generator().manual_seed(0))
    torch.testing.assert_close(learner.log_alpha.detach(), before)


def test_what_an_agent_took_no_part_in_changes_nothing_of_its_own():
    """Two batches that differ only where agent 1 was not there: its networks take the same step."""
    env = IdentityGame(2, agents=2)
    env.adjacency_matrix = [[0, 0], [0, 0]]
    rng = torch.Generator().manual_seed(0)
    active = torch.rand(2, 12, generator=rng) < 0.5
    active[0], active[1, 0] = True, True
    steps = []
    for filler in (0.0, 1e6):
        learner = Learner(describe(env), TrainConfig(hidden_size=8, attention_heads=2), CPU)
        own = torch.Generator().manual_seed(1)
        seen, rewards = torch.rand(2, 12, 3, generator=own), torch.rand(2, 12, generator=own)
        actions = torch.randint(3, (2, 12), generator=own)
        batch = Batch(
            torch.where(active.unsqueeze(2), seen, min(filler, 5.0)),
            actions,
            torch.where(active, rewards, filler),
            torch.zeros(2, 12),
            seen,
            active,
        )
        learner.update(batch, own)
        steps.append([p.detach()[1] for p in (*learner.policy.parameters(), *learner.critic.stacked_parameters())])
    for one, two in zip(*steps, strict=True):
        torch.testing.assert_close(one, two)


def test_moments_take_each_agents_own_samples():
    samples = torch.randn(40, 3, dtype=torch.float64)
    active = torch.rand(40, 3) < torch.tensor([0.9, 0.4, 0.0])
    moments = RunningMoments((3,))
    for part in range(0, 40, 10):
        moments.update(samples[part : part + 10], active[part : part + 10])
    for agent in range(2):
        own = samples[active[:, agent], agent]
        assert float(moments.mean[agent]) == pytest.approx(float(own.mean()))
        assert float(moments.std[agent]) == pytest.approx(float(own.std(correction=0)), rel=1e-5)
    assert moments.std[2] == 1


def test_a_checkpoint_keeps_masks_and_ends():
    spec = describe(ForbiddenFruit(4))
    replays = [Replay(spec, 100, 4, CPU) for _ in range(2)]

    def act(seen, allowed):
        return allowed.float().argmax(dim=-1)

    replays[0].add(align(collect(ForbiddenFruit(4), spec, act, 0, CPU), torch.zeros(2, dtype=torch.int64)))
    replays[1].load_state_dict(replays[0].state_dict())
    one, two = (replay.sample(20, torch.Generator().manual_seed(5)) for replay in replays)
    assert torch.equal(one.allowed, two.allowed)
    assert torch.equal(one.next_allowed, two.next_allowed)
    assert one.allowed.gather(2, one.actions.unsqueeze(2)).all()


def test_a_guarded_environment_is_learned_on_just_the_same():
    arguments = {"delay": 1, "stay": -1.0}
    one, two = (
        learn(env, rollouts=2, updates=2)
        for env in (Quitting(4, 0, **arguments), make_env(f"{Quitting.__module__}:Quitting", arguments, 4, seed=0))
    )
    for ours, theirs in zip(one.critic.parameters(), two.critic.parameters(), strict=True):
        assert torch.equal(ours, theirs)
