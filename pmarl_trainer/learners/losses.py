"""The losses: one equation, one pure function. Numbers are the paper's (Sustainability 2024, 16(22), 9996).

Shapes: N agents, B batch, A actions. `log_pi` [N, B, A] are the policies' log-probabilities, an impossible action's a
large negative number whose exp is 0. `alpha` [N, 1] is each agent's entropy temperature.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def of_action(values: Tensor, actions: Tensor) -> Tensor:
    """[N, B, A], [N, B] int -> [N, B]: the value of the action taken."""
    return values.gather(-1, actions.unsqueeze(-1)).squeeze(-1)


def batch_mean(values: Tensor, active: Tensor | None = None) -> Tensor:
    """Mean over the batch of those of an agent's values for which it was there: [N, B] twice -> [N]; None: always."""
    if active is None:
        return values.mean(dim=1)
    return torch.where(active, values, 0.0).sum(dim=1) / active.sum(dim=1).clamp(min=1)


def entropy(log_pi: Tensor) -> Tensor:
    """H(pi_i) = -sum_a pi_i(a) log pi_i(a), [N, B, A] -> [N, B]."""
    return -(log_pi.exp() * log_pi).sum(-1)


def counterfactual_baseline(log_pi: Tensor, q: Tensor) -> Tensor:
    """b_i(s) = E_{a_i ~ pi_i}[Q_i(o, (a_i, a_-i))] (paper, below eq. 9): [N, B, A] twice -> [N, B]."""
    return (log_pi.exp() * q).sum(-1)


def soft_value(log_pi: Tensor, q: Tensor, alpha: Tensor) -> Tensor:
    """E_{a_i ~ pi_i}[Q_i - alpha_i log pi_i(a_i | o_i)], exactly, over the agent's own actions -> [N, B]."""
    return counterfactual_baseline(log_pi, q) + alpha * entropy(log_pi)


def critic_target(rewards: Tensor, terminated: Tensor, next_value: Tensor, gamma: float) -> Tensor:
    """y_i = r_i + gamma E[Q'_i(o', a') - alpha log pi'_i(a'_i | o'_i)] (paper eq. 10), [N, B].

    `next_value` is the expectation. `terminated` [N, B] is 1 where agent i's episode really ended. A truncation is
    none: its next value counts.
    """
    return rewards + gamma * (1 - terminated) * next_value


def critic_loss(
    q: Tensor, targets: Tensor, weights: Tensor, huber_delta: float | None = None, active: Tensor | None = None
) -> Tensor:
    """sum_i sigma_G(i) mean_B (Q_i - y_i)^2 (paper eqs. 16-17): q, targets [N, B], weights [N] -> scalar.

    With `huber_delta` the error is squared up to it and linear beyond. `active` [N, B] as in `batch_mean`.
    """
    if huber_delta is None:
        errors = (q - targets).square()
    else:
        errors = 2 * functional.huber_loss(q, targets, reduction="none", delta=huber_delta)
    return (weights * batch_mean(errors, active)).sum()


def policy_loss_expected(log_pi: Tensor, q: Tensor, alpha: Tensor, active: Tensor | None = None) -> Tensor:
    """sum_i mean_B sum_a pi_i(a) (alpha_i log pi_i(a) - Q_i(a)): its gradient is eq. 9's, expectation taken exactly.

    The baseline b_i would add a constant times sum_a grad pi_i(a) = 0, so it is absent here.
    """
    return -batch_mean(soft_value(log_pi, q.detach(), alpha), active).sum()


def policy_loss_sampled(
    log_pi: Tensor, q: Tensor, actions: Tensor, alpha: Tensor, active: Tensor | None = None
) -> Tensor:
    """-sum_i mean_B log pi_i(a_i) [Q_i(a_i) - b_i - alpha_i log pi_i(a_i)], the bracket constant (paper eq. 9).

    `actions` [N, B] are drawn from pi.
    """
    taken = of_action(log_pi, actions)
    with torch.no_grad():
        advantage = of_action(q, actions) - counterfactual_baseline(log_pi, q) - alpha * taken
    return -batch_mean(taken * advantage, active).sum()


def temperature_loss(log_alpha: Tensor, policy_entropy: Tensor, target_entropy: Tensor) -> Tensor:
    """sum_i log alpha_i (H_i - target_i), all [N]: alpha_i grows while the policy's entropy is below its target."""
    return (log_alpha * (policy_entropy - target_entropy).detach()).sum()
