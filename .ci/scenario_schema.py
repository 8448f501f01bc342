"""Write the JSON schema of scenario files, both sections, to scenv/scenario/scenario.schema.json.

python .ci/scenario_schema.py          # after a change of a field of Scenario or TrainConfig
"""

import json
from pathlib import Path
from typing import Any

from pmarl_trainer.config.schema import TrainConfig
from scenv.scenario.json_schema import scenario_schema

FILE = Path(__file__).parents[1] / "scenv" / "scenario" / "scenario.schema.json"


def schema() -> dict[str, Any]:
    fields = scenario_schema()
    train = TrainConfig.model_json_schema(ref_template="#/$defs/{model}")
    train["properties"]["adjacency"]["anyOf"].append({"type": "string"})  # the name of a file
    defs = {**fields.pop("$defs"), **train.pop("$defs", {}), "Scenario": fields, "TrainConfig": train}
    own_environment = {"properties": {"entry": {"pattern": "^scenv:"}}}
    defs["Environment"] = {
        "description": "The environment and its arguments; those of scenv are the fields of a scenario.",
        "type": "object",
        "if": own_environment,
        "then": {"$ref": "#/$defs/Scenario"},
        "else": {"required": ["entry"]},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Scenario file of scenv and pmarl-train",
        "type": "object",
        "if": {"anyOf": [{"required": ["env"]}, {"required": ["train"]}]},
        "then": {
            "properties": {"env": {"$ref": "#/$defs/Environment"}, "train": {"$ref": "#/$defs/TrainConfig"}},
            "required": ["env"],
            "additionalProperties": False,
        },
        "else": {
            "allOf": [{"$ref": "#/$defs/Scenario"}],
            "anyOf": [{"required": ["network"]}, {"required": ["scenario"]}],
        },
        "$defs": dict(sorted(defs.items())),
    }


def written() -> str:
    """The file's text."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
