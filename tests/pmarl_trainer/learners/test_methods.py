"""Table 3 and its switches in whole learners: equal where they must be, number for number, and different where not."""

import math

import numpy as np
import pytest
import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.learners import losses
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.networks.critic import AttentionCritic
from pmarl_trainer.networks.literal_critic import LiteralCritic
from tests.pmarl_trainer.toy_envs import IdentityGame, WordGame
from tests.pmarl_trainer.toy_learning import CPU, SMALL, greedy, learn, parameters

AGENTS = 4
#: Everybody everybody's neighbour, and nobody supplies: all have 3 neighbours, so they are one group.
ONE_GROUP = np.ones((AGENTS, AGENTS), dtype=int) - np.eye(AGENTS, dtype=int)
#: 0 -> 1 -> 2 -> 3: 1 and 2 are a group.
CHAIN = np.eye(AGENTS, k=-1, dtype=int) - np.eye(AGENTS, k=1, dtype=int)


def game(adjacency):
    env = IdentityGame(4, agents=AGENTS)
    env.adjacency_matrix = adjacency
    return env


def make_learner(adjacency, **settings):
    return Learner(describe(game(adjacency)), TrainConfig(**{**SMALL, **settings}), CPU)


def equal(one, two):
    return all(torch.equal(a, b) for a, b in zip(parameters(one), parameters(two), strict=True))


