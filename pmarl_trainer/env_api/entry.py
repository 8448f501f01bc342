"""The callable behind `env.entry`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from pmarl_trainer.env_api.foreign import in_one_line
from pmarl_trainer.errors import DoorError


def import_entry(entry: str) -> Callable[..., Any]:
    """The callable that `module:callable` names.

    Raises:
        DoorError: one line, if there is none, or its module cannot be imported, whatever the reason.
    """
    module_name, _, name = entry.partition(":") if isinstance(entry, str) else ("", "", "")
    if not module_name or not name:
        raise DoorError(f"env.entry must be 'module:callable', got {entry!r:.100}")
    if module_name.startswith("."):
        raise DoorError(f"env.entry {entry!r}: a module's full name is expected, not one relative to another module")
    try:
        factory: Any = importlib.import_module(module_name)
        for part in name.split("."):
            factory = getattr(factory, part)
    except (ImportError, AttributeError) as error:
        hint = "; install it, or put its folder on PYTHONPATH" if isinstance(error, ModuleNotFoundError) else ""
        raise DoorError(f"env.entry {entry!r} cannot be imported: {' '.join(str(error).split())}{hint}") from error
    except (Exception, SystemExit) as error:
        raise DoorError(f"env.entry {entry!r} cannot be imported: {in_one_line(error)}") from error
    if not callable(factory):
        raise DoorError(f"env.entry {entry!r} is not callable")
    return factory
