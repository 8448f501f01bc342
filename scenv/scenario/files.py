"""Reading scenarios: from a built-in name, a scenario YAML, a network file, a mapping, a graph, or another scenario.

What a scenario says is layered, later ones win: the schema's defaults, the network file's `scenario` block, the
scenario that a file starts from, the file itself, the overrides of the call. A file may name others (a network, a
demand series, a scenario to start from) by paths within its own folder, or by absolute paths (`reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
from pydantic import ValidationError

from scenv.errors import ScenarioError, did_you_mean, shown
from scenv.network.network import BUILT_IN_NETWORKS, Network
from scenv.scenario.fields import problem_of
from scenv.scenario.network_source import network_of
from scenv.scenario.reading import ReadingError, with_absolute_paths
from scenv.scenario.scenario import Scenario
from scenv.scenario.text import named
from scenv.scenario.yaml import read_yaml

__all__ = ["load_scenario"]

#: Keys of a scenario file's `env:` section that speak to the trainer's door, not to the environment.
DOOR_KEYS = frozenset({"entry", "backend", "device"})
#: Keys of the trainer's own section, which says how many environments there are and where their random numbers start.
_TRAINER_KEYS = ("num_envs", "seed")
_YAML = (".yaml", ".yml")
#: A scenario may start from another, that from a third; so long may the chain be.
#: What `scenv.vector_env()` and `scenv.parallel_env()` simulate unless told otherwise.
DEFAULT_NETWORK = "r2"
_MAX_CHAIN = 8

Fields = dict[str, Any]


def load_scenario(
    source: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2", **overrides: Any
) -> Scenario:
    """Make a validated scenario.

    Args:
        source: a built-in name (bg, r1, r2, r3), the path of a scenario YAML (its `env:` section, or the fields at top
            level) or of a network file, a mapping of fields (its key `scenario` names the one to start from), a
            network, or a Scenario.
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
    layers = _layers_of(source, ())
    fields = {**layers.fields, **overrides}
    if "network" not in fields:
        raise ScenarioError(
            f"{layers.label}: field 'network' is missing; give a built-in name, a network file or a graph"
        )
    try:
        network = network_of(fields["network"])
    except ScenarioError as error:
        raise ScenarioError(f"{layers.label}: {error}") from None
    if not isinstance(network, Network):
        raise ScenarioError(
            f"{layers.label}: field 'network': must be a name, a path or a networkx DiGraph, got {shown(network)}"
        )
    block = _network_block(network)
    try:
        return Scenario.model_validate({**block, **fields, "network": network})
    except ValidationError as error:
        problem = problem_of(error, Scenario)
        of_block = bool(problem.path) and problem.path[0] in block and problem.path[0] not in fields
        label = _block_label(network) if of_block else layers.label
        raise ScenarioError(f"{label}: {problem}") from error


@dataclass(frozen=True)
class _Layers:
    """The explicit fields of a source, and what to call it in an error."""

    label: str
    fields: Fields


def _layers_of(source: Any, chain: tuple[Path, ...]) -> _Layers:
    """Read a source; `chain` holds the files that led to it."""
    if isinstance(source, Scenario):
        # A default that follows from another field is not handed on: an override of that field changes it.
        fields = {
            name: getattr(source, name)
            for name, field in Scenario.model_fields.items()
            if field.default_factory is None or name in source.model_fields_set
        }
        return _Layers(f"scenario {source.network.name!r}", fields)
    if isinstance(source, (nx.Graph, Network)):
        return _Layers("scenario from a graph", {"network": source})
    if isinstance(source, Mapping):
        return _Layers("scenario", _started(dict(source), chain))
    if isinstance(source, Path) or (isinstance(source, str) and source not in BUILT_IN_NETWORKS):
        path = Path(source)
        if path.suffix.lower() in _YAML:
            return _Layers(named(path), _file_fields(path, chain))
        return _Layers(named(path), {"network": source})
    if isinstance(source, str):
        return _Layers(f"scenario {source!r}", {"network": source})
    raise ScenarioError(
        f"scenario must be a name, a path, a mapping, a graph or a Scenario, got {type(source).__name__}"
    )


def _file_fields(path: Path, chain: tuple[Path, ...]) -> Fields:
    """The fields of a scenario file, those of the scenario it starts from included."""
    document = read_yaml(path)
    own = path.resolve()
    if own in chain or len(chain) >= _MAX_CHAIN:
        names = " -> ".join(part.name for part in (*chain, own))
        what = "starts from itself" if own in chain else f"starts from more than {_MAX_CHAIN} others"
        raise ScenarioError(f"{named(path)}: field 'scenario': {what} ({names})")
    try:
        fields = with_absolute_paths(_environment_section(document, path), path.parent, confined=True)
    except ReadingError as problem:
        raise ScenarioError(f"{named(path)}: field {problem.field!r}: {problem}") from None
    return _started(fields, (*chain, own))


def _started(fields: Fields, chain: tuple[Path, ...]) -> Fields:
    """Follow `scenario` to the one that the fields start from."""
    base = fields.pop("scenario", None)
    return fields if base is None else {**_layers_of(base, chain).fields, **fields}


def _environment_section(document: Any, path: Path) -> Fields:
    """The environment's own fields of a scenario file, with or without an `env:` section around them."""
    if not isinstance(document, Mapping):
        raise ScenarioError(f"{named(path)}: a scenario file must be a mapping of fields, got {shown(document)}")
    section = document
    if "env" in document or "train" in document:
        for key in document:
            if key not in ("env", "train"):
                hint = did_you_mean(key, ("env", "train"))
                raise ScenarioError(f"{named(path)}: unknown section {shown(key)}{hint}; expected env and train")
        section = document.get("env", {})
    if not isinstance(section, Mapping):
        raise ScenarioError(f"{named(path)}: section 'env' must be a mapping of fields, got {shown(section)}")
    for key in _TRAINER_KEYS:
        if key in section:
            raise ScenarioError(f"{named(path)}: {key!r} is the trainer's: write it in the section train")
    fields = {key: value for key, value in section.items() if key not in DOOR_KEYS}
    if "entry" in section and not {"network", "scenario"} & fields.keys():
        fields["network"] = DEFAULT_NETWORK  # as the entry itself does
    return fields


def _network_block(network: Network) -> Fields:
    """What a network file says about the scenario: its `scenario` block.

    Raises:
        ScenarioError: for an unknown field, and for a file name: a network is passed on without its folder.
    """
    block = dict(network.metadata.get("scenario", {}))
    known = [name for name in Scenario.model_fields if name != "network"]
    for name in block:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ScenarioError(f"{_block_label(network)}: unknown field {shown(name)}{hint}")
    for name, value in block.items():
        if _names_a_file(value):
            raise ScenarioError(
                f"{_block_label(network)}: field {name!r}: a network cannot name files; name them in a scenario file"
            )
    return block


def _block_label(network: Network) -> str:
    return f"network {network.name!r}, its scenario block"


def _names_a_file(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_names_a_file, value))
    return isinstance(value, Mapping) and (
        isinstance(value.get("file"), str) or any(map(_names_a_file, value.values()))
    )
