"""What a learner needs of memory: known from its settings, before any of it is taken."""

from __future__ import annotations

import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.sizes import require_fits
from pmarl_trainer.env_api.protocol import EnvSpec

#: Every parameter comes with a gradient and Adam's two moments; networks of an actor-critic method with slow copies.
_FLOAT, _TRAINED, _SLOW = 4, 4, 1


def policy_parameters(spec: EnvSpec, config: TrainConfig, outputs: int) -> int:
    """Numbers in all agents' policies: two hidden layers, and so many outputs."""
    n, hidden = len(spec.agents), config.hidden_size
    inputs = spec.observation_size * (1 if config.sees == "local" else n)
    return n * ((inputs + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * outputs)


def critic_parameters(spec: EnvSpec, config: TrainConfig) -> int:
    """Numbers in all agents' critics and in the attention that they share."""
    n, hidden, size, actions = len(spec.agents), config.hidden_size, spec.observation_size, int(spec.num_actions.max())
    encoder, decoder = (size + actions + 1) * hidden, (2 * hidden + 1) * hidden
    attention = 3 * hidden**2 + (hidden if config.attention_values == "leaky" else 0)
    if config.own_action == "encoded":
        return n * (encoder + decoder + hidden + 1) + attention
    return n * (encoder + (size + 1) * hidden + decoder + (hidden + 1) * actions) + attention


def learner_bytes(spec: EnvSpec, config: TrainConfig) -> float:
    """Of the parameters with all that training keeps beside them, and of what layers hand on in one pass: at least."""
    n, hidden = len(spec.agents), config.hidden_size
    if config.method == "hdpo":
        passes = spec.max_steps * config.num_envs * n * (2 * spec.observation_size + 4 * hidden)
        return float(_FLOAT) * (_TRAINED * policy_parameters(spec, config, 1) + passes)
    numbers = policy_parameters(spec, config, int(spec.num_actions.max())) + critic_parameters(spec, config)
    return float(_FLOAT) * ((_TRAINED + _SLOW) * numbers + 6 * n * config.batch_size * hidden)


def require_learner_fits(spec: EnvSpec, config: TrainConfig, device: torch.device) -> None:
    """Refuse networks that cannot fit into the memory of `device`.

    Raises:
        TrainerError: one line that names the settings and both sizes.
    """
    rows = f"num_envs={config.num_envs}" if config.method == "hdpo" else f"batch_size={config.batch_size}"
    what = f"{config.method} with train.hidden_size={config.hidden_size} and {rows} for {len(spec.agents)} agents"
    require_fits(what, learner_bytes(spec, config), device)
