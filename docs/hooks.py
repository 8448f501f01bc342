"""What the pages show that only the program knows: its pictures, its help texts, its scenario fields and choices.

A page writes a line of its own like `{{ picture: network r2 }}`; it is replaced while the site is built, so the docs
cannot fall behind the code. An unknown line stops the build.
"""

from __future__ import annotations

import inspect
import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

import scenv
import scenv.scenario.demand
from scenv.cli import app
from scenv.render import draw_episode, draw_network

_RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
_LINE = re.compile(r"^\{\{ (?P<kind>\w+): (?P<argument>.*?) \}\}$", re.MULTILINE)
_PICTURE = re.compile(r"!\[(?P<title>[^\]]*)\]\((?P<file>[^)]+\.png)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pictures that pages ask for: drawn now, or beside the results that they show."""
    for file in list(files.documentation_pages()):
        for match in _LINE.finditer(file.content_string):
            if match["kind"] == "picture":
                files.append(
                    File.generated(config, _picture_name(match["argument"]), content=_picture(match["argument"]))
                )
            elif match["kind"] == "result":
                for shown in _PICTURE.finditer(_recorded(f"{match['argument']}.md")):
                    recorded = _existing(shown["file"]).read_bytes()
                    files.append(File.generated(config, f"results/{shown['file']}", content=recorded))
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
        if kind == "result":
            return _result(argument, "../" * depth)
        if kind == "speed":
            return {"environment": _environment_speed, "simulators": _simulator_speed}[argument]()
        known = "picture, help, fields, kinds, result or speed"
        raise PluginError(f"{page.file.src_uri}: unknown line {match[0]!r}; expected {known}")

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


def _result(name: str, root: str) -> str:
    """What a benchmark wrote, benchmarks/results/NAME.md, below the page's own heading: without its title."""
    lines = _recorded(f"{name}.md").splitlines()[1:]
    text = "\n".join(f"#{line}" if line.startswith("#") else line for line in lines).strip()
    return _PICTURE.sub(rf"![\g<title>]({root}results/\g<file>)", text)


def _recorded(name: str) -> str:
    return _existing(name).read_text(encoding="utf-8")


def _existing(name: str) -> Path:
    """A file of benchmarks/results; a page that asks for one that nobody has recorded stops the build."""
    path = _RESULTS / name
    if not path.is_file():
        raise PluginError(f"benchmarks/results/{name} is not there: python -m benchmarks.{path.stem} records it")
    return path


def _environment_speed() -> str:
    """Steps per second from results/env_speed.json."""
    record = _record("env_speed")
    batched = {(row["network"], row["B"]): row["steps"] for row in record["batched"] if row["backend"] == "numpy"}
    single = {row["network"]: row["steps"] for row in record["pettingzoo"]}
    sizes = sorted({size for _, size in batched})
    rows = [f"| network | PettingZoo | {' | '.join(f'batched, B = {size:,}' for size in sizes)} |"]
    rows.append(f"| --- | ---: |{' ---: |' * len(sizes)}")
    for name, steps in single.items():
        cells = " | ".join(f"{batched[name, size]:,.0f}" for size in sizes)
        rows.append(f"| {name} | {steps:,.0f} | {cells} |")
    growth = [row["cpu_ns_per_firm_or_edge"] for row in record["by_size"]]
    largest = max(row["firms"] for row in record["by_size"])
    text = (
        f"From 10 to {largest:,} firms a step takes {min(growth):.1f} to {max(growth):.1f} ns for each firm or edge: "
        "cost grows linearly with both."
    )
    return "\n".join([*rows, "", text, "", _source(record)])


def _simulator_speed() -> str:
    """Node-steps per second beside others', from results/compare_simulators.json."""
    record = _record("compare_simulators")
    rows = ["| simulator | firms × periods per CPU second |", "| --- | ---: |"]
    rows += [f"| {name} | {speed:,.0f} |" for name, speed in record["node_steps_per_cpu_second"].items()]
    return "\n".join([*rows, "", _source(record)])


def _record(name: str) -> Any:
    return json.loads(_recorded(f"{name}.json"))


def _source(record: Any) -> str:
    about = record["about"]
    return f"`{about['command']}`, {about['machine']}, commit {about['commit']}, {about['date']}."


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
        if info.default_factory is not None:  # it follows from another field; the meaning says how
            default = "*see right*"
        meaning = " ".join((info.description or "").split()).replace("|", "\\|")
        meaning = re.sub(r"\[(paper|choice)([^\]]*)\]", r"(**\1**\2)", meaning)
        rows.append(f"| `{field}` | {default} | {meaning} |")
    return "\n".join(rows)
