"""How a scenario file is read: the YAML in it, and the paths that it names.

YAML is plain data by the core rules of YAML 1.2 (1e1 is 10, 010 is 10, `on` and `no` are text), and every key is the
text that stands in the file. Nothing that is read can run code, explode, or say two things at once.

This file stands in `scenv/scenario` and in `pmarl_trainer/config`, byte for byte: neither package imports the other,
and both doors must read a file in the same way. A test compares them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["CORE", "MAX_DEPTH", "MAX_YAML_BYTES", "ReadingError", "absolute_path", "parse_yaml", "with_absolute_paths"]

MAX_YAML_BYTES = 2**20
MAX_DEPTH = 20

#: Keys whose text names a file if it has an ending or a separator; so does every key that ends in _file or _path.
_FILE_KEYS = frozenset({"file", "network", "path", "scenario"})
#: A mapping of names to names, none of them a file's.
_NO_FILES_IN = frozenset({"columns"})

_NULL, _BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
#: The scalars that are no text: tag -> pattern, first characters, what is made of it.
CORE: dict[str, tuple[re.Pattern[str], list[str], Callable[[str], Any]]] = {
    _NULL: (re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""], lambda text: None),
    _BOOL: (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"), lambda text: text[0] in "tT"),
    _INT: (
        re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
        list("-+0123456789"),
        lambda text: int(text, 0) if text[1:2] in ("o", "x") else int(text, 10),
    ),
    _FLOAT: (
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
        list("-+.0123456789"),
        lambda text: math.nan if text.lower() == ".nan" else float(text.lower().replace(".inf", "inf")),
    ),
}


class ReadingError(ValueError):
    """What is wrong with a file: one line, without the file's name.

    Attributes:
        line: where, counted from 1, or None.
        field: the key under which it stands, with dots, or "".
    """

    def __init__(self, message: object, line: int | None = None, field: str = "") -> None:
        super().__init__(" ".join(str(message).split())[:500])
        self.line = line
        self.field = field


def parse_yaml(text: str) -> Any:
    """The one document of a YAML text: mappings with text as keys, lists, text, numbers, booleans, null.

    Raises:
        ReadingError: if it is nested too deeply, is not YAML, or has aliases (`*name`), merge keys (`<<`), tags of
            other types, or a key twice.
    """
    try:
        return yaml.load(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # "expected a single document", "but found another": most problems say all by themselves.
        parts = [error.context, error.problem] if str(error.problem).startswith("but") else [error.problem]
        raise ReadingError(" ".join(map(str, parts)), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise ReadingError(f"not YAML ({error})") from None
    except (ValueError, OverflowError) as error:  # an integer of thousands of digits
        raise ReadingError(f"a value cannot be read ({error})") from None


def with_absolute_paths(fields: Mapping[str, Any], folder: Path, confined: bool, where: str = "") -> dict[str, Any]:
    """The same fields, in which everything that names a file names it by its absolute path.

    Args:
        fields: of a scenario file, or of the command line.
        folder: where relative paths start.
        confined: whether they must stay in this folder; for paths that a file names.
        where: the key of `fields` itself, for messages.

    Raises:
        ReadingError: see `absolute_path`.
    """

    def absolute(value: Any, key: str, field: str) -> Any:
        if isinstance(value, Mapping):
            return value if key in _NO_FILES_IN else with_absolute_paths(value, folder, confined, field)
        if isinstance(value, list):
            return [absolute(entry, key, f"{field}.{index}") for index, entry in enumerate(value)]
        is_name = key in _FILE_KEYS or key.endswith(("_file", "_path"))
        return absolute_path(value, folder, confined, field) if is_name and _is_path(value) else value

    return {key: absolute(value, str(key), f"{where}.{key}" if where else str(key)) for key, value in fields.items()}


def absolute_path(value: str, folder: Path, confined: bool, field: str = "") -> str:
    """Where a path leads from a folder. An absolute path is its writer's own choice.

    Raises:
        ReadingError: if it is no path, or, where `confined`, leaves the folder, be it by a symbolic link.
    """
    if Path(value).is_absolute():
        return value
    try:
        home = folder.resolve()
        target = (home / value).resolve()
        target.exists()  # raises for a name that no file can have
    except (OSError, ValueError, RuntimeError) as error:  # too long, with a NUL, a loop of links
        raise ReadingError(f"{_shown(value)} is no path ({error})", field=field) from None
    if confined and not target.is_relative_to(home):
        raise ReadingError(
            f"must stay inside the scenario's folder, got {_shown(value)}; to allow it, write its absolute path there "
            "or give it on the command line",
            field=field,
        )
    return str(target)


def _is_path(value: Any) -> bool:
    """Whether a text names a file and not one of the networks that come with a package."""
    return isinstance(value, str) and ("/" in value or os.sep in value or Path(value).suffix != "")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")


class _CoreLoader(yaml.SafeLoader):
    """The core schema of YAML 1.2, less aliases, merge keys, duplicate keys and deep nesting."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 none of YAML 1.1's
    yaml_constructors = {  # noqa: RUF012
        **{
            tag: yaml.SafeLoader.yaml_constructors[tag]
            for tag in (f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str"))
        },
        None: yaml.SafeLoader.yaml_constructors[None],
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not accepted", mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {MAX_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "expected a mapping", node.start_mark)
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.tag.startswith("tag:yaml.org,2002:"):
                problem = "a key must be text, not a list or mapping"
            elif key.value == "<<" and key.style is None:
                problem = "merge keys (<<) are not accepted"
            elif key.value in mapping:
                problem = f"duplicate key {_shown(key.value)}"
            else:
                mapping[key.value] = self.construct_object(value, deep=deep)
                continue
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        return mapping

    def construct_core(self, node: yaml.Node) -> Any:
        """A null, boolean, integer or float, whose text must be written as one."""
        pattern, _, convert = CORE[node.tag]
        if not isinstance(node, yaml.ScalarNode) or not pattern.match(node.value):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(None, None, f"is no {kind} of YAML 1.2", node.start_mark)
        return convert(node.value)


for _tag, (_pattern, _first, _) in CORE.items():
    _CoreLoader.add_implicit_resolver(_tag, _pattern, _first)
    _CoreLoader.add_constructor(_tag, _CoreLoader.construct_core)
