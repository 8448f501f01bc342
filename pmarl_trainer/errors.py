"""The errors that a user can cause and mend: each message is one line that says what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["CheckpointError", "ConfigError", "DivergedError", "DoorError", "TrainerError", "did_you_mean"]


class TrainerError(ValueError):
    """Something given to the trainer cannot be used. The message is one line."""


class ConfigError(TrainerError):
    """A scenario file, a configuration key or an override is not valid."""


class DoorError(TrainerError):
    """The environment cannot be made, or does not keep to the door `env_api.BatchedEnv`."""


class CheckpointError(TrainerError):
    """A checkpoint cannot be read, or belongs to another network, method or environment."""


class DivergedError(TrainerError):
    """Training produced numbers that are not finite."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A hint to append to an error about an unknown word: ``" (did you mean 'x'?)"``, or ``""`` if nothing is near."""
    near = difflib.get_close_matches(str(word)[:200].lower(), list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""
