"""The parts of pages that only the program knows: help texts, scenario fields, demand kinds, pictures, measured speed.

    python docs/generate.py [--check]

A page holds such a part between `<!-- generated: kind argument -->` and `<!-- end generated -->`, so that it is there
for whoever reads the file in the repository. This script writes all of them anew; with --check it changes nothing and
exits with 1 if one is out of date. The site is built from what the pages say.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import typer
from click.testing import CliRunner
from PIL import Image
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

import scenv
from scenv.cli import app
from scenv.render import draw_episode, draw_network
from scenv.scenario.disruption_sets import DISRUPTION_SETS
from scenv_paper.command import app as paper_app

PAGES = Path(__file__).with_name("pages")
RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
BLOCK = re.compile(
    r"^<!-- generated: (?P<kind>\w+) (?P<argument>.*?) -->\n.*?^<!-- end generated -->$", re.MULTILINE | re.DOTALL
)
#: Programs of several commands, and of other packages; the trainer's others are one function each.
_APPS = {"scenv": app, "pmarl-benchmark": paper_app}
_PICTURE = re.compile(r"!\[(?P<title>[^\]]*)\]\((?P<file>[^)]+\.png)\)")
#: Fonts and versions of the plotting library move a few pixels; a changed network or episode moves many.
_TOLERATED_DIFFERENCE = 3.0


class UnknownPartError(Exception):
    """A page asks for a part that nobody makes."""


def renewed(text: str, where: str) -> str:
    """A page's text with every generated part made anew.

    Raises:
        UnknownPartError: names the page and the part.
    """

    def replacement(match: re.Match[str]) -> str:
        make = _MAKERS.get(match["kind"])
        if make is None:
            raise UnknownPartError(f"{where}: unknown part {match['kind']!r}; expected {', '.join(_MAKERS)}")
        head = f"<!-- generated: {match['kind']} {match['argument']} -->"
        return f"{head}\n{make(match['argument'])}\n<!-- end generated -->"

    return BLOCK.sub(replacement, text)


def pictures(text: str) -> Iterator[tuple[str, bytes]]:
    """(name below pages/, PNG) of every picture that a page asks for."""
    for match in BLOCK.finditer(text):
        if match["kind"] == "picture":
            yield _picture_name(match["argument"]), _picture(match["argument"])


def _picture_name(argument: str) -> str:
    return "pictures/" + argument.replace(" ", "_") + ".png"


@cache
def _picture(argument: str) -> bytes:
    """`network NAME`, `episode NAME POLICY` or `resilience NAME SET` as PNG."""
    kind, name, *policy = argument.split()
    if kind == "network":
        figure = draw_network(name)
    elif kind == "resilience":
        compared = ("base-stock", "optimised-base-stock", "decomposition-aggregation")
        figure = scenv.resilience(compared, name, disruptions=policy[0]).plot()
    else:
        followed = scenv.policies.make_policy(policy[0], scenv.load_scenario(name))
        figure = draw_episode(scenv.record_episode(followed, name, seed=1), f"{name} under {policy[0]}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _help(command: str) -> str:
    """The help text of a program, `scenv COMMAND` or `pmarl-train` for instance, as plain text."""
    program, *arguments = [*command.split(), "--help"]
    shown = {"TERM": "dumb", "COLUMNS": "80"}
    result = CliRunner().invoke(get_command(_program(program)), arguments, prog_name=program, env=shown)
    if result.exit_code:
        raise UnknownPartError(f"{command} --help fails: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip("\n").splitlines())


def _program(name: str) -> typer.Typer:
    """The command line of a console script."""
    if name in _APPS:
        return _APPS[name]
    only = typer.Typer(add_completion=False)
    only.command()(importlib.import_module(f"pmarl_trainer.commands.{name.removeprefix('pmarl-')}").command)
    return only


def _result(name: str) -> str:
    """What a benchmark wrote, benchmarks/results/NAME.md, below the page's own heading: without its title."""
    lines = _recorded(f"{name}.md").splitlines()[1:]
    text = "\n".join(f"#{line}" if line.startswith("#") else line for line in lines).strip()
    return _PICTURE.sub(r"![\g<title>](../../benchmarks/results/\g<file>)", text)


