"""The one place where what an environment gives becomes checked numbers and arrays; a refusal names agent and field."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pmarl_trainer.errors import DoorError

_REAL = "biuf"  # numpy's kinds of real numbers: bool, signed, unsigned, float


def shown(value: object) -> str:
    """A value in an error: short, in one line."""
    return f"{' '.join(repr(value).split()):.60}"


def number(value: Any, agent: object, field: str) -> float:
    """A real number: a Python or numpy one, or an array of one.

    Raises:
        DoorError: for text, None, an array of several, a complex number.
    """
    if type(value) is float or type(value) is int:
        return float(value)
    found = _real_scalar(value)
    if found is None:
        raise DoorError(f"env: agent {agent!r}: {field} must be a number, got {shown(value)}")
    return found


def finite_number(value: Any, agent: object, field: str) -> float:
    """As `number`, and neither nan nor infinite."""
    found = number(value, agent, field)
    if not np.isfinite(found):
        raise DoorError(f"env: agent {agent!r}: {field} must be finite, got {found}")
    return found


def flag(value: Any, agent: object, field: str) -> bool:
    """Whether an agent's episode has ended: a truth value of any kind, or 0 or 1.

    Raises:
        DoorError: for anything else.
    """
    if value is True or value is False:
        return value
    found = _real_scalar(value)
    if found not in (0.0, 1.0):
        raise DoorError(f"env: agent {agent!r}: {field} must be true or false, got {shown(value)}")
    return found == 1.0


def whole_number(value: Any, what: str, least: int) -> int:
    """A whole number from `least` on; neither True nor 1.0 nor "1" is one.

    Raises:
        DoorError: for anything else.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral) or value < least:
        raise DoorError(f"{what} must be a whole number, at least {least}, got {shown(value)}")
    return int(value)


def names(value: Any, what: str) -> tuple[str, ...]:
    """The agents' names as text, no two alike.

    Raises:
        DoorError: if there are none, or two of one name.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise DoorError(f"env: {what} must be a list of names, got {shown(value)}")
    found = tuple(str(name) for name in value)
    if not found:
        raise DoorError(f"env: {what} is empty; at least one agent is needed")
    twice = next((name for name in found if found.count(name) > 1), None) if len(set(found)) < len(found) else None
    if twice is not None:
        raise DoorError(f"env: {what} has two agents of the name {twice!r}")
    return found


def in_order(value: Any, agents: Sequence[Any], what: str) -> Any:
    """A mapping by agent as a list in the agents' order, mappings within it too; anything else as it is.

    Raises:
        DoorError: if an agent is missing from the mapping.
    """
    if not isinstance(value, Mapping):
        return value
    by_name = {str(key): entry for key, entry in value.items()}
    missing = next((agent for agent in agents if str(agent) not in by_name), None)
    if missing is not None:
        raise DoorError(f"env: {what} has nothing for agent {missing!r}")
    return [in_order(by_name[str(agent)], agents, what) for agent in agents]


def array(value: Any, what: str, shape: tuple[int, ...]) -> np.ndarray:
    """Real numbers of exactly this shape, in whatever numeric type they come.

    Raises:
        DoorError: for another shape, text, ragged lists.
    """
    found = as_array(value, what)
    if found.shape != shape:
        raise DoorError(f"env: {what} must have shape {list(shape)}, got {list(found.shape)}")
    if found.dtype.kind not in _REAL:
        raise DoorError(f"env: {what} must hold numbers, got {shown(value)}")
    return found


def whole_array(value: Any, what: str, agents: Sequence[Any], least: int) -> np.ndarray:
    """[N] int64 from a list or a mapping by agent.

    Raises:
        DoorError: naming the agent whose number is not whole, or too small.
    """
    found = array(in_order(value, agents, what), what, (len(agents),))
    wrong = ~(np.isfinite(found) & (found == np.floor(found)) & (found >= least))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise DoorError(
            f"env: agent {agents[at]!r}: {what} must be a whole number, at least {least}, got {found[at].item()}"
        )
    return found.astype(np.int64)


def action_mask(value: Any, agent: object, actions: int) -> np.ndarray:
    """[actions] bool, true where an action is allowed.

    Raises:
        DoorError: for another length, or entries that are not 0 or 1.
    """
    found = array(value, f"agent {agent!r}: action_mask", (actions,))
    if not ((found == 0) | (found == 1)).all():
        raise DoorError(
            f"env: agent {agent!r}: action_mask must hold 0 (forbidden) and 1 (allowed), got {shown(value)}"
        )
    return found.astype(bool)


def _real_scalar(value: Any) -> float | None:
    if isinstance(value, numbers.Real):
        return float(value)
    try:
        found = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
    except (ValueError, TypeError, RuntimeError):
        return None
    return float(found.reshape(-1)[0]) if found.size == 1 and found.dtype.kind in _REAL else None


def as_array(value: Any, what: str) -> np.ndarray:
    """Whatever numpy makes of lists, tensors and sparse matrices; of what numbers is not looked at.

    Raises:
        DoorError: for what is no array, as ragged lists.
    """
    if hasattr(value, "toarray"):  # scipy's sparse matrices
        value = value.toarray()
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DoorError(f"env: {what} must be an array of numbers, got {shown(value)}") from error
