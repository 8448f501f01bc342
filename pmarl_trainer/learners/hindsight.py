"""Hindsight differentiable policy optimisation: policies improved by the simulator's own gradient.

M. Alvo, D. Russo, Y. Kanoria, "Neural inventory control in networks via hindsight differentiable policy optimization",
2023. Demand does not depend on what the firms do, so an episode's cost on a known demand path is a function of the
orders alone, and its gradient with respect to every policy's parameters follows by back-propagation through the
simulation: no critic, no exploration, no delayed rewards. Each firm has a small network of its own on its own
observation; all are trained on the cost of all firms together, or each on its own or its neighbours' (`cost_scope`).
With everybody's cost it shows nearly the best that decentralised policies can do, rather than being a learner for
firms that know no simulator.

Two ways lead to the same gradient. An environment that gives the gradients of its orders (`has_order_gradients`) is
played without a graph, and the chain rule is taken by hand, which is several times as fast; any other differentiable
environment is back-propagated through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.rollout import agent_major, for_env
from pmarl_trainer.data.scaling import ObservationScaler
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec, StepResult, orders_within_period
from pmarl_trainer.errors import DivergedError, DoorError
from pmarl_trainer.learners.clipping import clip_by_group
from pmarl_trainer.learners.evaluation import Outcome, play
from pmarl_trainer.learners.graph import cost_scope, visible
from pmarl_trainer.learners.sizes import require_learner_fits
from pmarl_trainer.networks.adjustment import AdjustmentNetwork, TracedPasses


class Episode:
    """What an episode cost, and what was seen of it.

    Attributes:
        costs: of each step, [B, N].
        seen: observations [B, N, O].
    """

    def __init__(self, warmup: int) -> None:
        """The first `warmup` periods' costs do not count."""
        self._first = max(0, warmup - 1)  # of the steps: period 0 has none
        self.costs: list[Any] = []
        self.seen: list[Any] = []

    def step(self, observations: Any, info: Mapping[str, Any]) -> None:
        """Take what a step returned.

        Raises:
            DoorError: if there are no costs.
        """
        if "cost" not in info:
            raise DoorError("env: info has no 'cost', which method hdpo minimises")
        self.costs.append(info["cost"])
        self.seen.append(observations)

    @property
    def counts(self) -> np.ndarray:
        """[T] whether a period's costs count."""
        return np.arange(-1, len(self.costs)) >= self._first

    def by_firm(self) -> tuple[Tensor, float]:
        """[N] each firm's counted cost, mean over rows, with its gradient; and the mean cost of all periods stepped
        through, all firms together.
        """
        costs = torch.stack([torch.as_tensor(cost) for cost in self.costs]).mean(dim=1)
        return costs[self._first :].sum(dim=0), float(costs.detach().sum())


def answered_demand(env: Any) -> Any:
    """The demand that orders of the present period answer, to which adjustments are added: see `BatchedEnv`."""
    return env.answered_demand if hasattr(env, "answered_demand") else env.local_state.demand


