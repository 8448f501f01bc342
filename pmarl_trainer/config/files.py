"""From a scenario file and overrides to a `RunConfig`. Reading never runs code, and every refusal is one line."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pmarl_trainer.config.adjacency_file import read_adjacency
from pmarl_trainer.config.schema import RunConfig, TrainConfig, unknown_key_hint
from pmarl_trainer.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 20


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, less what makes small files explode or say two things at once: aliases, duplicates, deep
    nesting.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._refusal("aliases (*name) are not accepted")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._refusal(f"nested deeper than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refusal(self, why: str) -> yaml.constructor.ConstructorError:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.constructor.ConstructorError(None, None, why, mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key.value, str)]
        for key, _ in node.value:
            if isinstance(key.value, str) and names.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, label: str) -> Any:
    """Plain data from YAML text.

    Raises:
        ConfigError: if it is not plain, unambiguous YAML; `label` says where it comes from.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ConfigError(f"{label}: line {line}: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{label}: not YAML ({(str(error) or 'unreadable').splitlines()[0]})") from error


def read_config(path: Path, overrides: Iterable[str] = (), **train: Any) -> RunConfig:
    """Read a scenario file.

    Args:
        path: a YAML file with the sections `env:` and, optionally, `train:`.
        overrides: `key=value` texts; the key is `train.…`, `env.…`, or a bare name of the section train.
        **train: values of the section train that win over all others (None: not given).

    Raises:
        ConfigError: one line that names the file, the key and what was expected.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes, which no scenario file needs")
    try:
        document = parse_yaml(raw.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    return build_config(document, str(path), overrides, folder=path.parent, **train)


def build_config(
    document: Any, label: str, overrides: Iterable[str] = (), *, folder: Path = Path(), **train: Any
) -> RunConfig:
    """A `RunConfig` from plain data; see `read_config`. Files that `document` names are looked for in `folder`."""
    sections = {name: dict(section) for name, section in _sections(document, label).items()}
    _read_adjacency_in(sections.get("train", {}), folder)
    for text in overrides:
        section, key, value = _parse_override(text)
        sections.setdefault(section, {})[key] = value
    given = {key: value for key, value in train.items() if value is not None}
    sections["train"] = {**sections.get("train", {}), **given}
    _read_adjacency_in(sections["train"], Path())
    try:
        return RunConfig.model_validate(sections)
    except ValidationError as error:
        raise ConfigError(f"{label}: {_first_problem(error)}") from error


def _read_adjacency_in(section: dict[str, Any], folder: Path) -> None:
    """Put the matrix in place of the name of its file, so that the resolved configuration is complete."""
    if isinstance(section.get("adjacency"), str):
        section["adjacency"] = read_adjacency(folder / section["adjacency"])


def _sections(document: Any, label: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(document, Mapping):
        raise ConfigError(f"{label}: must be a mapping with the sections env and train, got {type(document).__name__}")
    sections = {}
    for name, section in document.items():
        if name not in RunConfig.model_fields:
            raise ConfigError(f"{label}: unknown section {name!r}{unknown_key_hint(str(name), '')}")
        if not isinstance(section, Mapping | None):
            raise ConfigError(f"{label}: section {name!r} must be a mapping, got {type(section).__name__}")
        if any(not isinstance(key, str) for key in section or {}):
            raise ConfigError(f"{label}: section {name!r}: every key must be a name")
        sections[str(name)] = section or {}
    if "env" not in sections:
        raise ConfigError(f"{label}: section 'env' is missing; it names the environment, e.g. entry: module:callable")
    return sections


def _parse_override(text: str) -> tuple[str, str, Any]:
    path, equals, value = text.partition("=")
    section, dot, key = path.strip().partition(".")
    if not dot:
        section, key = "train", section
    if not equals or not key or section not in RunConfig.model_fields:
        raise ConfigError(f"override {text!r}: write key=value, with the key train.NAME, env.NAME or NAME")
    return section, key, parse_yaml(value, f"override {text!r}")


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    location = [str(part) for part in problem["loc"]]
    if problem["type"] == "extra_forbidden":
        return f"unknown key {'.'.join(location)!r}{unknown_key_hint(location[-1], location[0])}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{'.'.join(location)}: {message}" if location else message
    shown = " ".join(repr(problem["input"]).split())[:80]
    # Branches of a union stand in the location after the field; users know the field.
    field = ".".join(location[:2]) if location[0] == "train" and location[1:2] else ".".join(location)
    return f"{field}: {message} (got {shown})"


__all__ = ["TrainConfig", "build_config", "parse_yaml", "read_config"]
