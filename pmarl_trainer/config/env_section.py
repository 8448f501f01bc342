"""The section `env` of a scenario file, which the environment itself validates."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class EnvConfig(BaseModel):
    """The `env:` section: which environment, and its own keyword arguments, which the environment itself validates."""

    model_config = ConfigDict(frozen=True, extra="allow")
    entry: str = Field(description="'module:callable' that makes a batched environment or a PettingZoo ParallelEnv.")

    @model_validator(mode="after")
    def _no_trainer_keys(self) -> EnvConfig:
        for key in ("num_envs", "seed"):
            if key in self.arguments:
                raise ValueError(f"{key!r} is the trainer's: write it in the section train")
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """The environment's keyword arguments."""
        return dict(self.model_extra or {})
