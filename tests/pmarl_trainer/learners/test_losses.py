"""Each equation against numbers worked out by hand. N = 1 agent unless said otherwise."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pmarl_trainer.learners import losses


def test_counterfactual_baseline_is_the_policy_mean_of_q():
    log_pi = torch.tensor([[[0.25, 0.75]]]).log()
    assert losses.counterfactual_baseline(log_pi, torch.tensor([[[4.0, 8.0]]])).item() == pytest.approx(7.0)


def test_soft_value_adds_alpha_times_entropy():
    log_pi = torch.tensor([[[0.5, 0.5]]]).log()
    value = losses.soft_value(log_pi, torch.tensor([[[1.0, 3.0]]]), torch.tensor([[0.1]]))
    assert value.item() == pytest.approx(2 + 0.1 * math.log(2))


def test_critic_target_bootstraps_unless_really_terminated():
    rewards, value = torch.tensor([[1.0, 1.0]]), torch.tensor([[10.0, 10.0]])
    target = losses.critic_target(rewards, torch.tensor([0.0, 1.0]), value, gamma=0.9)
    assert target.tolist() == [[10.0, 1.0]]  # 1 + 0.9 * 10, and 1 alone


def test_critic_loss_weighs_each_agents_mean_square():
    q, targets = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 1.0]])
    # agent 0: (1 + 4) / 2 = 2.5; agent 1: (9 + 1) / 2 = 5; 2 * 2.5 + 0.5 * 5 = 7.5
    assert losses.critic_loss(q, targets, torch.tensor([2.0, 0.5])).item() == pytest.approx(7.5)


def test_huber_equals_the_square_within_delta_and_is_linear_beyond():
    weights = torch.ones(1)
    small = losses.critic_loss(torch.tensor([[0.5]]), torch.zeros(1, 1), weights, huber_delta=1.0)
    large = losses.critic_loss(torch.tensor([[5.0]]), torch.zeros(1, 1), weights, huber_delta=1.0)
    assert small.item() == pytest.approx(0.25)
    assert large.item() == pytest.approx(2 * (5 - 0.5))


def test_expected_policy_loss_by_hand():
    log_pi = torch.tensor([[[0.25, 0.75]]]).log()
    loss = losses.policy_loss_expected(log_pi, torch.tensor([[[4.0, 8.0]]]), torch.tensor([[0.1]]))
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert loss.item() == pytest.approx(-(7.0 + 0.1 * entropy))


def test_sampled_policy_loss_by_hand():
    log_pi = torch.tensor([[[0.25, 0.75]]]).log()
    loss = losses.policy_loss_sampled(log_pi, torch.tensor([[[4.0, 8.0]]]), torch.tensor([[0]]), torch.tensor([[0.0]]))
    assert loss.item() == pytest.approx(-math.log(0.25) * (4.0 - 7.0))


@given(st.integers(0, 2**31 - 1))
def test_sampled_gradient_averages_to_the_expected_one(seed):
    """Eq. 9: the sum over actions of pi(a) times the sampled gradient of a is the expected form's gradient."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    q = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    alpha = torch.tensor([[0.1], [0.7]], dtype=torch.float64)
    (expected,) = torch.autograd.grad(losses.policy_loss_expected(logits.log_softmax(-1), q, alpha), logits)
    total = torch.zeros_like(expected)
    for action in range(4):
        # one agent and one sample at a time, so that each can be weighed by its own probability of the action
        for agent in range(2):
            for sample in range(3):
                part = logits[agent : agent + 1, sample : sample + 1].log_softmax(-1)
                chosen = torch.tensor([[action]])
                loss = losses.policy_loss_sampled(
                    part, q[agent : agent + 1, sample : sample + 1], chosen, alpha[agent : agent + 1]
                )
                (gradient,) = torch.autograd.grad(loss, logits)
                total += part[0, 0, action].exp().detach() * gradient / 3
    torch.testing.assert_close(total, expected)


def test_impossible_actions_neither_count_nor_make_nan():
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    possible = torch.tensor([True, True, False])
    log_pi = logits.masked_fill(~possible, -1e9).log_softmax(-1)
    q = torch.tensor([[[1.0, 1.0, 1000.0]]])
    loss = losses.policy_loss_expected(log_pi, q, torch.tensor([[0.1]]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == pytest.approx(-(1 + 0.1 * math.log(2)))
    assert torch.isfinite(gradient).all()
    assert gradient[0, 0, 2] == 0


def test_temperature_grows_below_the_target_entropy():
    log_alpha = torch.zeros(2, requires_grad=True)
    loss = losses.temperature_loss(log_alpha, torch.tensor([0.1, 0.9]), torch.tensor([0.5, 0.5]))
    (gradient,) = torch.autograd.grad(loss, log_alpha)
    assert gradient[0] < 0 < gradient[1]  # a step downhill raises the first, lowers the second


def test_losses_are_means_over_the_batch_and_sums_over_agents():
    """Two agents, three samples, three actions: each agent's loss alone, sample by sample, by plain arithmetic."""
    generator = torch.Generator().manual_seed(0)
    log_pi = torch.randn(2, 3, 3, generator=generator).log_softmax(-1)
    q, alpha = torch.randn(2, 3, 3, generator=generator), torch.tensor([[0.1], [0.4]])
    actions = torch.tensor([[0, 2, 1], [1, 1, 0]])
    expected = 0.0
    for i in range(2):
        for b in range(3):
            pi, a = log_pi[i, b].exp(), int(actions[i, b])
            advantage = q[i, b, a] - (pi * q[i, b]).sum() - alpha[i, 0] * log_pi[i, b, a]
            expected -= float(log_pi[i, b, a] * advantage) / 3
    assert losses.policy_loss_sampled(log_pi, q, actions, alpha).item() == pytest.approx(expected, rel=1e-5)
    log_alpha, entropy, target = torch.tensor([-1.0, -2.0]), torch.tensor([0.5, 0.9]), torch.tensor([0.3, 1.2])
    loss = losses.temperature_loss(log_alpha, entropy, target)
    assert loss.item() == pytest.approx(-1.0 * (0.5 - 0.3) - 2.0 * (0.9 - 1.2), rel=1e-5)


def test_a_batch_mean_counts_an_agents_own_samples_only():
    values = torch.tensor([[1.0, 2.0, 6.0], [5.0, 7.0, 9.0], [float("inf"), 3.0, 4.0], [8.0, 8.0, 8.0]])
    active = torch.tensor([[1, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]]).bool()
    assert losses.batch_mean(values, active).tolist() == [3.0, 7.0, 3.5, 0.0]  # nobody there: 0
