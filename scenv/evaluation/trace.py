"""What an evaluation can keep of every period: cost, service of end customers, and what each firm owes."""

from __future__ import annotations

import numpy as np

from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv

__all__ = ["Trace"]


class Trace:
    """The periods of B episodes with T periods and N firms, warm-up included; units of product and of cost.

    Attributes:
        cost: [B, T] of all firms together.
        demand: [B, T] of end customers.
        late: [B, T] units of it that were not served in the period they were asked for, lost ones included.
        waiting: [B, T] units that end customers wait for at the end of the period.
        unserved: [B, T, N] what each firm owes its customers at the end of the period, and what it lost in it.
        hit: [B, T, N] firms that a disruption hits: closed, with a delayed incoming link, or with another demand than
            usual.
    """

    def __init__(self, scenario: Scenario, episodes: int) -> None:
        """Room for so many episodes of the scenario."""
        shape = (episodes, scenario.horizon)
        self.cost, self.demand, self.late, self.waiting = np.zeros((4, *shape))
        self.unserved = np.zeros((*shape, len(scenario.network.agents)))
        self.hit = np.zeros((*shape, len(scenario.network.agents)), dtype=bool)

    def record(self, env: VectorEnv) -> None:
        """Keep the period that `env` has just observed."""
        period, local, state, info = env.period, env.local_state, env.state, env.last_info
        lost = np.zeros_like(local.backorder) if state.lost is None else state.lost.T
        first = env.structure.num_edges  # the claim links of end customers come last
        owed, claims = state.backorder[first:, :], state.claims[first:, :]
        self.cost[:, period] = info["cost"].sum(axis=1)
        self.demand[:, period] = claims.sum(axis=0)
        self.late[:, period] = np.minimum(owed, claims).sum(axis=0) + lost.sum(axis=1)
        self.waiting[:, period] = owed.sum(axis=0)
        self.unserved[:, period] = local.backorder + lost
        for key, usual in (("closed", False), ("delay", 0), ("demand_factor", 1.0)):
            if key in info:
                self.hit[:, period] |= np.asarray(info[key]) != usual

    @property
    def service(self) -> np.ndarray:
        """[B, T] the part of the period's end demand that was served at once; 1 without demand."""
        late = np.divide(self.late, self.demand, out=np.zeros_like(self.late), where=self.demand > 0)
        return 1.0 - late
