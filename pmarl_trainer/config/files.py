"""From a scenario file and overrides to a `RunConfig`. Reading never runs code, and every refusal is one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pmarl_trainer.config.adjacency_file import read_adjacency
from pmarl_trainer.config.reading import MAX_YAML_BYTES, ReadingError, absolute_path, parse_yaml, with_absolute_paths
from pmarl_trainer.config.schema import RunConfig, TrainConfig, unknown_key_hint
from pmarl_trainer.errors import ConfigError

#: The environment of a scenario that names none: a file of its fields alone, a network file, or a name.
DEFAULT_ENTRY = "scenv:vector_env"
_FIELDS_OF_DEFAULT = frozenset({"network", "scenario"})
_YAML = (".yaml", ".yml")


def read_config(source: str | Path, overrides: Iterable[str] = (), **train: Any) -> RunConfig:
    """Read a scenario file.

    Args:
        source: a YAML file with the sections `env:` and, optionally, `train:`, or with the fields of `env:` alone; a
            network file; or the name of a scenario that the environment knows. The last two, and fields without an
            `entry`, are for `scenv:vector_env`.
        overrides: `key=value` texts; the key is `train.…`, `env.…`, or a bare name of the section train.
        **train: values of the section train that win over all others (None: not given).

    Raises:
        ConfigError: one line that names the file, the key and what was expected.
    """
    document, folder = _document(str(source))
    return build_config(document, str(source), overrides, folder=folder, **train)


def _document(source: str) -> tuple[Any, Path | None]:
    """The plain data of a scenario, and the folder in which the files that it names are looked for."""
    path = Path(source)
    ending = path.suffix.lower()
    if ending == ".json" and (run := _run_of_json(path)) is not None:
        return run, path.parent
    if ending in _YAML or (not ending and path.exists()):
        return _yaml_of(_text_of(path), source), path.parent
    if not ending and path.name == source:
        return {"env": {"entry": DEFAULT_ENTRY, "scenario": source}}, None
    if not path.exists():
        raise ConfigError(f"{source}: cannot be read (no such file)")
    return {"env": {"entry": DEFAULT_ENTRY, "scenario": str(path.resolve())}}, None


def _run_of_json(path: Path) -> Any:
    """The sections of a JSON file, as a run's folder holds one; None for a network."""
    try:
        document = json.loads(_text_of(path))
    except (ConfigError, ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) and "env" in document else None


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe could block for ever
            raise ConfigError(f"{path}: not a regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_YAML_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if len(raw) > MAX_YAML_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_YAML_BYTES} bytes, which no scenario file needs")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error


def _yaml_of(text: str, label: str) -> Any:
    try:
        return parse_yaml(text)
    except ReadingError as problem:
        raise ConfigError(f"{label}: {f'line {problem.line}: ' if problem.line else ''}{problem}") from problem


def build_config(
    document: Any, label: str, overrides: Iterable[str] = (), *, folder: Path | None = None, **train: Any
) -> RunConfig:
    """A `RunConfig` from plain data; see `read_config`.

    Every file that is named is named by its absolute path afterwards. Those that `document` names are looked for in
    `folder`, which they may not leave unless by an absolute path; without a folder, and in overrides, in the shell's.
    """
    sections = {name: dict(section) for name, section in _sections(document, label).items()}
    _resolve(sections, folder or Path(), folder is not None, label)
    for text in overrides:
        section, key, value = _parse_override(text)
        own = {section: {key: value}}
        _resolve(own, Path(), False, f"override {text!r}")
        sections.setdefault(section, {}).update(own[section])
    given = {"train": {key: value for key, value in train.items() if value is not None}}
    _resolve(given, Path(), False, label)
    sections["train"] = {**sections.get("train", {}), **given["train"]}
    try:
        return RunConfig.model_validate(sections)
    except ValidationError as error:
        raise ConfigError(f"{label}: {_first_problem(error)}") from error


def _resolve(sections: dict[str, dict[str, Any]], folder: Path, confined: bool, label: str) -> None:
    """Name the files of `env` by absolute paths, and put the adjacency matrix of `train` in place of its file's name,
    so that the resolved configuration means the same from everywhere.
    """
    try:
        if "env" in sections:
            sections["env"] = with_absolute_paths(sections["env"], folder, confined, "env")
        adjacency = sections.get("train", {}).get("adjacency")
        if isinstance(adjacency, str):
            path = absolute_path(adjacency, folder, confined, "train.adjacency")
            sections["train"]["adjacency"] = read_adjacency(Path(path))
    except ReadingError as problem:
        raise ConfigError(f"{label}: {problem.field}: {problem}") from problem


def _sections(document: Any, label: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(document, Mapping):
        raise ConfigError(f"{label}: must be a mapping with the sections env and train, got {type(document).__name__}")
    if not {"env", "train"} & document.keys() and _FIELDS_OF_DEFAULT & document.keys():
        document = {"env": document}  # the fields of the environment, without a section around them
    sections = {}
    for name, section in document.items():
        if name not in RunConfig.model_fields:
            alone = "" if "env" in document else "; the environment's fields alone need a network or scenario"
            raise ConfigError(f"{label}: unknown section {name!r}{unknown_key_hint(str(name), '')}{alone}")
        if not isinstance(section, Mapping | None):
            raise ConfigError(f"{label}: section {name!r} must be a mapping, got {type(section).__name__}")
        if any(not isinstance(key, str) for key in section or {}):
            raise ConfigError(f"{label}: section {name!r}: every key must be a name")
        sections[str(name)] = section or {}
    if _FIELDS_OF_DEFAULT & sections.get("env", {}).keys():
        sections["env"] = {"entry": DEFAULT_ENTRY, **sections["env"]}
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
    return section, key, _yaml_of(value, f"override {text!r}")


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


__all__ = ["DEFAULT_ENTRY", "TrainConfig", "build_config", "read_config"]
