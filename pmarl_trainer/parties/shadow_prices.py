"""The hindsight gradient divided among firms: what crosses a link is orders and goods, and their shadow prices back.

The episode's total cost on a known demand path is a function of all orders, and firms touch each other only through
orders and goods. So back-propagation splits along links (PARTIES.md section 3): every firm keeps its own periods as
small graphs; backwards in time, it is told by each neighbour what one more unit of what it sent would have cost or
saved everybody downstream or upstream, and tells its neighbours the same of what they sent. Exact, not approximate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pmarl_trainer.env_api.firm import FirmEnv
from pmarl_trainer.errors import DivergedError
from pmarl_trainer.learners.clipping import clip_by_group
from pmarl_trainer.learners.hindsight import HindsightLearner, answered_demand
from pmarl_trainer.parties.gradients import gradient_of
from pmarl_trainer.parties.messages import Parcels, Phase, Rounds, Total, Trade


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

    def __init__(self, env: FirmEnv, learner: HindsightLearner, rounds: Rounds | None = None) -> None:
        """`learner` is one for this firm alone: its `EnvSpec` has one agent. `env` has the torch backend."""
        self.env, self.learner = env, learner
        self.name = env.agent
        self._rounds = Rounds() if rounds is None else rounds

    def improve(self, seed: int, demand_seed: int | None = None) -> Phase:
        """One gradient step on the logarithm of everybody's mean cost over one episode of every row.

        Yields what it sends and asks for; returns what to log: the own cost, of all periods and of those that count,
        and the norm of the own gradient.

        Raises:
            DivergedError: if a cost or gradient is not finite.
        """
        periods: list[Lived] = []
        observations = yield from self._forward(seed, demand_seed, periods)
        costs = [period.cost.detach().double().mean() for period in periods]
        own, lived = torch.stack(costs[self._counts_from :]).sum(), float(torch.stack(costs[1:]).sum())
        if not bool(torch.isfinite(own)):
            raise DivergedError(f"{self.name}: training diverged: its cost is {float(own)} (try a smaller policy_lr)")
        total = yield Total("cost", self._rounds.next("cost"), own.reshape(1))
        scale = 1.0 / (len(periods[0].cost) * max(float(total), 1e-9))
        self.learner.zero_grad()
        yield from self._backward(periods, scale)
        norm = float(clip_by_group(self.learner.policy.parameters(), self.learner.config.policy_clip, 1).mean())
        if not math.isfinite(norm):
            raise DivergedError(f"{self.name}: training diverged: its gradient is {norm} (try a smaller policy_lr)")
        self.learner.step(observations)
        return {"rollout_cost": lived, "policy_loss": float(own), "policy_gradient": norm}

    @property
    def _counts_from(self) -> int:
        """The first period whose cost counts; no order has any effect on period 0."""
        return max(1, self.env.warmup)

    def _forward(self, seed: int, demand_seed: int | None, periods: list[Lived]) -> Phase:
        """Live through an episode with the neighbours; the observations [T B, 1, O] that were seen."""
        env, learner = self.env, self.learner
        discrete = learner.config.adjustment == "straight_through"
        seen, observations = env.reset(seed=seed, demand_seed=demand_seed), []
        arrived: dict[str, Tensor] = {}
        began: list[Tensor] = []
        for period in range(env.horizon):
            observations.append(seen.detach())
            lived = Lived(arrived, began, env.cost, {}, [])
            periods.append(lived)
            if period == env.horizon - 1:
                break
            demand = answered_demand(env).unsqueeze(0)
            quantities = learner.orders(seen.unsqueeze(0), demand, discrete=discrete)[0]
            sent = env.send(quantities=quantities)
            lived.sent = {**sent.orders, **sent.goods}
            parcels = {name: {"quantity": tensor.detach()} for name, tensor in lived.sent.items()}
            came: Parcels = yield Trade("trade", self._rounds.next("trade"), parcels)
            arrived = {name: _leaf(came[name]["quantity"]) for name in lived.sent}
            began = []
            env.carry(partial(_cut, carried=lived.carried, began=began))
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
            if number >= self._counts_from and period.cost.requires_grad:
                results.append(period.cost)
                adjoints.append(torch.full_like(period.cost, scale))
            if following is not None:
                parcels = {name: {"price": gradient_of(leaf)} for name, leaf in following.arrived.items()}
                prices: Parcels = yield Trade("prices", self._rounds.next("prices"), parcels)
                pairs: list[tuple[Tensor, Tensor | None]]
                pairs = [(tensor, prices[name]["price"]) for name, tensor in period.sent.items()]
                pairs += [(tensor, leaf.grad) for tensor, leaf in zip(period.carried, following.began, strict=True)]
                for tensor, adjoint in pairs:
                    if adjoint is not None and tensor.requires_grad:
                        results.append(tensor)
                        adjoints.append(adjoint)
            if results:
                torch.autograd.backward(results, adjoints)
            following = period


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_()  # nobody writes into it, so it may share the numbers


def _cut(tensor: Tensor, carried: list[Tensor], began: list[Tensor]) -> Tensor:
    """A leaf with the numbers of `tensor`; both are noted."""
    leaf = _leaf(tensor)
    carried.append(tensor)
    began.append(leaf)
    return leaf
