"""Hindsight differentiable policy optimisation: policies improved by the simulator's own gradient.

M. Alvo, D. Russo, Y. Kanoria, "Neural inventory control in networks via hindsight differentiable policy optimization",
2023. Demand does not depend on what the firms do, so an episode's cost on a known demand path is a function of the
orders alone, and its gradient with respect to every policy's parameters follows by back-propagation through the
simulation: no critic, no exploration, no delayed rewards. Each firm has a small network of its own on its own
observation; all are trained on the cost of all firms together. That makes it a yardstick, near the best that
decentralised policies can do, rather than a learner for firms that know no simulator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.rollout import agent_major, for_env
from pmarl_trainer.data.scaling import ObservationScaler
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec, StepResult
from pmarl_trainer.errors import DivergedError, DoorError
from pmarl_trainer.learners.actor_critic import clip_by_group
from pmarl_trainer.learners.evaluation import Outcome, play
from pmarl_trainer.networks.layers import StackedLinear
from pmarl_trainer.networks.policy import as_seen


class AdjustmentNetwork(nn.Module):
    """A small network per firm: its observation -> hidden -> hidden -> z, a real number.

    The adjustment is a = unit z, or within the range low .. high of the firm's actions a = low + (high - low)
    sigmoid(z + z_0), where z_0 makes a start at 0, where 0 is inside the range: the firm first passes demand on.
    """

    low: Tensor
    high: Tensor
    offset: Tensor
    unit: Tensor

    def __init__(self, spec: EnvSpec, config: TrainConfig, generator: torch.Generator) -> None:
        super().__init__()
        n, hidden, size = len(spec.agents), config.hidden_size, spec.observation_size
        self.bounded, self.sees_all = config.order_range == "action_set", config.sees_all
        self.hidden_1 = StackedLinear(n, n * size if self.sees_all else size, hidden, generator)
        self.hidden_2 = StackedLinear(n, hidden, hidden, generator)
        self.output = StackedLinear(n, hidden, 1, generator, gain=0.03)
        unit = torch.ones(n) if spec.observation_scale is None else torch.as_tensor(spec.observation_scale)
        low, high = torch.zeros(n, 1), torch.zeros(n, 1)
        if spec.adjustments is not None:
            table = torch.as_tensor(spec.adjustments).float()
            low, high = table.amin(dim=1, keepdim=True), table.amax(dim=1, keepdim=True)
        start = (-low / (high - low).clamp(min=1e-6)).clamp(0.05, 0.95)
        for name, value in {"low": low, "high": high, "offset": start.logit(), "unit": unit.view(-1, 1)}.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """Scaled observations [N, B, O] -> real adjustments a [N, B]."""
        x = functional.elu(self.hidden_1(as_seen(observations, self.sees_all)))
        z = self.output(functional.elu(self.hidden_2(x))).squeeze(-1)
        if not self.bounded:
            return self.unit * z
        return self.low + (self.high - self.low) * torch.sigmoid(z + self.offset)


class HindsightLearner:
    """The policies of all firms, and the step that improves them.

    Attributes:
        actor: the networks.
        scaler: of their observations.
    """

    def __init__(self, spec: EnvSpec, config: TrainConfig, device: torch.device) -> None:
        """Networks for the environment of `spec`, initialised from the configuration's seed.

        Raises:
            DoorError: if orders are to stay within the action set and the environment does not say what actions mean.
        """
        if config.order_range == "action_set" and spec.adjustments is None:
            raise DoorError(
                "env: has no adjustments [actions], what each action adds to demand, so orders cannot stay within the "
                "action set; give it some, or train.order_range=free"
            )
        generator = torch.Generator().manual_seed(derived_seed(config.seed, "init"))  # on the CPU: device-independent
        self.config, self.device, self._agents = config, device, len(spec.agents)
        self.actor = AdjustmentNetwork(spec, config, generator).to(device)
        scale = None if spec.observation_scale is None else torch.as_tensor(spec.observation_scale)
        symlog = config.observation_transform == "symlog"
        self.scaler = ObservationScaler(scale, len(spec.agents), spec.observation_size, symlog=symlog).to(device)
        self._table = None if spec.adjustments is None else torch.as_tensor(spec.adjustments, device=device).float()
        self._optimiser = torch.optim.Adam(self.actor.parameters(), lr=config.policy_lr or config.lr, fused=True)

    def orders(self, observations: Tensor, demand: Tensor, *, discrete: bool) -> Tensor:
        """Quantities max(0, d + a) [N, B] for raw observations [N, B, O] and demand d [N, B].

        With `discrete`, a is the nearest of the firm's own actions, and the gradient passes as if it were not.
        """
        a = self.actor(self.scaler(observations))
        if discrete:
            assert self._table is not None  # the configuration and __init__ see to it
            nearest = (a.detach().unsqueeze(-1) - self._table.unsqueeze(1)).abs().argmin(dim=-1)
            a = a + (self._table.gather(1, nearest) - a).detach()
        return (demand + a.to(demand.dtype)).clamp(min=0)  # unlike relu, it passes the gradient of whole orders of 0

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
        counted, stepped, seen = self._episode(env, seed)
        if not counted.requires_grad:
            raise DoorError(
                "env: says that it is differentiable, but its info['cost'] carries no gradient with respect to the "
                "quantities of step_orders, which method hdpo needs"
            )
        self.zero_grad()
        (counted / counted.detach().clamp(min=1e-9)).backward()  # type: ignore[no-untyped-call]
        norms = clip_by_group(self.actor.parameters(), self.config.policy_clip, self._agents)
        norm, cost = float(norms.mean()), float(counted.detach())
        if not math.isfinite(norm) or not math.isfinite(cost):
            raise DivergedError(f"training diverged: cost {cost}, gradient {norm} (try a smaller train.policy_lr)")
        self.step(seen)
        return {"rollout_cost": stepped, "policy_loss": cost, "policy_gradient": norm}

    def zero_grad(self) -> None:
        """Forget the policies' gradients."""
        self._optimiser.zero_grad()

    def step(self, seen: Tensor) -> None:
        """Step by the policies' gradients; learn to scale observations from those that were `seen` [S, N, O]."""
        self._optimiser.step()
        self.scaler.update(seen)

    def _episode(self, env: BatchedEnv, seed: int) -> tuple[Tensor, float, Tensor]:
        """(Mean cost of the counted periods, mean cost of all periods stepped through, observations [S, N, O])."""
        seen = env.reset(seed=seed)
        warmup, discrete = int(getattr(env, "warmup", 0)), self.config.adjustment == "straight_through"
        counted, stepped = torch.zeros((), device=self.device), 0.0
        observations = [seen.detach()]
        for period in range(1, int(env.horizon)):
            seen, _, _, _, info = self._order(env, seen, discrete=discrete)
            if "cost" not in info:
                raise DoorError("env: info has no 'cost', which method hdpo minimises")
            cost = info["cost"].sum(dim=1).mean()
            stepped += float(cost.detach())
            counted = counted + cost if period >= warmup else counted
            observations.append(seen.detach())
        return counted, stepped, torch.cat(observations)

    def _order(self, env: Any, seen: Any, *, discrete: bool) -> StepResult:
        """Let every firm of every row order, given the observations [B, N, O] that the environment returned."""
        demand = torch.as_tensor(env.local_state.demand, device=self.device).transpose(0, 1)
        quantities = self.orders(agent_major(seen, self.device), demand, discrete=discrete)
        return cast(StepResult, env.step_orders(for_env(quantities, seen)))

    def modules(self) -> Mapping[str, nn.Module]:
        """Everything with parameters or buffers, by the name that a checkpoint gives it."""
        return {"actor": self.actor, "scaler": self.scaler}

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers, by the name that a checkpoint gives them."""
        return {"policy": self._optimiser}

    def loose_tensors(self) -> Mapping[str, Tensor]:
        """Learned tensors outside the modules: none."""
        return {}