def sample(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(AGENTS, 5, 3, generator=generator), torch.randint(3, (AGENTS, 5), generator=generator)


def test_with_a_complete_graph_and_one_group_pmarl_has_maacs_numbers():
    """The values are MAAC's; the loss is it times sigma_G = (1 + ln 4) / 4, the same for every agent."""
    pmarl, maac = (make_learner(ONE_GROUP, method=method) for method in ("pmarl", "maac"))
    assert equal(pmarl, maac)
    values = [learner.critic(*sample()) for learner in (pmarl, maac)]
    assert torch.equal(*values)
    assert pmarl.weights.tolist() == pytest.approx([(1 + math.log(4)) / 4] * AGENTS)
    q, targets = values[0][..., 0], torch.ones(AGENTS, 5)
    ours, theirs = (losses.critic_loss(q, targets, learner.weights).item() for learner in (pmarl, maac))
    assert ours == pytest.approx((1 + math.log(4)) / 4 * theirs)


def test_with_a_complete_graph_and_weights_of_one_pmarl_learns_what_maac_learns():
    pmarl = learn(game(ONE_GROUP), method="pmarl", group_weights="equal", rollouts=3)
    maac = learn(game(ONE_GROUP), method="maac", rollouts=3)
    assert equal(pmarl, maac)


@pytest.mark.parametrize(
    ("switched", "method"),
    [
        ({"method": "pmarl", "attention": "all", "group_weights": "equal"}, {"method": "maac"}),
        ({"method": "maac", "attention": "neighbours", "group_weights": "log_scaled"}, {"method": "pmarl"}),
        ({"method": "pmarl", "policy_input": "global"}, {"method": "fv", "policy_lr": 2e-3}),
    ],
)
def test_a_method_with_another_ones_switches_learns_what_the_other_does(switched, method):
    assert equal(learn(game(CHAIN), rollouts=3, **switched), learn(game(CHAIN), rollouts=3, **method))


@pytest.mark.parametrize(
    "switch",
    [{"attention": "all"}, {"group_weights": "equal"}, {"policy_input": "global"}, {"policy_input": "neighbours"}],
)
def test_every_switch_alone_makes_a_difference(switch):
    changed = learn(game(CHAIN), rollouts=3, **switch)
    plain = learn(game(CHAIN), rollouts=3)
    shapes = [[p.shape for p in parameters(learner)] for learner in (changed, plain)]
    assert shapes[0] != shapes[1] or not equal(changed, plain)
    attends = changed.critic.attention.mask.sum().item()
    assert attends == (12 if "attention" in switch else 6)
    assert (changed.weights == 1).all().item() == ("group_weights" in switch)


@pytest.mark.parametrize(("method", "sees_others"), [("pmarl", False), ("maac", False), ("fv", True)])
def test_whose_observations_a_policy_depends_on(method, sees_others):
    """d log pi_1 / d o_j is exactly zero for every other firm j, its neighbours 0 and 2 included, but for FV."""
    observations, _ = sample()
    observations.requires_grad_()
    make_learner(CHAIN, method=method).policy(observations)[1, :, 0].sum().backward()
    dependent = (observations.grad != 0).any(dim=(1, 2)).tolist()
    assert dependent == ([True] * AGENTS if sees_others else [False, True, False, False])


@pytest.mark.parametrize(("method", "heard"), [("pmarl", [0, 1, 2]), ("fv", [0, 1, 2]), ("maac", [0, 1, 2, 3])])
def test_whose_observations_and_actions_a_value_depends_on(method, heard):
    learner = make_learner(CHAIN, method=method)
    observations, actions = sample()
    before = learner.critic(observations, actions)[1]
    for j in range(AGENTS):
        seen, done = observations.clone(), actions.clone()
        seen[j] += 1
        assert torch.equal(learner.critic(seen, actions)[1], before) == (j not in heard)
        done[j] = (done[j] + 1) % 3
        # Its own action is not among what agent 1's values for all own actions are made from.
        assert torch.equal(learner.critic(observations, done)[1], before) == (j not in heard or j == 1)


@pytest.mark.parametrize(("method", "heard"), [("pmarl", [0, 2]), ("maac", [0, 2, 3])])
def test_whose_parameters_a_firms_losses_reach(method, heard):
    """docs/pages/sharing.md: through the embeddings, the encoders of those who are heard; else the firm's own alone."""
    learner = make_learner(CHAIN, method=method)
    observations, actions = sample()
    learner.critic(observations, actions)[1].sum().backward()
    reached = {
        name: [i for i in range(AGENTS) if parameter.grad is not None and parameter.grad[i].abs().max() > 0]
        for name, parameter in learner.critic.named_parameters()
        if not name.startswith("attention.")
    }
    assert {name for name in reached if name.startswith("encoder.")} == {
        "encoder.action", "encoder.observation.weight", "encoder.observation.bias"
    }  # fmt: skip
    for name, firms in reached.items():
        assert firms == (heard if name.startswith("encoder.") else [1]), name
    log_pi = learner.policy(observations)
    q = learner.critic(observations, actions).detach()
    losses.policy_loss_expected(log_pi[1:2], q[1:2], torch.tensor([[0.1]])).backward()
    for name, parameter in learner.policy.named_parameters():
        assert [i for i in range(AGENTS) if parameter.grad[i].abs().max() > 0] == [1], name


@pytest.mark.parametrize(("preset", "kind"), [("default", AttentionCritic), ("paper", LiteralCritic)])
def test_the_paper_preset_puts_the_own_action_into_the_encoder(preset, kind):
    assert type(make_learner(CHAIN, preset=preset).critic) is kind


def words_right(method="pmarl", adjacency=None):
    """Share of goals for which a trained speaker says what makes the listener name them."""
    env = WordGame(64)
    env.adjacency_matrix = env.adjacency_matrix if adjacency is None else adjacency
    learner = learn(env, method=method, rollouts=60, gamma=0.6, alpha=0.1, polyak_tau=0.05)
    return (greedy(learner, env)[:, 0] == env.goal).mean()


@pytest.mark.parametrize("method", ["maac", "pmarl"])
def test_a_game_of_two_that_needs_attention(method):
    """The speaker is paid for what the listener heard, which only the listener observes."""
    assert words_right(method) == 1


def test_that_game_is_not_learned_without_attention():
    """The test above can fail: with nobody to attend to, every word is worth the same to the speaker."""
    alone = np.zeros((2, 2), dtype=int)
    assert words_right(adjacency=alone) < 0.8