class HindsightLearner:
    """The policies of all firms, and the step that improves them.

    Attributes:
        policy: the networks.
        scaler: of their observations.
    """

    def __init__(self, spec: EnvSpec, config: TrainConfig, device: torch.device) -> None:
        """Networks for the environment of `spec`, initialised from the configuration's seed.

        Raises:
            DoorError: if orders are to stay within the action set and the environment does not say what actions mean;
                if it forbids actions at times, which real orders do not heed.
        """
        if spec.action_masks:
            raise DoorError("env: forbids actions at times (action_mask), but orders of method hdpo are real numbers")
        if config.order_range == "action_set" and spec.adjustments is None:
            raise DoorError(
                "env: has no adjustments [actions], what each action adds to demand, so orders cannot stay within the "
                "action set; give it some, or train.order_range=free"
            )
        require_learner_fits(spec, config, device)
        generator = torch.Generator().manual_seed(derived_seed(config.seed, "init"))  # on the CPU: device-independent
        self.config, self.device, self._agents = config, device, len(spec.agents)
        self.policy = AdjustmentNetwork(spec, config, generator, visible(spec.adjacency, config.sees)).to(device)
        scale = None if spec.observation_scale is None else torch.as_tensor(spec.observation_scale)
        symlog = config.observation_transform == "symlog"
        self.scaler = ObservationScaler(scale, len(spec.agents), spec.observation_size, symlog=symlog).to(device)
        self._table = None if spec.adjustments is None else torch.as_tensor(spec.adjustments, device=device).float()
        self._passes: TracedPasses | None = None
        self._scope = torch.as_tensor(cost_scope(spec.adjacency, config.cost_scope), device=device)
        self._optimiser = torch.optim.Adam(self.policy.parameters(), lr=config.policy_lr or config.lr, fused=True)

    def orders(self, observations: Tensor, demand: Tensor, *, discrete: bool) -> Tensor:
        """Quantities max(0, d + a) [N, B] for raw observations [N, B, O] and demand d [N, B].

        With `discrete`, a is the nearest of the firm's own actions, and the gradient passes as if it were not.
        """
        a = self._adjustments(observations, discrete=discrete)
        return (demand + a.to(demand.dtype)).clamp(min=0)  # unlike relu, it passes the gradient of whole orders of 0

    def _adjustments(self, observations: Tensor, *, discrete: bool) -> Tensor:
        a: Tensor = self.policy(self.scaler(observations))
        return a + (self._nearest(a) - a).detach() if discrete else a

    def _nearest(self, a: Tensor) -> Tensor:
        """The nearest of each firm's own actions, [N, B]."""
        assert self._table is not None  # the configuration and __init__ see to it
        nearest = (a.detach().unsqueeze(-1) - self._table.unsqueeze(1)).abs().argmin(dim=-1)
        return self._table.gather(1, nearest)

    def _taken(self, a: Tensor) -> Tensor:
        """The adjustments that are trained with."""
        return self._nearest(a) if self.config.adjustment == "straight_through" else a

    @torch.no_grad()
    def play(self, env: BatchedEnv, seed: int) -> Outcome:
        """Play the policies on the paths of `seed`, with actions of the action set if they are discrete."""
        discrete = self.config.adjustment != "real"
        return play(env, seed, lambda seen: self._order(env, seen, discrete=discrete))

    def schedule(self, progress: float) -> None:
        """Set the learning rate for `progress` 0 .. 1 of the run: half a cosine wave down to its final share."""
        config = self.config
        share = config.lr_final + (1 - config.lr_final) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in self._optimiser.param_groups:
            group["lr"] = (config.policy_lr or config.lr) * share

    def improve(self, env: BatchedEnv, seed: int) -> dict[str, float]:
        """One gradient step on the mean cost of one episode of every row, on the paths of `seed`; what to log.

        The gradient is that of the cost's logarithm, so learning rate and clipping mean the same in every unit.

        Raises:
            DivergedError: if the cost or its gradient is not finite.
            DoorError: if the environment has no costs, or none that depend on the orders.
        """
        self.zero_grad()
        by_hand = self.policy.vision.own and getattr(env, "has_order_gradients", False)
        episode = Episode(int(getattr(env, "warmup", 0)))
        counted, stepped = self._by_hand(env, seed, episode) if by_hand else self._by_autograd(env, seed, episode)
        norms = clip_by_group(self.policy.parameters(), self.config.policy_clip, self._agents)
        norm, cost = float(norms.mean()), float(counted.detach().sum())
        if not math.isfinite(norm) or not math.isfinite(cost):
            raise DivergedError(f"training diverged: cost {cost}, gradient {norm} (try a smaller train.policy_lr)")
        self.step(episode.seen)
        return {"rollout_cost": stepped, "policy_loss": cost, "policy_gradient": norm}

    def _by_hand(self, env: Any, seed: int, episode: Episode) -> tuple[Tensor, float]:
        """Play an episode, and add its gradient by the adjoints of the simulation and of the policies."""
        env.keep_passages()
        seen = env.reset(seed=seed)
        episode.seen.append(seen)
        passes = self._passes_for(int(env.horizon) - 1, env.num_envs)
        passes.begin()
        by_observation, by_demand, within = [], [], orders_within_period(env)
        for t in range(int(env.horizon) - 1):
            scaled = self.scaler(agent_major(seen, self.device))
            adjustment = self._taken(passes.forward(t, scaled)).numpy()
            demand = answered_demand(env)
            if within:
                seen, _, _, _, info = env.step_adjustments(adjustment.T)
                ordered = np.where(env.orders_within, env.local_state.demand, demand).T + adjustment >= 0
            else:
                wanted = demand.T + adjustment
                ordered = wanted >= 0
                seen, _, _, _, info = env.step_orders(np.maximum(wanted, 0, out=wanted).T)
            slope = self.scaler.slope(scaled).transpose(1, 2).numpy() * ordered[:, None]
            by_observation.append(np.multiply(passes.by_input[t], slope, out=passes.by_input[t]))
            by_demand.append(ordered)
            episode.step(seen, info)
        counted, stepped = episode.by_firm()
        scope = self._scope.numpy()  # [K, N]
        per_cost = scope / np.maximum(scope @ counted.numpy(), 1e-9)[:, None] / env.num_envs
        weights = episode.counts[:, None, None] * per_cost
        gradients = env.order_gradients(weights, by_observation, by_demand)
        for t, gradient in enumerate(gradients):
            passes.add_gradient(t, gradient * by_demand[t])
        return counted, stepped

    def _passes_for(self, steps: int, rows: int) -> TracedPasses:
        if self._passes is None or self._passes.shape[:2] != (steps, rows):
            self._passes = TracedPasses(self.policy, steps, rows)
        return self._passes

    def _by_autograd(self, env: BatchedEnv, seed: int, episode: Episode) -> tuple[Tensor, float]:
        """Play an episode, and add its gradient by back-propagation through the environment."""
        seen = env.reset(seed=seed)
        episode.seen.append(seen)
        discrete = self.config.adjustment == "straight_through"
        for _ in range(1, int(env.horizon)):
            seen, _, _, _, info = self._order(env, seen, discrete=discrete)
            episode.step(seen, info)
        counted, stepped = episode.by_firm()
        if not counted.requires_grad:
            raise DoorError(
                "env: says that it is differentiable, but its info['cost'] carries no gradient with respect to the "
                "quantities of step_orders, which method hdpo needs"
            )
        sums = self._scope.to(counted) @ counted
        logs = sums / sums.detach().clamp(min=1e-9)
        if len(sums) == 1:
            logs.sum().backward()  # type: ignore[no-untyped-call]
            return counted, stepped
        parameters = list(self.policy.parameters())
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        for i, own in enumerate(logs):  # one pass a firm, of which only the firm's own parameters are kept
            gradients = torch.autograd.grad(own, parameters, retain_graph=True)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                assert parameter.grad is not None
                parameter.grad[i] = gradient[i]
        return counted, stepped

    def zero_grad(self) -> None:
        """Forget the policies' gradients."""
        self._optimiser.zero_grad()

    def step(self, seen: Tensor | Sequence[Any]) -> None:
        """Step by the policies' gradients; learn to scale observations from those that were seen, [S, N, O] or parts of
        it, which are joined only if they are needed.
        """
        self._optimiser.step()
        if self.scaler.moments is not None:
            whole = seen if isinstance(seen, Tensor) else torch.cat([torch.as_tensor(part).detach() for part in seen])
            self.scaler.update(whole)

    def _order(self, env: Any, seen: Any, *, discrete: bool) -> StepResult:
        """Let every firm of every row order, given the observations [B, N, O] that the environment returned."""
        demand = torch.as_tensor(answered_demand(env), device=self.device).transpose(0, 1)
        if orders_within_period(env):
            adjustments = self._adjustments(agent_major(seen, self.device), discrete=discrete)
            return cast(StepResult, env.step_adjustments(for_env(adjustments.to(demand.dtype), seen)))
        quantities = self.orders(agent_major(seen, self.device), demand, discrete=discrete)
        return cast(StepResult, env.step_orders(for_env(quantities, seen)))

    def modules(self) -> Mapping[str, nn.Module]:
        """Everything with parameters or buffers, by the name that a checkpoint gives it."""
        return {"policy": self.policy, "scaler": self.scaler}

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers, by the name that a checkpoint gives them."""
        return {"policy": self._optimiser}

    def loose_tensors(self) -> Mapping[str, Tensor]:
        """Learned tensors outside the modules: none."""
        return {}
