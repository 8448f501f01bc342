"""Discrete soft actor-critic for N agents with attention critics: MAAC, PMaRL and FV (paper section 4)."""

from __future__ import annotations

import copy
import math
from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Batch
from pmarl_trainer.data.rollout import Episodes
from pmarl_trainer.data.scaling import ObservationScaler, RunningMoments
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec
from pmarl_trainer.learners import losses
from pmarl_trainer.learners.build import build_critics, build_policies
from pmarl_trainer.learners.clip_watch import ClipWatch
from pmarl_trainer.learners.clipping import clip_by_group
from pmarl_trainer.learners.evaluation import Outcome, play_policy
from pmarl_trainer.learners.listening import Collect, Encoding, Listen, Team
from pmarl_trainer.learners.precision import say_if_slow
from pmarl_trainer.learners.sizes import require_learner_fits
from pmarl_trainer.networks.attention import Told


class Learner:
    """The policies and critics of all agents, and the step that improves them.

    Attributes:
        policy, critic: the networks; target_policy, target_critic: their slow copies.
        gamma: the discount.
        scaler: of observations; reward_moments: the mean and deviation of rewards.
        log_alpha: [N] log of each agent's entropy temperature.
        weights: [N] sigma_G(i), the agents' weights in the critic loss.
    """

    def __init__(self, spec: EnvSpec, config: TrainConfig, device: torch.device, team: Team | None = None) -> None:
        """Networks for the environment of `spec`, initialised from the configuration's seed. `team` says whom the
        agents hear, where they are not all here.
        """
        require_learner_fits(spec, config, device)
        n, team = len(spec.agents), Team.whole(spec, config) if team is None else team
        # On the CPU: what is drawn then does not depend on the device.
        generator = torch.Generator().manual_seed(derived_seed(config.seed, "init"))
        norm = config.input_normalisation == "batch"
        self.config, self.device = config, device
        self.policy = build_policies(spec, config, generator).to(device)
        self.critic = build_critics(spec, config, team.mask, generator).to(device)
        self.gamma = discount(spec, config)
        self.target_policy = copy.deepcopy(self.policy).requires_grad_(False)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        scale = None if spec.observation_scale is None else torch.as_tensor(spec.observation_scale)
        scale = torch.ones(n) if norm else scale  # batch normalisation does it
        symlog = config.observation_transform == "symlog"
        self.scaler = ObservationScaler(scale, n, spec.observation_size, symlog=symlog).to(device)
        self.reward_moments = RunningMoments((n,)).to(device)
        self.weights = team.weights.float().to(device)
        self._team_size = team.size
        self.max_entropy = torch.as_tensor(spec.num_actions).float().log().to(device)
        log_alpha = math.log(max(config.alpha, 1e-8))
        self.log_alpha = torch.full((n,), log_alpha, device=device, requires_grad=True)
        if config.compile:
            for network in (self.policy, self.critic, self.target_policy, self.target_critic):
                network.compile_products()
        self.critic_optimiser = torch.optim.Adam(
            self.critic.parameters(), lr=config.lr, weight_decay=config.critic_weight_decay, fused=True
        )
        self.policy_optimiser = torch.optim.Adam(self.policy.parameters(), lr=config.policy_lr or config.lr, fused=True)
        self.alpha_optimiser = torch.optim.Adam([self.log_alpha], lr=config.alpha_lr)
        self._clip_watch = ClipWatch(config)
        say_if_slow(config.precision, device)

    @torch.no_grad()
    def act(
        self, observations: Tensor, generator: torch.Generator | None = None, allowed: Tensor | None = None
    ) -> Tensor:
        """Actions [N, B] for raw observations [N, B, O]: drawn with `generator`, the most probable without; only those
        that `allowed` [N, B, A] bool names.
        """
        self.policy.eval()
        with self._products():
            log_pi = self.policy(self.scaler(observations), allowed)
        return log_pi.argmax(dim=-1) if generator is None else draw(log_pi, generator)

    def observe(self, episodes: Episodes) -> None:
        """Learn what is needed to scale observations and rewards; `episodes` are aligned."""
        within = episodes.active.any(dim=2)
        if bool(within.any()):
            active = episodes.active[within]
            there = None if bool(active.all()) else active
            self.scaler.update(episodes.observations[:-1][within], there)
            self.reward_moments.update(episodes.rewards[within], there)

    def schedule(self, progress: float) -> None:
        """Set learning rates and, where it is not tuned, the temperature, for `progress` 0 .. 1 of the run."""
        self._clip_watch.end_rollout()
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
        """One step of critics, policies, temperatures and targets; returns what to log, scalars on the device."""
        steps = self.updating(batch, generator)
        try:
            while True:
                next(steps)  # all agents are here, so their critics need not be told anything
        except StopIteration as done:
            report: dict[str, Tensor] = done.value
            return report

    def updating(self, batch: Batch, generator: torch.Generator) -> Generator[Listen | Collect, Any, dict[str, Tensor]]:
        """The same as a generator that stops where agents that are elsewhere have a say: see `listening`."""
        self.policy.train()
        observations = self.scaler(batch.observations)
        metrics = yield from self._update_critics(batch, observations, generator)
        log_pi, policy_metrics = yield from self._update_policies(batch, observations, generator)
        if self.config.temperature == "auto":
            self._update_temperatures(log_pi, batch)
        with torch.no_grad():
            for target, source in ((self.target_critic, self.critic), (self.target_policy, self.policy)):
                _polyak(list(target.parameters()), list(source.parameters()), self.config.polyak_tau)
        return {**metrics, **policy_metrics, "alpha": self.log_alpha.detach().exp().mean()}

    def _update_critics(
        self, batch: Batch, observations: Tensor, generator: torch.Generator
    ) -> Generator[Listen | Collect, Any, dict[str, Tensor]]:
        config = self.config
        with torch.no_grad(), self._products():
            following = self.scaler(batch.next_observations)
            log_pi = self.target_policy(following, batch.next_allowed)
            actions = draw(log_pi, generator)
        target = Encoding(self.target_critic, following, actions)
        told = yield Listen(target=target, replay=Encoding(self.critic, observations, batch.actions, learns=True))
        with torch.no_grad():
            with self._products():
                value, bonus = self._next_value(log_pi, following, actions, told and told["target"])
            rewards = self._rewards(batch.rewards)
            if config.target_entropy_term == "discounted":
                targets = losses.critic_target(rewards, batch.terminated, value + bonus, self.gamma)
            else:
                targets = losses.critic_target(rewards, batch.terminated, value, self.gamma) + bonus
        with self._products():
            q, logits = self.critic.taken(observations, batch.actions, told and told["replay"])
        loss = losses.critic_loss(q, targets, self.weights, config.huber_delta, batch.active)
        total = loss
        if config.attention_regularisation > 0:
            total = total + config.attention_regularisation * self.critic.attention.magnitude(logits).sum()
        self.critic_optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        yield Collect()
        norm = self._clip_critics()
        self._clip_watch.saw(norm)
        self.critic_optimiser.step()
        return {
            "critic_loss": loss.detach(),
            "q": losses.batch_mean(q.detach(), batch.active).mean(),
            "critic_gradient": norm,
        }

    def _next_value(
        self, log_pi: Tensor, observations: Tensor, actions: Tensor, told: Told | None
    ) -> tuple[Tensor, Tensor]:
        """What the target critics expect of the next state, over the own actions or for the drawn one: Q and the
        entropy's part, [N, B] each.
        """
        if self.config.target_value == "expected":
            q = losses.counterfactual_baseline(log_pi, self.target_critic(observations, actions, told))
            return q, self._alpha() * losses.entropy(log_pi)
        q = self.target_critic.taken(observations, actions, told)[0]
        return q, -self._alpha() * losses.of_action(log_pi, actions)

    def _rewards(self, rewards: Tensor) -> Tensor:
        """[N, B] rewards as the critics learn them."""
        if self.config.reward_normalisation == "none":
            return rewards
        if self.config.reward_normalisation == "standardise":
            rewards = rewards - self.reward_moments.mean.float().unsqueeze(1)
        return rewards / self.reward_moments.std.unsqueeze(1)

    def _clip_critics(self) -> Tensor:
        """Clip the critics' gradients, agent by agent or all together; the mean norm of an agent's before."""
        shared, limit, n = self.critic.shared_parameters(), self.config.critic_clip, len(self.weights)
        if self.config.shared_gradient != "sum":
            encoders = self.critic.encoder.parameters() if self.config.shared_gradient == "mean_with_encoders" else ()
            for parameter in (*shared, *encoders):
                if parameter.grad is not None:
                    parameter.grad.div_(self._team_size)
        if self.config.critic_clip_scope == "all":
            return clip_by_group(self.critic.parameters(), limit * n, 1).squeeze() / n
        norms = clip_by_group(self.critic.stacked_parameters(), limit, n)
        clip_by_group(shared, limit, 1)
        return norms.mean()

    def _update_policies(
        self, batch: Batch, observations: Tensor, generator: torch.Generator
    ) -> Generator[Listen | Collect, Any, tuple[Tensor, dict[str, Tensor]]]:
        with self._products():
            logits = self.policy.raw_logits(observations)
        log_pi = self.policy.log_policy(logits, batch.allowed)
        with torch.no_grad(), self._products():  # others' actions are drawn anew from the present policies (MAAC)
            actions = draw(log_pi, generator)
        told = yield Listen(fresh=Encoding(self.critic, observations, actions))
        with torch.no_grad(), self._products():
            q = self.critic(observations, actions, told and told["fresh"])
        if self.config.policy_gradient == "expected":
            loss = losses.policy_loss_expected(log_pi, q, self._alpha(), batch.active)
        else:
            loss = losses.policy_loss_sampled(log_pi, q, actions, self._alpha(), batch.active)
        total = loss
        if self.config.logit_regularisation > 0:
            total = total + self.config.logit_regularisation * self._logit_magnitude(logits)
        self.policy_optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        norms = clip_by_group(self.policy.parameters(), self.config.policy_clip, len(self.weights))
        self.policy_optimiser.step()
        entropy = losses.batch_mean(losses.entropy(log_pi.detach()), batch.active)
        entropy = entropy / self._most_entropy(batch).clamp(min=1e-6)
        means = {"entropy": entropy.mean(), "policy_gradient": norms.mean()}
        return log_pi.detach(), {"policy_loss": loss.detach(), **means}

    def _logit_magnitude(self, logits: Tensor) -> Tensor:
        """Sum over agents of the mean square of their logits, of possible actions only (MAAC's regularisation)."""
        possible = self.policy.action_mask
        squares = (logits.square() * possible).mean(dim=1).sum(dim=-1)
        return (squares / possible.sum(dim=(1, 2))).sum()

    def _most_entropy(self, batch: Batch) -> Tensor:
        """[N] the largest entropy that a policy can have: ln of the number of its actions, or of those allowed."""
        if batch.allowed is None:
            return self.max_entropy
        return losses.batch_mean(batch.allowed.sum(dim=-1).clamp(min=1).log(), batch.active)

    def _update_temperatures(self, log_pi: Tensor, batch: Batch) -> None:
        target = self.config.target_entropy * self._most_entropy(batch)
        found = losses.batch_mean(losses.entropy(log_pi), batch.active)
        loss = losses.temperature_loss(self.log_alpha, found, target)
        self.alpha_optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.alpha_optimiser.step()

    def _products(self) -> torch.autocast:
        """The networks' matrix products in the configured precision; what comes out of the networks is float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _alpha(self) -> Tensor:
        return self.log_alpha.detach().exp().unsqueeze(1)

    def play(self, env: BatchedEnv, seed: int) -> Outcome:
        """Play the greedy policies on the paths of `seed`."""
        return play_policy(env, self.act, seed, self.device)

    def loose_tensors(self) -> Mapping[str, Tensor]:
        """What is learned outside the modules, by the name that a checkpoint gives it."""
        return {"log_alpha": self.log_alpha}

    def modules(self) -> Mapping[str, nn.Module]:
        """Everything with parameters or buffers, by the name that a checkpoint gives it."""
        names = ("policy", "critic", "target_policy", "target_critic", "scaler", "reward_moments")
        return {name: getattr(self, name) for name in names}

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers, by the name that a checkpoint gives them."""
        return {name: getattr(self, f"{name}_optimiser") for name in ("critic", "policy", "alpha")}


def discount(spec: EnvSpec, config: TrainConfig) -> float:
    """The configured discount, or else the environment's, or else 0.95."""
    if config.gamma is not None:
        return config.gamma
    return 0.95 if spec.gamma is None else spec.gamma


def draw(log_pi: Tensor, generator: torch.Generator) -> Tensor:
    """Actions [N, B] from log pi [N, B, A]: the first whose cumulative probability exceeds a uniform number."""
    uniform = log_pi.new_empty((*log_pi.shape[:-1], 1)).uniform_(generator=generator)
    cumulative = log_pi.detach().exp().cumsum(dim=-1)
    # Below the last cumulative probability, whatever rounding makes of that: so never an action of probability 0.
    return (cumulative <= uniform * cumulative[..., -1:] * (1 - 1e-6)).sum(dim=-1)


def _polyak(targets: list[Tensor], sources: list[Tensor], tau: float) -> None:
    """target <- (1 - tau) target + tau source."""
    torch._foreach_lerp_(targets, sources, tau)
