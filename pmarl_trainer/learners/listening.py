"""Where an update needs those who are elsewhere: what it asks for, and who is there.

`Learner.updating` is a generator that yields these. Who holds all agents just goes on (`Learner.update`); who holds
some of them encodes, exchanges embeddings with the others, and answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.graph import group_weights, neighbour_mask
from pmarl_trainer.networks.critic import AttentionCritic
from pmarl_trainer.networks.literal_critic import LiteralCritic


@dataclass(frozen=True, eq=False)
class Team:
    """The agents that a learner has, among all.

    Attributes:
        mask: [N, M] bool, whom of the M agents that it is told of each of its N agents attends to.
        weights: [N] sigma_G(i), their weights in the critic loss.
        size: how many agents there are in all.
    """

    mask: Tensor
    weights: Tensor
    size: int

    @classmethod
    def whole(cls, spec: EnvSpec, config: TrainConfig) -> Team:
        """All agents of an environment."""
        row = config.row
        mask = torch.as_tensor(neighbour_mask(spec.adjacency, row.attention))
        return cls(mask, torch.as_tensor(group_weights(spec.adjacency, row.group_weights)), len(spec.agents))


@dataclass(frozen=True, eq=False)
class Encoding:
    """What is to be encoded for others: critic.encoder(observations [N, B, O], actions [N, B]).

    Attributes:
        learns: whether gradients with respect to the embedding come back (at the next `Collect`).
    """

    critic: AttentionCritic | LiteralCritic
    observations: Tensor
    actions: Tensor
    learns: bool = False


class Listen:
    """The critics are to be told embeddings; answered by a `Told` for each name, or None where all agents are here."""

    def __init__(self, **encodings: Encoding) -> None:
        self.encodings: Mapping[str, Encoding] = encodings


class Collect:
    """The critics' gradients of their own losses stand; whoever told or heard of others adds what belongs to them."""
