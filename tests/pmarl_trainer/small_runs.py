"""Whole runs that take a second: on toys, and on the smallest supply network."""

import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.runs.run_folder import start_run
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.run_checkpoints import checkpoint_path

CPU = torch.device("cpu")
TRAIN = {
    "rollouts": 6,
    "num_envs": 4,
    "learning_starts": 1,
    "updates_per_rollout": 3,
    "batch_size": 16,
    "hidden_size": 8,
    "attention_heads": 2,
    "evaluation_interval": 2,
    "evaluation_episodes": 4,
    "final_episodes": 8,
    "checkpoint_interval": 2,
    "threads": 1,
    "train_device": "cpu",
}


def configure(toy="IdentityGame", env=None, **settings):
    """A run on one of the toys."""
    entry = f"tests.pmarl_trainer.toy_envs:{toy}"
    return build_config({"env": {"entry": entry, **(env or {})}, "train": {**TRAIN, **settings}}, "test")


def last(folder):
    """What the latest checkpoint of a run holds: (tensors, facts)."""
    return checkpoint.load(checkpoint_path(folder, "last"), CPU)


def train_on_bg(folder, **settings):
    """Train in `folder`, which is returned."""
    config = {
        "env": {"entry": "scenv:vector_env", "scenario": "bg"},
        "train": {**TRAIN, "loggers": ["csv"], **settings},
    }
    start_run(build_config(config, "test"), folder, quiet=True)
    return folder
