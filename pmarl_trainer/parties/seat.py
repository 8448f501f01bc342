"""What a firm brings to the table: its simulator, its secret seed, its folder, and what everybody knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.data.seeds import SeedUse, derived_seed
from pmarl_trainer.env_api.firm import FirmEnv, make_firm_env
from pmarl_trainer.env_api.protocol import Array, BatchedEnv, EnvSpec
from pmarl_trainer.learners.graph import group_weights, neighbour_mask
from pmarl_trainer.parties.messages import Rounds


@dataclass(frozen=True)
class Seat:
    """One firm among all.

    Attributes:
        config: what is agreed on.
        env: makes the firm's simulator (`env_api.firm`).
        everybody: what all know of all: names, graph, horizon, longest reward delay; numbers of no firm but this one
            are looked at.
        agent: the firm.
        secret: the seed that it alone knows: of its first weights, its exploration, its own demand.
        folder: where it keeps what is its own.
        rounds: of the exchange.
    """

    config: RunConfig
    env: BatchedEnv
    everybody: EnvSpec
    agent: str
    secret: int
    folder: Path
    rounds: Rounds = field(default_factory=Rounds)

    @property
    def train(self) -> TrainConfig:
        """The settings of training."""
        return self.config.train

    @property
    def own_train(self) -> TrainConfig:
        """The settings with the secret seed in the place of the common one."""
        return self.train.model_copy(update={"seed": self.secret})

    @property
    def number(self) -> int:
        """Which of all firms it is."""
        return self.everybody.agents.index(self.agent)

    @cached_property
    def spec(self) -> EnvSpec:
        """The facts of this firm alone."""
        return self.everybody.of_agent(self.number)

    @cached_property
    def heard(self) -> tuple[str, ...]:
        """The firms whose embeddings its critic is told; they are told its own."""
        row = neighbour_mask(self.everybody.adjacency, self.train.row.attention)[self.number]
        return tuple(np.array(self.everybody.agents, dtype=object)[row])

    @property
    def weight(self) -> float:
        """The firm's weight in the critics' loss, known from the sizes of groups."""
        return float(group_weights(self.everybody.adjacency, self.train.row.group_weights)[self.number])

    def simulator(self, num_envs: int, backend: Literal["numpy", "torch"] = "numpy") -> FirmEnv:
        """Its own simulator with so many rows."""
        return make_firm_env(self.env, self.agent, num_envs, backend=backend)

    def public(self, purpose: SeedUse, index: int = 0) -> int:
        """A seed that everybody knows."""
        return derived_seed(self.train.seed, purpose, index)

    def private(self, purpose: SeedUse, index: int = 0) -> int:
        """A seed that this firm alone knows."""
        return derived_seed(self.secret, purpose, index)

    def begin(self, env: FirmEnv, rollout: int) -> Array:
        """Begin the episodes of a rollout: lead times and closures of the common seed, demand of the secret one, where
        retailers' demands do not hang together.
        """
        return env.reset(seed=self.public("env", rollout), demand_seed=self.demand_seed(env, rollout))

    def demand_seed(self, env: FirmEnv, rollout: int) -> int | None:
        """Of the own demand in the episodes of a rollout; None: the common one's."""
        return self.private("env", rollout) if env.demand_stands_alone else None
