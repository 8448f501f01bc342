"""What commands share: how a scenario is named, where they print, what they may write over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console

from scenv.errors import ScenvError, shown
from scenv.policies import NAMED_POLICIES

__all__ = [
    "POLICY_NAMES",
    "ColumnsOption",
    "FirmsOption",
    "ScenarioOption",
    "SourceArgument",
    "columns_of",
    "named_source",
    "output_console",
    "policy_conditions",
    "refuse_to_overwrite",
    "write_comparisons",
    "write_text",
]

SourceArgument = Annotated[
    str | None, typer.Argument(help="bg, r1, r2, r3, or a scenario or network file.", show_default=False)
]
ScenarioOption = Annotated[
    str | None, typer.Option("--scenario", "--network", "-s", help="The same as SOURCE, by name.", show_default=False)
]
FirmsOption = Annotated[
    Path | None, typer.Option("--firms", help="For a table of links: the table of its firms.", show_default=False)
]
ColumnsOption = Annotated[
    str,
    typer.Option(
        "--columns",
        help="For tables: which column is which field, source=ships_from,target=ships_to.",
        show_default=False,
    ),
]
POLICY_NAMES = ", ".join("/".join((policy.name, *policy.short)) for policy in NAMED_POLICIES)

_PIPE_WIDTH = 120


def named_source(argument: str | None, option: str | None, default: str | None = None) -> str:
    """What a command is about, named by its argument or by --scenario.

    Raises:
        ScenvError: if the two differ, or there is neither and no default.
    """
    if argument is not None and option is not None and argument != option:
        raise ScenvError(f"{argument} or --scenario {option}? Name one of them")
    source = argument if argument is not None else option if option is not None else default
    if source is None:
        raise ScenvError("name a scenario: bg, r1, r2, r3, or a scenario or network file")
    return source


def columns_of(text: str) -> dict[str, str] | None:
    """{field: column} of "field=column,field=column"; None of no text. Raises `ScenvError` for anything else."""
    if not text:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    fields = [field.strip() for field, _, _ in pairs]
    for field, equals, column in pairs:
        if not (field.strip() and equals and column.strip()):
            raise ScenvError(f"--columns: expected field=column pairs with commas between them, not {shown(text)}")
        if fields.count(field.strip()) > 1:
            raise ScenvError(f"--columns: {shown(field.strip())} stands twice; expected each field once")
    return {field.strip(): column.strip() for field, _, column in pairs}


def policy_conditions() -> str:
    """The policies, one a paragraph, with what each needs."""
    return "\n\n".join(f"{policy.name}: {policy.summary}" for policy in NAMED_POLICIES)


def output_console() -> Console:
    """Standard output; a pipe or file, which has no width of its own, is wide enough for every table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, _PIPE_WIDTH))


def refuse_to_overwrite(path: Path, force: bool) -> None:
    """Raise `ScenvError` if something is at `path`, unless `force`; and if its folder is missing."""
    if path.is_dir():
        raise ScenvError(f"{path}: is a folder; expected the name of a file to write")
    if not path.parent.is_dir():
        raise ScenvError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not force:
        raise ScenvError(f"{path}: exists already; use --force to write over it")


class Comparable(Protocol):
    """What a comparison of policies found, for JSON."""

    def to_dict(self) -> dict[str, Any]: ...


def write_comparisons(path: Path, comparisons: Mapping[str, Comparable]) -> None:
    """Write what `--json` asked for: the one comparison, or those of several labels. Raises as `write_text`."""
    documents = [comparison.to_dict() for comparison in comparisons.values()]
    document = documents[0] if list(comparisons) == [""] else {"comparisons": documents}
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n", f"--json {path}")


def write_text(path: Path, text: str, label: str | None = None) -> None:
    """Write a file that a command was asked for.

    Raises:
        ScenvError: if it cannot be written, in one line that begins with `label`, by default the path.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScenvError(f"{label or path}: cannot be written ({error.strerror})") from error
