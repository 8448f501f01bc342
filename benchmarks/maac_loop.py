"""The same update as `pmarl_trainer.learners.actor_critic.Learner`, agent by agent: baseline and oracle.

Its structure is that of the published MAAC code (github.com/shariqiqbal2810/MAAC, utils/critics.py and
algorithms/attention_sac.py): one module per agent and layer, key, selector and value extractors per head, attention of
one agent at a time over a list of the others' keys, one loss per agent, one optimiser per policy. What is computed
is ours, so that both give the same numbers: neighbours instead of all others where the method says so, agents' weights
in the critic loss, expectations over actions instead of samples, a gradient norm bound for each agent by itself.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.data.replay import Batch
from pmarl_trainer.learners.actor_critic import Learner


class LoopCritic(nn.Module):
    """MAAC's AttentionCritic: everything in lists, one entry per agent (and head)."""

    def __init__(self, sizes: tuple[int, int, int, int], heads: int, neighbours: list[list[int]]) -> None:
        """`sizes`: agents, observation, actions, hidden. `neighbours`: whom each agent attends to."""
        super().__init__()
        n, observation, actions, hidden = sizes
        self.actions, self.neighbours, self.depth = actions, neighbours, hidden // heads
        self.critic_encoders = nn.ModuleList(nn.Linear(observation + actions, hidden) for _ in range(n))
        self.state_encoders = nn.ModuleList(nn.Linear(observation, hidden) for _ in range(n))
        self.critics = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, actions)) for _ in range(n)
        )
        self.selectors = nn.ModuleList(nn.Linear(hidden, self.depth, bias=False) for _ in range(heads))
        self.keys = nn.ModuleList(nn.Linear(hidden, self.depth, bias=False) for _ in range(heads))
        self.values = nn.ModuleList(nn.Linear(hidden, self.depth) for _ in range(heads))

    def forward(self, observations: list[Tensor], actions: list[Tensor]) -> list[Tensor]:
        """Each agent's [B, O] and [B] -> each agent's Q [B, A]."""
        one_hots = [functional.one_hot(a, self.actions).to(o) for o, a in zip(observations, actions, strict=True)]
        inputs = [torch.cat(pair, dim=1) for pair in zip(observations, one_hots, strict=True)]
        encodings = [functional.leaky_relu(f(x)) for f, x in zip(self.critic_encoders, inputs, strict=True)]
        states = [functional.leaky_relu(f(o)) for f, o in zip(self.state_encoders, observations, strict=True)]
        heard: list[list[Tensor]] = [[] for _ in states]
        for key, selector, value in zip(self.keys, self.selectors, self.values, strict=True):
            head_keys = [key(e) for e in encodings]
            head_values = [functional.leaky_relu(value(e)) for e in encodings]
            head_selectors = [selector(s) for s in states]
            for i, others in enumerate(self.neighbours):
                heard[i].append(self._attend(head_selectors[i], head_keys, head_values, others))
        return [
            critic(torch.cat((state, *parts), dim=1))
            for critic, state, parts in zip(self.critics, states, heard, strict=True)
        ]

    def _attend(self, selector: Tensor, keys: list[Tensor], values: list[Tensor], others: list[int]) -> Tensor:
        if not others:
            return torch.zeros_like(selector)
        stacked_keys = torch.stack([keys[j] for j in others]).permute(1, 2, 0)  # [B, D, neighbours]
        stacked_values = torch.stack([values[j] for j in others]).permute(1, 2, 0)
        logits = torch.matmul(selector.view(len(selector), 1, -1), stacked_keys)
        weights = functional.softmax(logits / math.sqrt(self.depth), dim=2)
        return (stacked_values * weights).sum(dim=2)

    def shared_parameters(self) -> list[nn.Parameter]:
        """The attention's."""
        return [p for part in (self.selectors, self.keys, self.values) for p in part.parameters()]

    def agent_parameters(self, i: int) -> list[nn.Parameter]:
        """Agent i's own."""
        return [p for part in (self.critic_encoders, self.state_encoders, self.critics) for p in part[i].parameters()]


