"""Whole updates of the presets, computed here agent by agent from what was published, and not from our code.

`maac-reference` after github.com/shariqiqbal2810/MAAC (utils/critics.py, utils/policies.py,
algorithms/attention_sac.py); `paper` after equations 9, 10 and 12 to 17 of Sustainability 2024, 16(22), 9996. Only the
initial parameters, the batches and the uniform numbers behind drawn actions are shared.
"""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pmarl_trainer.config.files import build_config
from pmarl_trainer.data.replay import Batch
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner

N, B, SIZE, A, H, K = 5, 7, 4, 3, 8, 2
LINKS = ((0, 1), (1, 2), (1, 3), (0, 4))  # supplier, customer: 0 -> 1 -> 2, 3 and 0 -> 4


def make_learner(**train):
    adjacency = np.zeros((N, N), dtype=int)
    for supplier, customer in LINKS:
        adjacency[supplier, customer], adjacency[customer, supplier] = -1, 1
    spec = EnvSpec(
        agents=tuple("abcde"),
        observation_size=SIZE,
        num_actions=np.full(N, A),
        adjacency=adjacency,
        reward_delay=np.zeros(N, dtype=int),
        observation_scale=np.array([1, 2, 3, 4, 5], dtype=np.float32),
        max_steps=9,
        gamma=0.9,
    )
    settings = {"hidden_size": H, "attention_heads": K, **train}
    config = build_config({"env": {"entry": "a:b"}, "train": settings}, "test").train
    learner = Learner(spec, config, torch.device("cpu"))
    for module in learner.modules().values():
        module.double()
    learner.weights, learner.log_alpha = learner.weights.double(), learner.log_alpha.detach().double()
    return learner


def make_batch(seed):
    rng = torch.Generator().manual_seed(seed)
    observations, next_observations = torch.rand(2, N, B, SIZE, generator=rng, dtype=torch.float64) * 4
    rewards = 3 + 2 * torch.randn(N, B, generator=rng, dtype=torch.float64)
    ended = torch.zeros(B, dtype=torch.float64)
    ended[0] = 1
    return Batch(observations, torch.randint(A, (N, B), generator=rng), rewards, ended, next_observations)


def drawn(probabilities, rng):
    """An action a row, [N][B], from the same uniform numbers as the trainer's."""
    uniform = torch.empty(N, B, 1, dtype=torch.float64).uniform_(generator=rng)
    return [(p.detach().cumsum(1) <= u).sum(1).clamp(max=A - 1) for p, u in zip(probabilities, uniform, strict=True)]


def linear(inputs, outputs, weight, bias=None):
    """torch's own layer with given parameters; ours are [in, out]."""
    layer = nn.Linear(inputs, outputs, bias=bias is not None).double()
    layer.weight.data.copy_(weight.T)
    if bias is not None:
        layer.bias.data.copy_(bias.reshape(-1))
    return layer


# --- the code published with MAAC


