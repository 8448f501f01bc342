"""The stacked networks against plain loops, and who can see what, by gradients that are exactly zero."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import leaky_relu

from pmarl_trainer.learners.graph import neighbour_mask
from pmarl_trainer.networks.critic import AttentionCritic
from pmarl_trainer.networks.policy import PolicyNetwork
from pmarl_trainer.networks.stacked_critic import CriticShape
from tests.pmarl_trainer.networks.small_inputs import SERIAL, SIZE, A, B, H, K, N, inputs

COMPLETE = np.triu(np.ones((N, N), dtype=int), 1).T - np.triu(np.ones((N, N), dtype=int), 1)


def make_critic(adjacency=SERIAL, attention="neighbours"):
    generator = torch.Generator().manual_seed(7)
    mask = torch.as_tensor(neighbour_mask(adjacency, attention))
    return AttentionCritic(CriticShape(SIZE, A, H, K, mask), generator).double()


def loop_critic(critic, observations, actions, neighbours):
    """Eqs. 12-15 agent by agent, sample by sample, head by head: the same formulas with nothing stacked."""
    q = torch.zeros(N, B, A, dtype=torch.float64)
    attention, depth = critic.attention, H // K
    for sample in range(B):
        state, embedding = [], []
        for i in range(N):
            o = observations[i, sample]
            one_hot = torch.eye(A, dtype=torch.float64)[actions[i, sample]]
            state.append(leaky_relu(o @ critic.state_encoder.weight[i] + critic.state_encoder.bias[i, 0]))
            both = torch.cat((critic.encoder.observation.weight[i], critic.encoder.action[i]))
            embedding.append(leaky_relu(torch.cat((o, one_hot)) @ both + critic.encoder.observation.bias[i, 0]))
        for i in range(N):
            heard = torch.zeros(H, dtype=torch.float64)
            for head in range(K):
                part = slice(head * depth, (head + 1) * depth)
                query = state[i] @ attention.query[0, :, part]
                scores = [query @ (embedding[j] @ attention.key[0, :, part]) / math.sqrt(depth) for j in neighbours[i]]
                if not scores:
                    continue
                for weight, j in zip(torch.stack(scores).softmax(0), neighbours[i], strict=True):
                    value = leaky_relu(embedding[j] @ attention.value[0, :, part] + attention.value_bias[0, 0, part])
                    heard[part] += weight * value
            inner = torch.cat((state[i], heard)) @ critic.decoder.weight[i] + critic.decoder.bias[i, 0]
            q[i, sample] = leaky_relu(inner) @ critic.values.weight[i] + critic.values.bias[i, 0]
    return q


@pytest.mark.parametrize("attention", ["neighbours", "all"])
def test_stacked_critic_equals_a_plain_loop(attention):
    critic, (observations, actions) = make_critic(attention=attention), inputs()
    mask = neighbour_mask(SERIAL, attention)
    neighbours = [np.flatnonzero(row).tolist() for row in mask]
    expected = loop_critic(critic, observations, actions, neighbours)
    torch.testing.assert_close(critic(observations, actions), expected, rtol=0, atol=1e-12)


def test_no_neighbours_gives_finite_values_and_gradients():
    critic, (observations, actions) = make_critic(), inputs()
    critic(observations, actions)[3].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in critic.parameters() if p.grad is not None)
    for parameter in critic.shared_parameters():
        assert parameter.grad is None or (parameter.grad == 0).all()


def gradient_of_q(critic, agent):
    """d Q_agent / d observations, [N]: the largest size per agent observed."""
    observations, actions = inputs()
    observations.requires_grad_()
    critic(observations, actions)[agent].sum().backward()
    return observations.grad.abs().amax(dim=(1, 2)).tolist()


def test_pmarl_values_ignore_non_neighbours_and_maac_values_do_not():
    near = gradient_of_q(make_critic(attention="neighbours"), 0)
    assert near[0] > 0
    assert near[1] > 0
    assert near[2:] == [0, 0]  # exactly
    assert min(gradient_of_q(make_critic(attention="all"), 0)) > 0


@pytest.mark.parametrize("attention", ["neighbours", "all"])
def test_values_of_all_own_actions_do_not_depend_on_the_own_action(attention):
    critic, (observations, actions) = make_critic(attention=attention), inputs()
    other = actions.clone()
    other[1] = (other[1] + 1) % A
    before, after = critic(observations, actions), critic(observations, other)
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[0], after[0])  # a neighbour's values do see it


def test_on_a_complete_graph_pmarl_is_maac():
    observations, actions = inputs()
    near, everyone = (make_critic(COMPLETE, attention)(observations, actions) for attention in ("neighbours", "all"))
    assert torch.equal(near, everyone)


def make_policy(visible, num_actions=(6, 6, 6, 6)):
    policy = PolicyNetwork(
        SIZE, torch.tensor(num_actions), H, visible=visible, generator=torch.Generator().manual_seed(1)
    )
    return policy.double()


@pytest.mark.parametrize("sees", [None, [False, True, True, False], [True] * 4])
def test_local_policies_depend_on_their_own_observation_only_others_on_what_is_visible(sees):
    observations, _ = inputs()
    observations.requires_grad_()
    visible = None if sees is None else np.array([[True] * 4, [True] * 4, sees, [True] * 4])
    make_policy(visible)(observations)[2, :, 0].sum().backward()
    sizes = observations.grad.abs().amax(dim=(1, 2)).tolist()
    assert [size > 0 for size in sizes] == (sees or [False, False, True, False])


def test_fv_reads_observations_in_the_same_order_for_every_sample():
    """Permuting the batch permutes the result: agents and samples are not mixed up on the way."""
    observations, _ = inputs()
    policy, order = make_policy(np.full((N, N), True)), torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(policy(observations[:, order]), policy(observations)[:, order])


def test_actions_beyond_an_agents_own_have_probability_zero():
    log_pi = make_policy(None, num_actions=(6, 2, 1, 4))(inputs()[0])
    possible = (log_pi.exp() > 0).all(dim=1).sum(dim=-1)
    assert possible.tolist() == [6, 2, 1, 4]
    torch.testing.assert_close(log_pi.exp().sum(-1), torch.ones(N, B, dtype=torch.float64))


def test_every_parameter_but_the_attention_is_one_slice_per_agent():
    critic = make_critic()
    assert all(parameter.shape[0] == N for parameter in critic.stacked_parameters())
    assert {tuple(p.shape) for p in critic.shared_parameters()} == {(1, H, H), (1, 1, H)}
    assert all(parameter.shape[0] == N for parameter in make_policy(np.full((N, N), True)).parameters())
