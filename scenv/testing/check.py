"""What a check is, and how a broken promise is told: in one line, whatever the environment does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenv.envs.parallel import SupplyChainEnv
from scenv.errors import ScenvError, shown
from scenv.simulation.vector_env import VectorEnv

__all__ = [
    "Check",
    "EnvCheckError",
    "MakeBatch",
    "MakeSingle",
    "got",
    "guarded",
    "is_number",
    "require",
    "require_refusal",
]

MakeBatch = Callable[[int], VectorEnv]
MakeSingle = Callable[[], SupplyChainEnv]


class EnvCheckError(ScenvError, AssertionError):
    """An environment does not keep a promise; the message says which one, where and by how much."""


@dataclass(frozen=True)
class Check:
    """One check that passed.

    Attributes:
        name: short, for a table.
        promise: what holds, in a sentence.
        evidence: how much was looked at, and the largest deviation where numbers were compared.
    """

    name: str
    promise: str
    evidence: str


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """Run a check; an environment that raises in the middle of it breaks a promise too.

    Raises:
        EnvCheckError: whatever went wrong, in one line.
    """
    try:
        return check()
    except EnvCheckError:
        raise
    except (Exception, SystemExit) as error:  # it is somebody's code that runs here: whatever it raises is the finding
        said = " ".join(str(error).split())[:300]
        raise EnvCheckError(f"{name}: the environment raised {type(error).__name__}: {said}") from error


def require(holds: Any, check: str, period: int, where: str, promise: str) -> None:
    """Raise `EnvCheckError` unless a promise holds."""
    if not holds:
        raise EnvCheckError(f"{check}: period {period}, {where}: expected {promise}")


def require_refusal(call: Callable[[], Any], check: str, period: int, where: str, what: str) -> None:
    """Raise `EnvCheckError` unless `call` raises an error."""
    try:
        call()
    except Exception:  # of any kind: what matters is that it is not passed over
        return
    raise EnvCheckError(f"{check}: period {period}, {where}: expected an error for {what}")


def is_number(value: Any) -> bool:
    """Whether a value is one finite real number, Python's or numpy's, and no array, text or truth value."""
    plain = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return plain and bool(np.isfinite(value))


def got(value: Any) -> str:
    """A value and its type, for a message."""
    return f"got {shown(value)} ({type(value).__name__})"
