"""Discrete soft actor-critic for N agents with attention critics: MAAC, PMaRL and FV (paper section 4)."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from pmarl_trainer import losses
from pmarl_trainer.config import TrainConfig
from pmarl_trainer.env_api import BatchedEnv, EnvSpec
from pmarl_trainer.evaluation import Outcome, play_actor
from pmarl_trainer.graph import group_weights, neighbour_mask
from pmarl_trainer.networks import Actor, AttentionCritic
from pmarl_trainer.replay import Batch
from pmarl_trainer.rollout import Episodes
from pmarl_trainer.scaling import ObservationScaler, RunningMoments
from pmarl_trainer.seeds import derived_seed


class Learner:
    """The policies and critics of all agents, and the step that improves them.

    Attributes:
        actor, critic: the networks; target_actor, target_critic: their slow copies.
        log_alpha: [N] log of each agent's entropy temperature.
        weights: [N] sigma_G(i), the agents' weights in the critic loss.
    """

    def __init__(self, spec: EnvSpec, config: TrainConfig, device: torch.device) -> None:
        """Networks for the environment of `spec`, initialised from the configuration's seed."""
        row, n = config.row, len(spec.agents)
        generator = torch.Generator().manual_seed(derived_seed(config.seed, "init"))  # on the CPU: device-independent
        num_actions = torch.as_tensor(spec.num_actions)
        mask = torch.as_tensor(neighbour_mask(spec.adjacency, row.attention))
        size, hidden, actions = spec.observation_size, config.hidden_size, int(num_actions.max())
        sees_all = row.policy_input == "global"
        self.config, self.device = config, device
        self.actor = Actor(size, num_actions, hidden, sees_all=sees_all, generator=generator).to(device)
        self.critic = AttentionCritic(size, actions, hidden, config.attention_heads, mask, generator).to(device)
        self.target_actor = copy.deepcopy(self.actor).requires_grad_(False)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        scale = None if spec.observation_scale is None else torch.as_tensor(spec.observation_scale)
        self.scaler = ObservationScaler(scale, n, size, symlog=config.observation_transform == "symlog").to(device)
        self.reward_moments = RunningMoments((n,)).to(device)
        self.weights = torch.as_tensor(group_weights(spec.adjacency, row.group_weights)).float().to(device)
        self.max_entropy = num_actions.float().log().to(device)
        self.log_alpha = torch.full((n,), math.log(max(config.alpha, 1e-8)), device=device, requires_grad=True)
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), lr=config.lr, fused=True)
        self.policy_optimiser = torch.optim.Adam(self.actor.parameters(), lr=config.policy_lr or config.lr, fused=True)
        self.alpha_optimiser = torch.optim.Adam([self.log_alpha], lr=config.alpha_lr)

    @torch.no_grad()
    def act(self, observations: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Actions [N, B] for raw observations [N, B, O]: drawn with `generator`, the most probable without."""
        log_pi = self.actor(self.scaler(observations))
        return log_pi.argmax(dim=-1) if generator is None else draw(log_pi, generator)

    def observe(self, episodes: Episodes) -> None:
        """Learn what is needed to scale observations and rewards; `episodes` are aligned."""
        within = torch.arange(len(episodes.actions), device=self.device).unsqueeze(1) < episodes.lengths
        if bool(within.any()):
            self.scaler.update(episodes.observations[:-1][within])
            self.reward_moments.update(episodes.rewards[within])

    def schedule(self, progress: float) -> None:
        """Set learning rates and, where it is not tuned, the temperature, for `progress` 0 .. 1 of the run."""
        config = self.config
        decay = 1 + (config.lr_final - 1) * progress
        rates = {self.critic_optimiser: config.lr, self.policy_optimiser: config.policy_lr or config.lr}
        for optimiser, lr in rates.items():
            for group in optimiser.param_groups:
                group["lr"] = lr * decay
        if config.temperature == "fixed":
            first, last = (math.log(max(alpha, 1e-8)) for alpha in (config.alpha, config.alpha_final))
            self.log_alpha.detach().fill_(first + (last - first) * progress)

    def update(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """One step of critics, policies, temperatures and targets; returns what to log, as tensors on the device."""
        observations = self.scaler(batch.observations)
        metrics = self._update_critics(batch, observations, generator)
        log_pi, policy_metrics = self._update_policies(observations, generator)
        if self.config.temperature == "auto":
            self._update_temperatures(log_pi)
        with torch.no_grad():
            for target, source in ((self.target_critic, self.critic), (self.target_actor, self.actor)):
                _polyak(list(target.parameters()), list(source.parameters()), self.config.polyak_tau)
        return {**metrics, **policy_metrics, "alpha": self.log_alpha.detach().exp().mean()}

    def _update_critics(self, batch: Batch, observations: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        config = self.config
        with torch.no_grad():
            rewards = batch.rewards
            if config.reward_normalisation:
                rewards = rewards / self.reward_moments.std.unsqueeze(1)
            next_observations = self.scaler(batch.next_observations)
            log_pi = self.target_actor(next_observations)
            q_next = self.target_critic(next_observations, draw(log_pi, generator))
            value = losses.soft_value(log_pi, q_next, self._alpha())
            targets = losses.critic_target(rewards, batch.terminated, value, config.gamma)
        q = losses.of_action(self.critic(observations, batch.actions), batch.actions)
        loss = losses.critic_loss(q, targets, self.weights, config.huber_delta)
        self.critic_optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norms = clip_per_agent(self.critic.stacked_parameters(), config.critic_clip)
        nn.utils.clip_grad_norm_(self.critic.shared_parameters(), config.critic_clip)
        self.critic_optimiser.step()
        return {"critic_loss": loss.detach(), "q": q.detach().mean(), "critic_gradient": norms.mean()}

    def _update_policies(self, observations: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        log_pi = self.actor(observations)
        with torch.no_grad():  # others' actions are drawn anew from the present policies (MAAC)
            actions = draw(log_pi, generator)
            q = self.critic(observations, actions)
        if self.config.policy_gradient == "expected":
            loss = losses.policy_loss_expected(log_pi, q, self._alpha())
        else:
            loss = losses.policy_loss_sampled(log_pi, q, actions, self._alpha())
        self.policy_optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norms = clip_per_agent(list(self.actor.parameters()), self.config.policy_clip)
        self.policy_optimiser.step()
        entropy = (losses.entropy(log_pi.detach()).mean(dim=1) / self.max_entropy.clamp(min=1e-6)).mean()
        return log_pi.detach(), {"policy_loss": loss.detach(), "entropy": entropy, "policy_gradient": norms.mean()}

    def _update_temperatures(self, log_pi: Tensor) -> None:
        target = self.config.target_entropy * self.max_entropy
        loss = losses.temperature_loss(self.log_alpha, losses.entropy(log_pi).mean(dim=1), target)
        self.alpha_optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.alpha_optimiser.step()

    def _alpha(self) -> Tensor:
        return self.log_alpha.detach().exp().unsqueeze(1)

    def play(self, env: BatchedEnv, seed: int) -> Outcome:
        """Play the greedy policies on the paths of `seed`."""
        return play_actor(env, self.act, seed, self.device)

    def loose_tensors(self) -> Mapping[str, Tensor]:
        """What is learned outside the modules, by the name that a checkpoint gives it."""
        return {"log_alpha": self.log_alpha}

    def modules(self) -> Mapping[str, nn.Module]:
        """Everything with parameters or buffers, by the name that a checkpoint gives it."""
        names = ("actor", "critic", "target_actor", "target_critic", "scaler", "reward_moments")
        return {name: getattr(self, name) for name in names}

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers, by the name that a checkpoint gives them."""
        return {name: getattr(self, f"{name}_optimiser") for name in ("critic", "policy", "alpha")}


def draw(log_pi: Tensor, generator: torch.Generator) -> Tensor:
    """Actions [N, B] from log pi [N, B, A]: the first of A exponential clocks with rates pi to ring."""
    clocks = torch.empty_like(log_pi).exponential_(generator=generator)
    return (log_pi.detach().exp() / clocks).argmax(dim=-1)


def clip_per_agent(parameters: Iterable[nn.Parameter], largest: float) -> Tensor:
    """Scale each agent's slice of the gradients [N, ...] to a norm of at most `largest`; returns the norms [N] before.

    Each agent on its own norm: one agent's large gradient never shrinks another's step, as it must be when every firm
    trains in a process of its own.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack([gradient.flatten(1).square().sum(dim=1) for gradient in gradients]).sum(dim=0).sqrt()
    factors = (largest / (norms + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *[1] * (gradient.dim() - 1)))
    return norms


def _polyak(targets: list[Tensor], sources: list[Tensor], tau: float) -> None:
    """target <- (1 - tau) target + tau source."""
    torch._foreach_lerp_(targets, sources, tau)