def _recorded(name: str) -> str:
    return _existing(name).read_text(encoding="utf-8")


def _existing(name: str) -> Path:
    """A file of benchmarks/results; a page that asks for one that nobody has recorded stops the build."""
    path = RESULTS / name
    if not path.is_file():
        raise UnknownPartError(f"benchmarks/results/{name} is not there: python -m benchmarks.{path.stem} records it")
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


def _demand_kinds(_: str) -> str:
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
        rows.append(f"| `{kind}` | {fields} | {summary} |")
    return "\n".join(rows)


def _plain(default: Any) -> str:
    """A default as a scenario file would say it."""
    return repr(default.model_dump(exclude_defaults=True) if isinstance(default, BaseModel) else default)


def _fields(name: str) -> str:
    """A table of a model's fields, with default and meaning; the scenario's own say whose choice it is."""
    if name != "Scenario":
        raise UnknownPartError(f"fields: unknown model {name!r}")
    rows = ["| field | default | meaning |", "| --- | --- | --- |"]
    for field, info in scenv.Scenario.model_fields.items():
        default = "*required*" if info.default is PydanticUndefined else f"`{_plain(info.default)}`"
        if info.default_factory is not None:  # it follows from another field; the meaning says how
            default = "*see right*"
        meaning = " ".join((info.description or "").split()).replace("|", "\\|")
        meaning = re.sub(r"\[(paper|choice)([^\]]*)\]", r"(**\1**\2)", meaning)
        rows.append(f"| `{field}` | {default} | {meaning} |")
    return "\n".join(rows)


def _speed(argument: str) -> str:
    return {"environment": _environment_speed, "simulators": _simulator_speed}[argument]()


def _shown_picture(argument: str) -> str:
    return f"![{argument}]({_picture_name(argument)})"


def _disruption_sets(_: str) -> str:
    """The sets of disruptions that have a name."""
    rows = [f"| `{name}` | {each.summary} |" for name, each in DISRUPTION_SETS.items()]
    return "\n".join(["| name | what happens |", "| --- | --- |", *rows])


_MAKERS: dict[str, Callable[[str], str]] = {
    "picture": _shown_picture,
    "help": lambda command: f"```text\n{_help(command)}\n```",
    "fields": _fields,
    "kinds": _demand_kinds,
    "sets": _disruption_sets,
    "result": _result,
    "speed": _speed,
}


def _differs(path: Path, png: bytes) -> bool:
    """Whether a picture is missing, of another size, or visibly another one."""
    if not path.exists():
        return True
    one, other = (np.asarray(Image.open(source).convert("RGB"), dtype=float) for source in (path, io.BytesIO(png)))
    return one.shape != other.shape or float(np.sqrt(((one - other) ** 2).mean())) > _TOLERATED_DIFFERENCE


def outdated(*, write: bool) -> list[str]:
    """Pages and pictures that are not what the code says, by name; written anew if `write`."""
    found = []
    for page in sorted(PAGES.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        now = renewed(text, page.name)
        if now != text:
            found.append(page.name)
            if write:
                page.write_text(now, encoding="utf-8")
        for name, png in pictures(text):
            if _differs(PAGES / name, png):
                found.append(name)
                if write:
                    (PAGES / name).parent.mkdir(exist_ok=True)
                    (PAGES / name).write_bytes(png)
    return found


if __name__ == "__main__":
    check = sys.argv[1:] == ["--check"]
    names = outdated(write=not check)
    for name in names:
        print(f"{name}: {'is not what the code says now: python docs/generate.py' if check else 'written'}")
    sys.exit(bool(check and names))