class PublishedCritic(nn.Module):
    def __init__(self, ours):
        super().__init__()
        bn, encoder, attention = nn.BatchNorm1d, ours.encoder, ours.attention
        self.encoders, self.state_encoders, self.critics = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i in range(N):
            both = torch.cat((encoder.observation.weight[i], encoder.action[i]))
            layer = linear(SIZE + A, H, both, encoder.observation.bias[i])
            self.encoders.append(nn.Sequential(bn(SIZE + A, affine=False), layer, nn.LeakyReLU()))
            layer = linear(SIZE, H, ours.state_encoder.weight[i], ours.state_encoder.bias[i])
            self.state_encoders.append(nn.Sequential(bn(SIZE, affine=False), layer, nn.LeakyReLU()))
            first = linear(2 * H, H, ours.decoder.weight[i], ours.decoder.bias[i])
            last = linear(H, A, ours.values.weight[i], ours.values.bias[i])
            self.critics.append(nn.Sequential(first, nn.LeakyReLU(), last))
        self.selectors, self.keys, self.extractors = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for head in range(K):
            part = slice(head * H // K, (head + 1) * H // K)
            self.selectors.append(linear(H, H // K, attention.query[0, :, part]))
            self.keys.append(linear(H, H // K, attention.key[0, :, part]))
            value = linear(H, H // K, attention.value[0, :, part], attention.value_bias[0, 0, part])
            self.extractors.append(nn.Sequential(value, nn.LeakyReLU()))

    def forward(self, observations, actions):
        """Each agent's values of all its actions, and its regulariser."""
        pairs = zip(observations, actions, strict=True)
        inputs = [torch.cat((o, functional.one_hot(a, A).double()), dim=1) for o, a in pairs]
        encodings = [f(x) for f, x in zip(self.encoders, inputs, strict=True)]
        states = [f(o) for f, o in zip(self.state_encoders, observations, strict=True)]
        values, regularisers = [], []
        for i in range(N):
            heard, square = [], 0.0
            others = [j for j in range(N) if j != i]
            for select, key, extract in zip(self.selectors, self.keys, self.extractors, strict=True):
                logits = torch.stack([(select(states[i]) * key(encodings[j])).sum(1) for j in others], dim=1)
                weights = (logits / math.sqrt(H // K)).softmax(dim=1)
                heard.append(sum(weights[:, [k]] * extract(encodings[j]) for k, j in enumerate(others)))
                square = square + logits.square().mean()
            values.append(self.critics[i](torch.cat((states[i], *heard), dim=1)))
            regularisers.append(1e-3 * square)
        return values, regularisers

    def shared(self):
        return [p for m in (self.selectors, self.keys, self.extractors, self.encoders) for p in m.parameters()]


class PublishedMAAC:
    """lr 1e-3, tau 1e-3, gamma 0.99, reward_scale 100, weight decay 1e-3."""

    def __init__(self, learner):
        policy = learner.policy
        self.critic = PublishedCritic(learner.critic)
        self.policies = [
            nn.Sequential(
                nn.BatchNorm1d(SIZE, affine=False).double(),
                linear(SIZE, H, policy.hidden_1.weight[i], policy.hidden_1.bias[i]), nn.LeakyReLU(),
                linear(H, H, policy.hidden_2.weight[i], policy.hidden_2.bias[i]), nn.LeakyReLU(),
                linear(H, A, policy.logits.weight[i], policy.logits.bias[i]),
            )
            for i in range(N)
        ]  # fmt: skip
        self.critic.double()
        self.target_critic, self.target_policies = copy.deepcopy(self.critic), copy.deepcopy(self.policies)
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), lr=1e-3, weight_decay=1e-3)
        self.optimisers = [torch.optim.Adam(policy.parameters(), lr=1e-3) for policy in self.policies]

    def update(self, batch, rewards, rng):
        self._update_critic(batch, rewards, rng)
        logits = [policy(o) for policy, o in zip(self.policies, batch.observations, strict=True)]
        actions = drawn([x.softmax(1) for x in logits], rng)
        with torch.no_grad():
            values, _ = self.critic(batch.observations, actions)
        for i in range(N):
            log_pi = logits[i].log_softmax(1)
            taken = log_pi.gather(1, actions[i][:, None])
            baseline = (log_pi.exp() * values[i]).sum(1, keepdim=True)
            advantage = values[i].gather(1, actions[i][:, None]) - baseline
            loss = (taken * (taken / 100 - advantage).detach()).mean() + 1e-3 * logits[i].square().mean()
            self.optimisers[i].zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.policies[i].parameters(), 0.5)
            self.optimisers[i].step()
        slow, fast = (self.target_critic, *self.target_policies), (self.critic, *self.policies)
        for target, source in zip(slow, fast, strict=True):
            for p, q in zip(target.parameters(), source.parameters(), strict=True):
                p.data.copy_(p.data * (1 - 1e-3) + q.data * 1e-3)

    def _update_critic(self, batch, rewards, rng):
        with torch.no_grad():
            pairs = zip(self.target_policies, batch.next_observations, strict=True)
            log_pi = [policy(o).log_softmax(1) for policy, o in pairs]
            actions = drawn([x.exp() for x in log_pi], rng)
            following, _ = self.target_critic(batch.next_observations, actions)
        values, regularisers = self.critic(batch.observations, batch.actions)
        loss = 0.0
        for i in range(N):
            next_q = following[i].gather(1, actions[i][:, None])[:, 0]
            target = rewards[i] + 0.99 * next_q * (1 - batch.terminated)
            target = target - log_pi[i].gather(1, actions[i][:, None])[:, 0] / 100
            q = values[i].gather(1, batch.actions[i][:, None])[:, 0]
            loss = loss + functional.mse_loss(q, target) + regularisers[i]
        self.critic_optimiser.zero_grad()
        loss.backward()
        for parameter in self.critic.shared():
            parameter.grad.mul_(1 / N)
        nn.utils.clip_grad_norm_(self.critic.parameters(), 10 * N)
        self.critic_optimiser.step()


def published_state(oracle, target=False):
    critic, policies = (oracle.target_critic, oracle.target_policies) if target else (oracle.critic, oracle.policies)
    return torch.cat([p.detach().flatten() for module in (critic, *policies) for p in module.parameters()])


def our_state(learner, target=False):
    """Our parameters in the published order: a fresh oracle is filled from them."""
    view = copy.copy(learner)
    if target:
        view.policy, view.critic = learner.target_policy, learner.target_critic
    return published_state(PublishedMAAC(view))


def test_maac_reference_makes_the_update_of_the_published_code():
    learner = make_learner(preset="maac-reference", method="maac", hidden_size=H, attention_heads=K)
    with torch.no_grad():  # so that clipping binds, and the target differs from the start
        learner.critic.values.weight.mul_(20)
    learner.target_critic = copy.deepcopy(learner.critic).requires_grad_(False)
    seen = torch.stack([make_batch(k).rewards for k in range(4)]).permute(0, 2, 1).reshape(-1, N)
    learner.reward_moments.update(seen)
    mean, std = seen.mean(0)[:, None], seen.std(0, correction=0)[:, None]
    oracle = PublishedMAAC(learner)
    before = published_state(oracle)
    for k in range(4):
        batch = make_batch(k)
        learner.update(batch, torch.Generator().manual_seed(k))
        oracle.update(batch, (batch.rewards - mean.float()) / std.float(), torch.Generator().manual_seed(k))
    assert (published_state(oracle) - before).abs().max() > 1e-3
    torch.testing.assert_close(our_state(learner), published_state(oracle), rtol=0, atol=1e-9)
    torch.testing.assert_close(our_state(learner, target=True), published_state(oracle, target=True), rtol=0, atol=1e-9)


def test_initialisation_as_torch_does():
    """Uniform within 1 / sqrt(inputs), weights and biases: the largest of many comes close to the bound."""
    learner = make_learner(initialisation="torch", hidden_size=64)
    critic, policy = learner.critic, learner.policy
    inputs = {
        critic.state_encoder.weight: SIZE, critic.state_encoder.bias: SIZE, critic.encoder.observation.weight: SIZE + A,
        critic.encoder.observation.bias: SIZE + A, critic.encoder.action: SIZE + A, critic.decoder.bias: 128,
        critic.values.weight: 64, policy.logits.weight: 64, policy.hidden_2.weight: 64, critic.attention.query: 64,
    }  # fmt: skip
    for parameter, size in inputs.items():
        assert 0.9 < float(parameter.detach().abs().max()) * math.sqrt(size) <= 1


# --- the paper's equations

NEIGHBOURS = [sorted({s for s, c in LINKS if c == i} | {c for s, c in LINKS if s == i}) for i in range(N)]
DEGREES = [(sum(c == i for _, c in LINKS), sum(s == i for s, _ in LINKS)) for i in range(N)]
SIGMA = [(1 + math.log(DEGREES.count(own))) / DEGREES.count(own) for own in DEGREES]  # eq. 17


def q_value(p, observations, actions, i):
    """Q_i(o_i, a_i) of one sample: equations 12 to 15 with parameters `p`."""

    def embedding(j):  # eq. 12
        hot = functional.one_hot(torch.as_tensor(actions[j]), A).double()
        return functional.leaky_relu(observations[j] @ p["f"][j] + hot @ p["f_action"][j] + p["f_bias"][j, 0])

    e, heads = embedding(i), []
    others = [embedding(j) for j in NEIGHBOURS[i]]
    for head in range(K):
        own = slice(head * H // K, (head + 1) * H // K)
        w_q, w_k, w_v = (p[name][0][:, own].T for name in ("q", "k", "v"))
        beta = torch.stack([x @ w_k.T @ w_q @ e / math.sqrt(H // K) for x in others]).softmax(0)  # eq. 14
        heads.append(sum(b * (w_v @ x) for b, x in zip(beta, others, strict=True)))  # eq. 13
    inner = functional.leaky_relu(torch.cat((e, *heads)) @ p["g"][i] + p["g_bias"][i, 0])
    return (inner @ p["out"][i] + p["out_bias"][i, 0])[0]  # eq. 15


def all_q(p, observations, actions, i):
    """Q_i for each own action, the others' given."""
    return torch.stack([q_value(p, observations, [*actions[:i], a, *actions[i + 1 :]], i) for a in range(A)])


def log_policies(p, observations):
    """log pi_i(. | o_i), [N] of [B, A]."""
    found = []
    for i in range(N):
        x = functional.leaky_relu(observations[i] @ p[0][i] + p[1][i, 0])
        x = functional.leaky_relu(x @ p[2][i] + p[3][i, 0])
        found.append((x @ p[4][i] + p[5][i, 0]).log_softmax(-1))
    return found


def paper_critic(critic):
    encoder, attention = critic.encoder, critic.attention
    return {
        "f": encoder.observation.weight, "f_action": encoder.action, "f_bias": encoder.observation.bias,
        "q": attention.query, "k": attention.key, "v": attention.value,
        "g": critic.decoder.weight, "g_bias": critic.decoder.bias,
        "out": critic.values.weight, "out_bias": critic.values.bias,
    }  # fmt: skip


def paper_policy(policy):
    return [p for layer in (policy.hidden_1, policy.hidden_2, policy.logits) for p in (layer.weight, layer.bias)]


def by_sample(actions):
    """[N][B] -> [B] lists of N."""
    return torch.stack(list(actions)).T.tolist()


def paper_losses(critic, policy, target_critic, target_policy, batch, seen, following, alpha, gamma, rng):
    """Equation 16's loss, and minus the objective whose gradient is equation 9: functions, to be called in turn."""
    with torch.no_grad():
        log_pi = log_policies(target_policy, following)
        others = by_sample(drawn([x.exp() for x in log_pi], rng))

    def critic_loss():
        loss = 0.0
        for i in range(N):
            for s in range(B):
                with torch.no_grad():
                    q = all_q(target_critic, following[:, s], others[s], i)
                    value = (log_pi[i][s].exp() * (q - alpha * log_pi[i][s])).sum()
                    y = batch.rewards[i, s] + gamma * (1 - batch.terminated[s]) * value  # eq. 10
                loss = loss + SIGMA[i] * (q_value(critic, seen[:, s], batch.actions[:, s].tolist(), i) - y) ** 2 / B
        return loss

    def policy_loss():
        now = log_policies(policy, seen)
        others = by_sample(drawn([x.exp() for x in now], rng))
        objective = 0.0
        for i in range(N):
            for s in range(B):
                with torch.no_grad():
                    q, pi = all_q(critic, seen[:, s], others[s], i), now[i][s].exp()
                    bracket = q - alpha * now[i][s] - (pi * q).sum()  # b(s) = E[Q_i(o_i, (a_i, a_-i))]
                objective = objective + (pi * now[i][s] * bracket).sum() / B  # E over a_i of eq. 9
        return -objective

    return critic_loss, policy_loss


def test_preset_paper_makes_the_update_of_the_equations():
    learner = make_learner(preset="paper", alpha=0.1, critic_clip=1e6, policy_clip=1e6, polyak_tau=0.1)
    with torch.no_grad():  # so that more than rounding depends on every part
        learner.critic.values.weight.mul_(10)
        learner.policy.logits.weight.mul_(30)
    critic = {name: p.detach().clone().requires_grad_() for name, p in paper_critic(learner.critic).items()}
    policy = [p.detach().clone().requires_grad_() for p in paper_policy(learner.policy)]
    slow_critic = {name: p.detach().clone() for name, p in paper_critic(learner.target_critic).items()}
    slow_policy = [p.detach().clone() for p in paper_policy(learner.target_policy)]
    critic_optimiser = torch.optim.Adam(critic.values(), lr=learner.config.lr)
    policy_optimiser = torch.optim.Adam(policy, lr=learner.config.policy_lr)
    scale = torch.arange(1, N + 1).view(N, 1, 1)
    for k in range(2):
        batch, rng = make_batch(k), torch.Generator().manual_seed(k)
        seen, following = batch.observations / scale - 1, batch.next_observations / scale - 1
        learner.update(batch, torch.Generator().manual_seed(k))
        nets = (critic, policy, slow_critic, slow_policy)
        for loss, optimiser in zip(
            paper_losses(*nets, batch, seen, following, 0.1, 0.9, rng),
            (critic_optimiser, policy_optimiser),
            strict=True,
        ):
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()
        slow = (*slow_critic.values(), *slow_policy)
        for target, source in zip(slow, (*critic.values(), *policy), strict=True):
            target.lerp_(source.detach(), 0.1)
    ours = (*paper_critic(learner.critic).values(), *paper_policy(learner.policy))
    for own, expected in zip(ours, (*critic.values(), *policy), strict=True):
        torch.testing.assert_close(own, expected, rtol=0, atol=1e-7)
    for own, expected in zip(paper_critic(learner.target_critic).values(), slow_critic.values(), strict=True):
        torch.testing.assert_close(own, expected, rtol=0, atol=1e-7)
    assert learner.critic.attention.value_bias is None


def test_the_default_is_neither():
    """Otherwise the comparisons above would not tell the presets' switches from the defaults."""
    assert make_learner().critic.attention.value_bias is not None
    assert pytest.approx(0.9) == make_learner().gamma
