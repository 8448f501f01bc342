"""The JSON schema of a scenario's fields, by which an editor completes and checks a scenario file while it is written.

It says less than the readers check: numbers' bounds where they are simple, and nothing that needs the network.
"""

from __future__ import annotations

from typing import Any

from scenv.scenario.demand.process import DEMAND_MARK, known_kinds
from scenv.scenario.disruption_sets import DISRUPTION_SETS
from scenv.scenario.files import DOOR_KEYS
from scenv.scenario.scenario import Scenario

__all__ = ["scenario_schema"]

_REF = "#/$defs/{model}"
_TEXT = {"type": "string"}
_OTHERS = {
    "scenario": {**_TEXT, "description": "What to start from: a built-in name, a network file or a scenario file."},
    "entry": {**_TEXT, "description": "'module:callable' that makes the environment; for the trainer."},
    "backend": {"enum": ["numpy", "torch"], "description": "What the arrays are; for the trainer."},
    "device": {"type": ["string", "null"], "description": "Where they lie, with torch; for the trainer."},
}


def scenario_schema() -> dict[str, Any]:
    """The schema of the fields of a scenario file, with and without a section `env:` around them; `$defs` inside."""
    schema = Scenario.model_json_schema(ref_template=_REF)
    defs = schema.pop("$defs", {})
    kinds = {kind: process for kind, process in known_kinds().items() if process.__module__.startswith("scenv.")}
    for process in kinds.values():
        own = process.model_json_schema(ref_template=_REF)
        defs.update(own.pop("$defs", {}))
        defs[process.__name__] = own
    defs["Demand"] = _demand({kind: process.__name__ for kind, process in kinds.items()})
    schema["properties"] |= {name: _OTHERS[name] for name in ("scenario", *sorted(DOOR_KEYS))}
    schema.pop("required", None)
    marked: dict[str, Any] = _with_demand_refs({**schema, "$defs": defs})
    demand = marked["properties"]["demand"]  # at the top, and only there, also the network's own: 'data'
    marked["properties"]["demand"] = {
        **{key: value for key, value in demand.items() if key != "allOf"},
        "if": {"type": "string"},
        "then": {"const": "data"},
        "else": {"$ref": "#/$defs/Demand"},
    }
    listed = marked["properties"]["disruptions"]  # or the name of a set
    kept = {key: listed.pop(key) for key in ("default", "description")}
    marked["properties"]["disruptions"] = {
        **kept,
        "if": {"type": "string"},
        "then": {"enum": list(DISRUPTION_SETS)},
        "else": listed,
    }
    return marked


def _demand(models: dict[str, str]) -> dict[str, Any]:
    """A number, or the fields of the model of the mapping's kind; without one, of Poisson demand. Branch by branch, so
    that an editor names the one field that is wrong.
    """
    branches = [
        {
            "if": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": kind}}},
            "then": {"$ref": f"#/$defs/{model}"},
        }
        for kind, model in models.items()
    ]
    bare = {"if": {"type": "object", "not": {"required": ["kind"]}}, "then": {"$ref": f"#/$defs/{models['poisson']}"}}
    return {
        "type": ["number", "object"],
        "minimum": 0,
        "properties": {"kind": {"enum": list(models)}},
        "allOf": [*branches, bare],
    }


def _with_demand_refs(part: Any) -> Any:
    """The same schema, in which every place of a demand process refers to the definition of all kinds."""
    if isinstance(part, list):
        return [_with_demand_refs(entry) for entry in part]
    if not isinstance(part, dict):
        return part
    if DEMAND_MARK in part:
        kept = {key: value for key, value in part.items() if key in ("default", "description")}
        return {**kept, "allOf": [{"$ref": "#/$defs/Demand"}]}
    return {key: _with_demand_refs(entry) for key, entry in part.items()}
