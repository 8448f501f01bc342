"""Tasks whose best answer is known are learned, and the same seed learns the same."""

import numpy as np
import pytest
import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.clipping import clip_by_group
from tests.pmarl_trainer.toy_envs import CoordinationGame, IdentityGame, Newsvendor
from tests.pmarl_trainer.toy_learning import CPU, greedy, learn, parameters


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("method", "rollouts"), [("maac", 20), ("pmarl", 20), ("fv", 30)])
def test_identity_game(method, rollouts):
    env = IdentityGame(8, agents=3)
    learner = learn(env, method=method, rollouts=rollouts, policy_lr=2e-3)  # FV's own rate is made for many agents
    assert (greedy(learner, env) == env.signal).mean() == 1


@pytest.mark.parametrize("gradient", ["expected", "sampled"])
def test_identity_game_with_late_rewards(gradient):
    """Agents are paid 0 and 3 steps late: learned only if the rewards are put back to their actions."""
    env = IdentityGame(8, delay=[0, 3])
    learner = learn(env, policy_gradient=gradient, rollouts=40)
    assert (greedy(learner, env) == env.signal).mean() == 1


def test_identity_game_with_late_rewards_is_not_learned_when_they_are_misplaced():
    """The test above can fail: told of a wrong delay, the late agent learns nothing of use."""
    env = IdentityGame(64, delay=[0, 3])
    honest = env.reward_delay

    class Liar(IdentityGame):
        def step(self, actions):
            self.reward_delay, told = honest, self.reward_delay
            try:
                return super().step(actions)
            finally:
                self.reward_delay = told

    liar = Liar(64, delay=[0, 2])
    learner = learn(liar, rollouts=20)
    right = (greedy(learner, liar) == liar.signal).mean(axis=0)
    assert right[0] == 1
    assert right[1] < 0.8


def test_coordination_game():
    """Both play 0, which pays best, rather than both 1."""
    env = CoordinationGame(8)
    assert (greedy(learn(env), env) == 0).all()


@pytest.mark.parametrize("reward_normalisation", ["none", "scale", "standardise"])
def test_newsvendor_finds_its_critical_fractile(reward_normalisation):
    """Alone, without neighbours; rewards two steps late. q = 8 costs 9.09 on average, 7 and 9 cost 9.18 and 9.36."""
    env = Newsvendor(16, delay=2)
    learner = learn(env, rollouts=60, gamma=0.5, reward_normalisation=reward_normalisation)
    assert greedy(learner, env)[0, 0] in (7, 8, 9)
    expected = [Newsvendor.cost_of(q, np.arange(11)).mean() for q in range(11)]
    assert np.argmin(expected) == 8


def test_same_seed_same_policy_and_another_seed_another():
    one, two, other = (learn(IdentityGame(4), rollouts=3, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(parameters(one), parameters(two), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(parameters(one), parameters(other), strict=True))


def test_on_a_complete_directed_graph_pmarl_learns_exactly_what_maac_does():
    """0 supplies 1 and 2, 1 supplies 2: all are neighbours, no two have equal degrees, so all weights are 1."""
    pmarl, maac = (learn(IdentityGame(4, agents=3), rollouts=3, method=method) for method in ("pmarl", "maac"))
    assert all(torch.equal(a, b) for a, b in zip(parameters(pmarl), parameters(maac), strict=True))


@pytest.mark.parametrize("method", ["maac", "pmarl", "fv"])
def test_one_agent_and_agents_without_neighbours_learn_without_nan(method):
    for agents in (1, 2):
        env = IdentityGame(4, agents=agents)
        env.adjacency_matrix = np.zeros((agents, agents))
        learner = learn(env, method=method, rollouts=3, temperature="auto", huber_delta=1.0)
        assert all(torch.isfinite(p).all() for p in parameters(learner))


def test_running_moments_scale_what_has_no_hint():
    env = IdentityGame(8)
    env.observation_scale = None
    env.observe = lambda signal: 1000 + 500 * np.eye(3)[signal]
    learner = learn(env, reward_normalisation="scale")
    assert (greedy(learner, env) == env.signal).mean() == 1


def test_gradients_are_clipped_agent_by_agent():
    one, two = torch.nn.Parameter(torch.zeros(2, 1, 2)), torch.nn.Parameter(torch.zeros(2, 1))
    one.grad = torch.tensor([[[30.0, 0.0]], [[0.3, 0.0]]])
    two.grad = torch.tensor([[40.0], [0.4]])
    norms = clip_by_group([one, two], 5.0, groups=2)
    assert norms.tolist() == pytest.approx([50, 0.5])
    assert one.grad.flatten().tolist() == pytest.approx([3, 0, 0.3, 0])  # the first scaled by 1/10, the second not
    assert two.grad.flatten().tolist() == pytest.approx([4, 0.4])


def test_gradients_of_a_group_of_agents_are_clipped_together():
    own, shared = torch.nn.Parameter(torch.zeros(4, 1)), torch.nn.Parameter(torch.zeros(2, 1))
    own.grad, shared.grad = torch.tensor([[3.0], [0.0], [0.1], [0.2]]), torch.tensor([[4.0], [0.2]])
    norms = clip_by_group([own, shared], 1.0, groups=2)  # two agents a group, and something that they share
    assert norms.tolist() == pytest.approx([5, 0.3])
    assert own.grad.flatten().tolist() == pytest.approx([0.6, 0, 0.1, 0.2], rel=1e-5)
    assert shared.grad.flatten().tolist() == pytest.approx([0.8, 0.2], rel=1e-5)


def test_temperature_schedule_runs_from_alpha_to_alpha_final():
    env = IdentityGame(2)
    learner = Learner(describe(env), TrainConfig(alpha=0.1, alpha_final=0.001, lr=1e-2, lr_final=0.5), CPU)
    for progress, alpha, lr in ((0, 0.1, 1e-2), (0.5, 0.01, 0.75e-2), (1, 0.001, 0.5e-2)):
        learner.schedule(progress)
        assert learner.log_alpha.exp().tolist() == pytest.approx([alpha] * 2)
        assert learner.critic_optimiser.param_groups[0]["lr"] == pytest.approx(lr)
