"""The hindsight gradient divided among firms: what crosses a link is orders and goods, and their shadow prices back.

The episode's total cost on a known demand path is a function of all orders, and firms touch each other only through
orders and goods. So back-propagation splits along links (PARTIES.md section 3): every firm keeps its own periods as
small graphs; backwards in time, it is told by each neighbour what one more unit of what it sent would have cost or
saved everybody downstream or upstream, and tells its neighbours the same of what they sent. Exact, not approximate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from pmarl_trainer.errors import DivergedError
from pmarl_trainer.learners.actor_critic import clip_by_group
from pmarl_trainer.learners.hindsight import HindsightLearner
from pmarl_trainer.parties.messages import Parcels, Phase, Total, Trade


class FirmEnv(Protocol):
    """One firm's differentiable simulator, B rows (scenv: `scenv.firm_env` with `backend="torch"`)."""

    agent: str
    suppliers: tuple[str, ...]
    customers: tuple[str, ...]
    horizon: int
    warmup: int
    local_state: Any
    cost: Tensor

    def reset(self, seed: int | None = None) -> Tensor:
        """Live through period 0; the observation [B, O]."""

    def send(self, *, quantities: Tensor) -> Any:
        """Order quantities [B]; has `orders` by supplier and `goods` by customer, [B] each."""

    def receive(self, orders: Mapping[str, Tensor], goods: Mapping[str, Tensor]) -> Tensor:
        """Take what the neighbours sent, live through the next period; its observation [B, O]."""

    def carry(self, change: Any) -> None:
        """Replace every tensor by which the period goes on into the next one."""


@dataclass(eq=False)
class Lived:
    """One period's graph: what it began from, and what came of it.

    Attributes:
        arrived: leaves: what each neighbour had sent, by neighbour ("orders" from a customer, "goods" from a supplier).
        began: leaves: what the firm's own earlier period went on with.
        cost: [B].
        sent: what the firm sent at its end, by neighbour.
        carried: what it went on with into the next period; `began` of that one, in the same order.
    """

    arrived: dict[str, Tensor]
    began: list[Tensor]
    cost: Tensor
    sent: dict[str, Tensor]
    carried: list[Tensor]


class HindsightParty:
    """One firm that trains by shadow prices: its simulator, and a learner of one agent whose parameters are its own."""

    def __init__(self, env: FirmEnv, learner: HindsightLearner) -> None:
        """`learner` is one for this firm alone: its `EnvSpec` has one agent."""
        self.env, self.learner = env, learner
        self.name = env.agent
        self._sums = 0

    def improve(self, seed: int) -> Phase:
        """One gradient step on the logarithm of everybody's mean cost over one episode of every row.

        Yields what it sends and asks for; returns what to log: the own and the total counted cost, and the norm of the
        own gradient.

        Raises:
            DivergedError: if a cost or gradient is not finite.
        """
        periods: list[Lived] = []
        observations = yield from self._forward(seed, periods)
        counted = [period.cost for period in periods[self.env.warmup :]]
        own = torch.stack([cost.detach().double().mean() for cost in counted]).sum()
        total = yield Total("cost", self._sums, own.reshape(1))
        self._sums += 1
        scale = 1.0 / (len(periods[0].cost) * max(float(total), 1e-9))
        self.learner.zero_grad()
        yield from self._backward(periods, scale)
        norm = float(clip_by_group(self.learner.policy.parameters(), self.learner.config.policy_clip, 1).mean())
        if not math.isfinite(norm) or not math.isfinite(float(total)):
            raise DivergedError(f"{self.name}: training diverged: cost {float(total)}, gradient {norm}")
        self.learner.step(observations)
        return {"own_cost": float(own), "policy_loss": float(total), "policy_gradient": norm}

    def _forward(self, seed: int, periods: list[Lived]) -> Phase:
        """Live through an episode with the neighbours; the observations [T B, 1, O] that were seen."""
        env, learner = self.env, self.learner
        discrete = learner.config.adjustment == "straight_through"
        seen, observations = env.reset(seed=seed), []
        arrived: dict[str, Tensor] = {}
        began: list[Tensor] = []
        for period in range(env.horizon):
            observations.append(seen.detach())
            lived = Lived(arrived, began, env.cost, {}, [])
            periods.append(lived)
            if period == env.horizon - 1:
                break
            demand = env.local_state.demand.unsqueeze(0)
            quantities = learner.orders(seen.unsqueeze(0), demand, discrete=discrete)[0]
            sent = env.send(quantities=quantities)
            lived.sent = {**sent.orders, **sent.goods}
            parcels = {name: {"quantity": tensor.detach()} for name, tensor in lived.sent.items()}
            came: Parcels = yield Trade("trade", period, parcels)
            arrived = {name: _leaf(came[name]["quantity"]) for name in lived.sent}
            began = []
            env.carry(lambda tensor, lived=lived, began=began: _cut(tensor, lived.carried, began))
            seen = env.receive(
                orders={name: arrived[name] for name in env.customers},
                goods={name: arrived[name] for name in env.suppliers},
            )
        return torch.stack(observations).flatten(0, 1).unsqueeze(1)

    def _backward(self, periods: list[Lived], scale: float) -> Phase:
        """Backwards through the periods; leaves the parameters' gradients in the learner."""
        following: Lived | None = None
        for number in reversed(range(len(periods))):
            period = periods[number]
            results, adjoints = [], []
            if number >= self.env.warmup and period.cost.requires_grad:
                results.append(period.cost)
                adjoints.append(torch.full_like(period.cost, scale))
            if following is not None:
                prices: Parcels = yield Trade(
                    "prices", number, {n: {"price": _gradient(leaf)} for n, leaf in following.arrived.items()}
                )
                pairs = [(tensor, prices[name]["price"]) for name, tensor in period.sent.items()]
                pairs += [
                    (tensor, _gradient(leaf)) for tensor, leaf in zip(period.carried, following.began, strict=True)
                ]
                for tensor, adjoint in pairs:
                    if tensor.requires_grad:
                        results.append(tensor)
                        adjoints.append(adjoint)
            if results:
                torch.autograd.backward(results, adjoints)
            following = period


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


def _cut(tensor: Tensor, carried: list[Tensor], began: list[Tensor]) -> Tensor:
    """A leaf with the numbers of `tensor`; both are noted."""
    leaf = _leaf(tensor)
    carried.append(tensor)
    began.append(leaf)
    return leaf


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
