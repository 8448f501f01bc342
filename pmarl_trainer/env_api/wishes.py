"""Arguments that the trainer would like an environment to have, and that it need not know.

A preset (`paper`: the paper's reward window) or a discount given for the trainer alone ask the environment to agree.
Only what its entry takes is passed, and what it does not take is said in one line; a user's own arguments always win.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pmarl_trainer.env_api.entry import import_entry
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.errors import DoorError
from pmarl_trainer.notices import notice


def with_wishes(entry: str, arguments: Mapping[str, Any], wishes: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments`, and those of `wishes` that the entry takes and the user has not given."""
    agreed = dict(arguments)
    for name, value in wishes.items():
        if name in agreed:
            continue
        if _takes(entry, agreed, name, value):
            agreed[name] = value
        else:
            notice(f"env: {entry} does not take {name}: {value!r}, which train asks for; it keeps its own")
    return agreed


def _takes(entry: str, arguments: Mapping[str, Any], name: str, value: Any) -> bool:
    try:
        parameters = inspect.signature(import_entry(entry)).parameters
    except (ValueError, TypeError):
        return False  # some callables in C do not tell
    if name in parameters:
        return True
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return False
    try:  # any keyword at all: ask it, with a single row
        make_env(entry, {**arguments, name: value}, 1, 0)
    except DoorError:
        return False
    return True
