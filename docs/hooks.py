"""What the pages show that only the program knows: its pictures, its help texts, its scenario fields and choices.

A page writes a line of its own like `{{ picture: network r2 }}`; it is replaced while the site is built, so the docs
cannot fall behind the code. An unknown line stops the build.
"""

from __future__ import annotations

import inspect
import io
import re
from functools import cache
from typing import Any

from click.testing import CliRunner
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

import scenv
import scenv.demand
from scenv.cli import app
from scenv.render import draw_episode, draw_network

_LINE = re.compile(r"^\{\{ (?P<kind>\w+): (?P<argument>.*?) \}\}$", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Add the pictures that pages ask for, drawn now."""
    for file in list(files.documentation_pages()):
        for match in _LINE.finditer(file.content_string):
            if match["kind"] == "picture":
                files.append(
                    File.generated(config, _picture_name(match["argument"]), content=_picture(match["argument"]))
                )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace every `{{ kind: argument }}` line."""
    depth = page.file.src_uri.count("/")

    def replacement(match: re.Match[str]) -> str:
        kind, argument = match["kind"], match["argument"]
        if kind == "picture":
            return f"![{argument}]({'../' * depth}{_picture_name(argument)})"
        if kind == "help":
            return f"```text\n{_help(argument)}\n```"
        if kind == "fields":
            return _fields(argument)
        if kind == "kinds":
            return _demand_kinds()
        raise PluginError(f"{page.file.src_uri}: unknown line {match[0]!r}; expected picture, help, fields or kinds")

    return _LINE.sub(replacement, markdown)


def _picture_name(argument: str) -> str:
    return "pictures/" + argument.replace(" ", "_") + ".png"


@cache
def _picture(argument: str) -> bytes:
    """`network NAME` or `episode NAME POLICY` as PNG."""
    kind, name, *policy = argument.split()
    if kind == "network":
        figure = draw_network(name)
    else:
        followed = scenv.policies.make_policy(policy[0], scenv.load_scenario(name))
        figure = draw_episode(scenv.record_episode(followed, name, seed=1), f"{name} under {policy[0]}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _help(command: str) -> str:
    """The help text of `scenv` or of `scenv COMMAND`, as plain text."""
    arguments = [*command.split()[1:], "--help"]
    result = CliRunner().invoke(get_command(app), arguments, prog_name="scenv", env={"TERM": "dumb", "COLUMNS": "80"})
    if result.exit_code:
        raise PluginError(f"{command} --help fails: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip("\n").splitlines())


def _demand_kinds() -> str:
    """A table of every kind of demand that a scenario file can name, with its fields."""
    rows = ["| kind | fields | what it is |", "| --- | --- | --- |"]
    by_kind = {
        process.model_fields["kind"].default: process
        for process in vars(scenv.demand).values()
        if isinstance(process, type) and issubclass(process, BaseModel) and process is not scenv.demand.DemandProcess
    }
    for kind in scenv.demand.kind_names():
        process = by_kind[kind]
        fields = ", ".join(f"`{field}`" for field in process.model_fields if field != "kind")
        summary = inspect.getdoc(process).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        rows.append(f"| [`{kind}`][{process.__module__}.{process.__name__}] | {fields} | {summary} |")
    return "\n".join(rows)


def _plain(default: Any) -> str:
    """A default as a scenario file would say it."""
    return repr(default.model_dump(exclude_defaults=True) if isinstance(default, BaseModel) else default)


def _fields(name: str) -> str:
    """A table of a model's fields, with default and meaning; the scenario's own say whose choice it is."""
    if name != "Scenario":
        raise PluginError(f"fields: unknown model {name!r}")
    rows = ["| field | default | meaning |", "| --- | --- | --- |"]
    for field, info in scenv.Scenario.model_fields.items():
        default = "*required*" if info.default is PydanticUndefined else f"`{_plain(info.default)}`"
        meaning = " ".join((info.description or "").split()).replace("|", "\\|")
        meaning = re.sub(r"\[(paper|choice)([^\]]*)\]", r"(**\1**\2)", meaning)
        rows.append(f"| `{field}` | {default} | {meaning} |")
    return "\n".join(rows)
