"""The networks that a run's settings ask for."""

from __future__ import annotations

import torch
from torch import Tensor

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.graph import visible
from pmarl_trainer.networks.critic import AttentionCritic
from pmarl_trainer.networks.literal_critic import LiteralCritic
from pmarl_trainer.networks.policy import PolicyNetwork
from pmarl_trainer.networks.stacked_critic import CriticShape


def build_policies(spec: EnvSpec, config: TrainConfig, generator: torch.Generator) -> PolicyNetwork:
    """The policies of the agents of `spec`, weights drawn with `generator`."""
    return PolicyNetwork(
        spec.observation_size,
        torch.as_tensor(spec.num_actions),
        config.hidden_size,
        visible=visible(spec.adjacency, config.sees),
        generator=generator,
        batch_norm=config.input_normalisation == "batch",
        initialisation=config.initialisation,
    )


def build_critics(
    spec: EnvSpec, config: TrainConfig, mask: Tensor, generator: torch.Generator
) -> AttentionCritic | LiteralCritic:
    """Their critics; `mask` [N, M] bool says whom each attends to."""
    shape = CriticShape(
        spec.observation_size,
        int(spec.num_actions.max()),
        config.hidden_size,
        config.attention_heads,
        mask,
        batch_norm=config.input_normalisation == "batch",
        linear_values=config.attention_values == "linear",
        initialisation=config.initialisation,
    )
    return LiteralCritic(shape, generator) if config.own_action == "encoded" else AttentionCritic(shape, generator)
