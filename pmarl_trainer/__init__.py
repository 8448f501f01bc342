"""pmarl_trainer: multi-agent actor-critic with graph attention, for any environment that has an adjacency matrix.

MAAC, PMaRL and FV of Zhang et al., Sustainability 2024, 16(22), 9996 ("the paper"), as three rows of one table
(`config.methods.METHODS`). An environment is met through one door, `env_api.BatchedEnv`; no environment is imported
here.

Importing this package needs no torch; `env_api`, `config` and `cli` do not either. `train` and `resume`, which do, are
`pmarl_trainer.runs.api`'s, loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pmarl_trainer.runs.api import resume, train
    from pmarl_trainer.runs.result import TrainingResult

__all__ = ["TrainingResult", "resume", "train"]

_HOMES = {"TrainingResult": "runs.result", "resume": "runs.api", "train": "runs.api"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"pmarl_trainer.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'pmarl_trainer' has no attribute {name!r}")
