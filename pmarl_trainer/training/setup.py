"""What every session of a run begins with: torch as the configuration wants it, and the environment."""

from __future__ import annotations

import torch

from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_differentiable_env, make_env
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec
from pmarl_trainer.env_api.wishes import with_wishes
from pmarl_trainer.errors import TrainerError


def prepare_torch(config: TrainConfig) -> torch.device:
    """Set the number of threads; the device to train on."""
    if config.threads != "auto":
        torch.set_num_threads(config.threads)
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    found = torch.cuda.device_count()
    if config.train_device == "auto":
        return torch.device("cuda" if found else "cpu")
    device = torch.device(config.train_device)
    if device.type == "cuda" and (device.index or 0) >= found:
        raise TrainerError(f"train_device: {device} is asked for, but torch finds {found} CUDA devices here")
    return device


def open_env(config: RunConfig, num_envs: int, seed: int) -> tuple[BatchedEnv, EnvSpec]:
    """The configured environment with `num_envs` rows, and its facts."""
    cfg = config.train
    arguments = with_wishes(config.env.entry, config.env.arguments, config.env_wishes)
    env = make_env(config.env.entry, arguments, num_envs, seed, cfg.max_steps, cfg.env_processes)
    return env, describe(env, cfg.adjacency)


def open_differentiable_env(config: RunConfig, num_envs: int, device: torch.device) -> BatchedEnv:
    """The configured environment with `num_envs` rows on `device`, as one that gradients pass through.

    Raises:
        DoorError: one line, if it is not.
    """
    cfg, env = config.train, config.env
    arguments = with_wishes(env.entry, env.arguments, config.env_wishes)
    return make_differentiable_env(
        env.entry, arguments, num_envs, cfg.seed, str(device), cfg.max_steps, by_hand=cfg.sees == "local"
    )
