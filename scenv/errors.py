"""The errors that scenv raises for input it cannot use, and the small helpers that word them.

Every message is one line: where (file), what (field, firm or edge), and what was expected.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["ActionError", "NetworkError", "PolicyError", "ScenarioError", "ScenvError", "did_you_mean", "shown"]

_SHOWN_CHARACTERS = 60


class ScenvError(ValueError):
    """Something given to scenv cannot be used. The message is one line that says what was expected."""


class NetworkError(ScenvError):
    """A supply network (file, graph or generator argument) is not a valid one."""


class ScenarioError(ScenvError):
    """A scenario (file, mapping or override) is not a valid one."""


class ActionError(ScenvError):
    """Actions or orders given to `step` do not fit the environment."""


class PolicyError(ScenarioError):
    """A policy that somebody wrote is none, or raises an exception of its own, which is then the cause of this one."""

    @classmethod
    def of(cls, where: str, error: BaseException) -> PolicyError:
        """The error of a foreign exception, in one line: where, its type and the first line of what it says."""
        said = str(error).strip().split("\n", 1)[0][:200]
        return cls(f"{where}: {type(error).__name__}{f': {said}' if said else ''}")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A hint to append to an error about an unknown word: ``" (did you mean 'x'?)"``, or ``""`` if nothing is near.

    Near is a slip of the pen, not another thing: every part of `word` must have a near part in the known name, so that
    `storage_capacity` is not taken for `capacity`, nor `ordering_cost` for `holding_cost`; `hold_cost` is near.
    """
    word = str(word)[:200].lower()
    best, near = 0.0, ""
    for name in known:
        swapped = sorted(_parts(word)) == sorted(_parts(name.lower())) != []  # 'a -> b' for 'b -> a', mean_demand
        ratio = 1.0 if swapped else difflib.SequenceMatcher(None, word, name.lower()).ratio()
        if ratio > max(best, 0.6) and _is_slip(word, name.lower()):
            best, near = ratio, name
    return f" (did you mean {near!r}?)" if near else ""


def _is_slip(word: str, name: str) -> bool:
    joined = difflib.SequenceMatcher(None, "".join(_parts(word)), "".join(_parts(name))).ratio()
    return joined >= 0.85 or all(any(_near(part, other) for other in _parts(name)) for part in _parts(word))


def _parts(word: str) -> list[str]:
    return re.findall(r"[^\W_]+", word)


def _near(part: str, other: str) -> bool:
    if (len(part) >= 3 and other.startswith(part)) or (part.isdecimal() and other.isdecimal()):
        return True
    ratio = difflib.SequenceMatcher(None, part, other).ratio()
    short = len(other) <= 3
    return ratio >= (0.6 if short else 0.7) and abs(len(part) - len(other)) <= (1 if len(other) < 8 else 2)


def shown(value: object) -> str:
    """``repr(value)`` on one line and cut to a readable length, for use inside a message."""
    # A huge string or integer is cut before repr: repr of an integer of thousands of digits raises in Python >= 3.11.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**_SHOWN_CHARACTERS:
        return "an integer of more than 60 digits"
    if isinstance(value, str | bytes):
        value = value[: _SHOWN_CHARACTERS + 1]
    elif isinstance(value, dict | list | tuple | set) and len(value) > _SHOWN_CHARACTERS:
        return f"a {type(value).__name__} of {len(value)} entries"
    try:
        text = " ".join(repr(value).split())
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARACTERS + 2 else text[:_SHOWN_CHARACTERS] + "..."
