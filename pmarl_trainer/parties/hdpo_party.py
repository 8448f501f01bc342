"""One firm of method hdpo: a gradient step by shadow prices each rollout, and its part of an evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pmarl_trainer.learners.hindsight import HindsightLearner, answered_demand
from pmarl_trainer.parties.messages import Phase
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.shadow_prices import HindsightParty
from pmarl_trainer.parties.trading import play
from pmarl_trainer.training.state import RunState


class HdpoParty:
    """Improves one firm's policy by the gradient of everybody's cost.

    Attributes:
        learner: the firm's own.
        replay: none.
    """

    replay = None

    def __init__(self, seat: Seat) -> None:
        """A fresh policy from the firm's secret seed."""
        self._seat = seat
        self.learner = HindsightLearner(seat.spec, seat.own_train, torch.device("cpu"))
        simulator = seat.simulator(seat.train.num_envs, backend="torch")
        self._hindsight = HindsightParty(simulator, self.learner, seat.rounds)
        self._evaluated = seat.simulator(seat.train.evaluation_episodes)

    def improve(self, state: RunState) -> Phase:
        """One gradient step, counted; what to log."""
        seat = self._seat
        self.learner.schedule(state.rollout / seat.train.rollouts)
        demand_seed = seat.demand_seed(self._hindsight.env, state.rollout)
        row = yield from self._hindsight.improve(seat.public("env", state.rollout), demand_seed)
        state.updates += 1
        return row

    def evaluate(self, seed: int) -> Phase:
        """Own costs [episodes] on the paths of `seed`."""
        return (yield from play(self._evaluated, self._seat.rounds, seed, self._order))

    @torch.no_grad()
    def _order(self, seen: Tensor) -> dict[str, Any]:
        demand = torch.as_tensor(np.asarray(answered_demand(self._evaluated))).unsqueeze(0)
        discrete = self.learner.config.adjustment != "real"
        return {"quantities": self.learner.orders(seen, demand, discrete=discrete)[0].numpy()}