class LoopLearner:
    """Policies and critics of N agents, updated one agent after the other.

    Attributes:
        critic, policies: the networks; target_critic, target_policies: their slow copies.
    """

    def __init__(self, learner: Learner, neighbours: list[list[int]]) -> None:
        """Take the networks of a stacked learner, whose optimisers have not stepped yet."""
        config = learner.config
        n, observation, hidden = learner.policy.hidden_1.weight.shape
        actions = learner.policy.logits.weight.shape[-1]
        self.gamma = learner.gamma
        self.config, self.weights, self.scaler = config, learner.weights, learner.scaler
        self.alpha = learner.log_alpha.detach().exp()
        self.critic = LoopCritic((n, observation, actions, hidden), config.attention_heads, neighbours)
        self.policies = nn.ModuleList(
            nn.Sequential(
                nn.Linear(observation, hidden),
                nn.LeakyReLU(),
                nn.Linear(hidden, hidden),
                nn.LeakyReLU(),
                nn.Linear(hidden, actions),
            )
            for _ in range(n)
        )
        dtype = learner.log_alpha.dtype
        self.critic.to(learner.device, dtype), self.policies.to(learner.device, dtype)
        for own, theirs in self.pairs(learner):
            own.data.copy_(theirs)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        self.target_policies = copy.deepcopy(self.policies).requires_grad_(False)
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), lr=config.lr)
        rate = config.policy_lr or config.lr
        self.policy_optimisers = [torch.optim.Adam(policy.parameters(), lr=rate) for policy in self.policies]

    def pairs(self, learner: Learner, *, target: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
        """(Own parameter, the same one's slice of the stacked learner) for every parameter."""
        critic, stacked = (learner.target_critic, learner.target_policy) if target else (learner.critic, learner.policy)
        own, policies = (self.target_critic, self.target_policies) if target else (self.critic, self.policies)
        attention = critic.attention
        for head, columns in enumerate(torch.arange(attention.query.shape[-1]).chunk(attention.heads)):
            for mine, theirs in (
                (own.selectors[head].weight, attention.query[0]),
                (own.keys[head].weight, attention.key[0]),
                (own.values[head].weight, attention.value[0]),
            ):
                yield mine, theirs[:, columns].T
            yield own.values[head].bias, attention.value_bias[0, 0, columns]
        for i, policy in enumerate(policies):
            layers = [
                (own.state_encoders[i], critic.state_encoder),
                (own.critics[i][0], critic.decoder),
                (own.critics[i][2], critic.values),
                (policy[0], stacked.hidden_1),
                (policy[2], stacked.hidden_2),
                (policy[4], stacked.logits),
            ]
            for mine, theirs in layers:
                yield mine.weight, theirs.weight[i].T
                yield mine.bias, theirs.bias[i, 0]
            both = torch.cat((critic.encoder.observation.weight[i], critic.encoder.action[i]))
            yield own.critic_encoders[i].weight, both.T
            yield own.critic_encoders[i].bias, critic.encoder.observation.bias[i, 0]

    def update(self, batch: Batch, generator: torch.Generator) -> None:
        """One step of critic, policies and targets, with the random numbers that the stacked update draws."""
        observations, next_observations = (list(self.scaler(x)) for x in (batch.observations, batch.next_observations))
        self._update_critic(observations, next_observations, batch, generator)
        self._update_policies(observations, generator)
        for target, source in ((self.target_critic, self.critic), (self.target_policies, self.policies)):
            for slow, fast in zip(target.parameters(), source.parameters(), strict=True):
                slow.data.copy_(slow.data * (1 - self.config.polyak_tau) + fast.data * self.config.polyak_tau)

    def _update_critic(
        self, observations: list[Tensor], next_observations: list[Tensor], batch: Batch, generator: torch.Generator
    ) -> None:
        with torch.no_grad():
            log_pis = [
                functional.log_softmax(pi(o), dim=1) for pi, o in self._each(self.target_policies, next_observations)
            ]
            next_qs = self.target_critic(next_observations, _draw(log_pis, generator))
        qs = self.critic(observations, list(batch.actions))
        loss = torch.zeros((), dtype=self.alpha.dtype, device=self.alpha.device)
        for i, (q, next_q, log_pi) in enumerate(zip(qs, next_qs, log_pis, strict=True)):
            value = (log_pi.exp() * (next_q - self.alpha[i] * log_pi)).sum(dim=1)
            target = batch.rewards[i] + self.gamma * (1 - batch.terminated) * value
            taken = q.gather(1, batch.actions[i].unsqueeze(1)).squeeze(1)
            loss = loss + self.weights[i] * functional.mse_loss(taken, target)
        self.critic_optimiser.zero_grad()
        loss.backward()
        for i in range(len(qs)):
            nn.utils.clip_grad_norm_(self.critic.agent_parameters(i), self.config.critic_clip)
        nn.utils.clip_grad_norm_(self.critic.shared_parameters(), self.config.critic_clip)
        self.critic_optimiser.step()

    def _update_policies(self, observations: list[Tensor], generator: torch.Generator) -> None:
        log_pis = [functional.log_softmax(pi(o), dim=1) for pi, o in self._each(self.policies, observations)]
        with torch.no_grad():
            qs = self.critic(observations, _draw(log_pis, generator))
        for i, (log_pi, q, optimiser) in enumerate(zip(log_pis, qs, self.policy_optimisers, strict=True)):
            loss = (log_pi.exp() * (self.alpha[i] * log_pi - q)).sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.policies[i].parameters(), self.config.policy_clip)
            optimiser.step()

    @staticmethod
    def _each(policies: nn.ModuleList, observations: list[Tensor]) -> Iterator[tuple[nn.Module, Tensor]]:
        return zip(policies, observations, strict=True)


def _draw(log_pis: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    """The same numbers as the stacked learner's draw: those of all agents come from one call."""
    uniform = log_pis[0].new_empty(len(log_pis), len(log_pis[0]), 1).uniform_(generator=generator)
    drawn = []
    for log_pi, u in zip(log_pis, uniform, strict=True):
        cumulative = log_pi.detach().exp().cumsum(dim=1)
        drawn.append((cumulative <= u * cumulative[:, -1:] * (1 - 1e-6)).sum(dim=1))
    return drawn
