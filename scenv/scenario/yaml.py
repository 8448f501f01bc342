"""Reading YAML as plain data. Nothing that is read can run code, explode, or say two things at once."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, cast

import yaml

from scenv.errors import ScenarioError, shown
from scenv.scenario.text import named, read_text

__all__ = ["MAX_YAML_BYTES", "MAX_YAML_DEPTH", "read_yaml"]

MAX_YAML_BYTES = 2**20
MAX_YAML_DEPTH = 20


def read_yaml(path: str | Path) -> Any:
    """The one document of a YAML file: mappings, lists, text, numbers, booleans, null.

    Raises:
        ScenarioError: naming file and line, if it cannot be read, is over the size cap, nested too deeply, not YAML, or
            has aliases (`*name`), merge keys (`<<`), tags of other types, or a key twice.
    """
    text = read_text(path, MAX_YAML_BYTES)
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}" if mark else ""
        # "expected a single document", "but found another": most problems say all by themselves.
        parts = [error.context, error.problem] if str(error.problem).startswith("but") else [error.problem]
        raise ScenarioError(f"{named(path)}{line}: {_one_line(' '.join(map(str, parts)))}") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{named(path)}: not YAML ({_one_line(error)})") from None
    except (ValueError, OverflowError) as error:  # an impossible date, an integer of thousands of digits
        raise ScenarioError(f"{named(path)}: a value cannot be read ({_one_line(error)})") from None


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:200]


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, less aliases, merge keys, duplicate keys and deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = cast(Any, self).peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not accepted", mark)
        self.depth += 1
        if self.depth > MAX_YAML_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {MAX_YAML_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key must be text, not a list or mapping"
            elif key.tag == "tag:yaml.org,2002:merge":
                problem = "merge keys (<<) are not accepted"
            elif key.value in seen:
                problem = f"duplicate key {shown(key.value)}"
            else:
                seen.add(key.value)
                continue
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        return super().construct_mapping(node, deep)
