"""Reading scenarios: from a built-in name, a scenario YAML, a network file, a mapping, a graph, or another scenario.

Nothing that is read can run code: YAML goes through the safe loader, which also refuses duplicate keys, aliases and
files over a size cap. What a scenario says is layered, later ones win: the schema's defaults, the network file's
`scenario` block, the scenario file, the overrides of the call.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, cast

import networkx as nx
import yaml
from pydantic import ValidationError

from scenv.errors import NetworkError, ScenarioError, did_you_mean
from scenv.field_types import problem_of
from scenv.network import BUILT_IN_NETWORKS, Network, load_network
from scenv.scenario import Scenario

MAX_YAML_BYTES = 1 << 20
MAX_YAML_DEPTH = 20
#: Keys of a scenario file's `env:` section that speak to the trainer's door, not to the environment.
DOOR_KEYS = frozenset({"entry", "num_envs", "backend", "device", "seed"})


def load_scenario(
    source: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2", **overrides: Any
) -> Scenario:
    """Make a validated scenario.

    Args:
        source: a built-in name (bg, r1, r2, r3), the path of a scenario YAML (its `env:` section, or the fields at top
            level) or
            of a network file, a mapping of fields (its key `scenario` names the one to start from), a network, or a
            Scenario.
        **overrides: fields of `Scenario`, which win over everything else.

    Returns:
        The frozen scenario.

    Raises:
        ScenarioError: one sentence that names the source, the field and what was expected.
        NetworkError: likewise for the network behind it.

    Example:
        >>> load_scenario("r2", shipment_lead_time=3).shipment_lead_time
        3
    """
    label, fields = _fields_of(source)
    fields = {**fields, **overrides}
    if "network" not in fields:
        raise ScenarioError(f"{label}: field 'network' is missing; give a built-in name, a network file or a graph")
    network = fields["network"]
    if isinstance(network, (str, Path, nx.Graph)):
        network = load_network(network)
    if not isinstance(network, Network):
        raise ScenarioError(
            f"{label}: field 'network' must be a name, a path or a networkx DiGraph, got {network!r:.60}"
        )
    fields = {**network.metadata.get("scenario", {}), **fields, "network": network}
    try:
        return Scenario.model_validate(fields)
    except ValidationError as error:
        raise ScenarioError(f"{label}: {problem_of(error, Scenario)}") from error


def _fields_of(source: Any) -> tuple[str, dict[str, Any]]:
    """(what to call the source in an error, its explicit fields)."""
    if isinstance(source, Scenario):
        return f"scenario {source.network.name!r}", {name: getattr(source, name) for name in Scenario.model_fields}
    if isinstance(source, (nx.Graph, Network)):
        return "scenario from a graph", {"network": source}
    if isinstance(source, Mapping):
        return "scenario", _resolve(dict(source), "scenario", None)
    if isinstance(source, Path) or (isinstance(source, str) and source not in BUILT_IN_NETWORKS):
        path = Path(source)
        if path.suffix.lower() in (".yaml", ".yml"):
            return str(path), _resolve(_environment_section(read_yaml(path), path), str(path), path.parent)
        return str(path), {"network": str(source)}
    if isinstance(source, str):
        return f"scenario {source!r}", {"network": source}
    raise ScenarioError(
        f"scenario must be a name, a path, a mapping, a graph or a Scenario, got {type(source).__name__}"
    )


def _environment_section(document: Any, path: Path) -> dict[str, Any]:
    """The environment's own fields of a scenario file, with or without an `env:` section around them."""
    if not isinstance(document, Mapping):
        raise ScenarioError(f"{path}: a scenario file must be a mapping of fields, got {type(document).__name__}")
    section = document
    if "env" in document or "train" in document:
        unknown = [key for key in document if key not in ("env", "train")]
        if unknown:
            raise ScenarioError(
                f"{path}: unknown section {unknown[0]!r}{did_you_mean(str(unknown[0]), ('env', 'train'))}"
            )
        section = document.get("env", {})
    if not isinstance(section, Mapping):
        raise ScenarioError(f"{path}: section 'env' must be a mapping of fields, got {type(section).__name__}")
    return {str(key): value for key, value in section.items() if key not in DOOR_KEYS}


def _resolve(fields: dict[str, Any], label: str, folder: Path | None) -> dict[str, Any]:
    """Follow `scenario:` to the scenario it starts from, and make a relative `network:` path the scenario folder's."""
    base = fields.pop("scenario", None)
    network = fields.get("network")
    if folder is not None:
        base = _inside(base, "scenario", label, folder)
        if network is not None:
            fields["network"] = _inside(network, "network", label, folder)
    if base is None:
        return fields
    _, base_fields = _fields_of(base)
    return {**base_fields, **fields}


def _inside(value: Any, field: str, label: str, folder: Path) -> Any:
    """A built-in name as it is; a relative path from the file's own folder, which it may not leave."""
    if not isinstance(value, str) or value in BUILT_IN_NETWORKS:
        return value
    path = (folder / value).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ScenarioError(f"{label}: field {field!r} must stay inside the scenario's folder, got {value!r}")
    return str(path) if path.exists() or path.suffix else value


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, less what makes small files explode or say two things at once: aliases, duplicates, deep
    nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = cast(Any, self).peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not accepted", mark)
        self.depth += 1
        if self.depth > MAX_YAML_DEPTH:
            mark = cast(Any, self).peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {MAX_YAML_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key_node.value!r}", key_node.start_mark
                )
            if isinstance(key_node.value, str):
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Read a YAML file as plain data.

    Raises:
        ScenarioError: if it cannot be read, is over the size cap, or is not plain, unambiguous YAML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_YAML_BYTES + 1)
        if len(raw) > MAX_YAML_BYTES:
            raise ScenarioError(f"{path}: larger than {MAX_YAML_BYTES} bytes, which no scenario file needs")
        return yaml.load(raw.decode("utf-8"), Loader=_StrictLoader)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ScenarioError(f"{path}: line {line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: not YAML ({str(error).splitlines()[0]})") from error


__all__ = ["NetworkError", "ScenarioError", "load_scenario", "read_yaml"]
