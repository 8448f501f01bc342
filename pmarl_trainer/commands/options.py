"""Options as one object: a command is a function of a dataclass whose fields are its arguments and options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

#: An option of every command.
TracebackOption = Annotated[
    bool, typer.Option("--traceback", help="Show where an error came from, not only what it says.")
]


def takes(options: type[Any]) -> Callable[[Callable[[Any], None]], Callable[..., None]]:
    """Let a function of one `options` object be called as typer calls it, field by field."""
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(options)
    ]

    def decorate(command: Callable[[Any], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**values: Any) -> None:
            try:
                command(options(**values))
            except KeyboardInterrupt as stopped:
                print(str(stopped) or "stopped", file=sys.stderr)
                raise typer.Exit(130) from stopped

        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = hints
        del call.__wrapped__
        return call

    return decorate
