"""The JSON schema of scenario files, by which editors complete and check them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import scenv
from scenv.scenario.json_schema import scenario_schema
from scenv.scenario.reading import parse_yaml

REPOSITORY = Path(__file__).parents[1]
FILE = REPOSITORY / "scenv" / "scenario" / "scenario.schema.json"
COMMENT = "# yaml-language-server: $schema="


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def problems(validator: Any, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(parse_yaml(text))]


def test_the_file_is_current() -> None:
    written = runpy.run_path(str(REPOSITORY / ".ci" / "scenario_schema.py"))["written"]()
    assert FILE.read_text(encoding="utf-8") == written, "run: python .ci/scenario_schema.py"


def test_every_model_makes_a_schema() -> None:
    assert scenv.Scenario.model_json_schema()["properties"]["horizon"]["type"] == "integer"
    own = scenario_schema()
    assert set(scenv.Scenario.model_fields) <= set(own["properties"])
    assert set(own["$defs"]["Demand"]["properties"]["kind"]["enum"]) >= {"poisson", "seasonal", "time_series"}


EXAMPLES = [*sorted((REPOSITORY / "scenarios").glob("*.yaml")), *sorted((REPOSITORY / "docs/examples").glob("*.yaml"))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_validates_and_names_the_schema(validator: Any, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert problems(validator, text) == []
    first = text.splitlines()[0]
    assert first.startswith(COMMENT)
    assert (path.parent / first.removeprefix(COMMENT)).resolve() == FILE


@pytest.mark.parametrize(
    "text",
    [
        "network: bg\ncosts: {holding: 1.0, backorder_ratio: 9}\ndemand: 3",
        "network: r2\nshipment_lead_time: {default: 2, 'a -> b': {values: [1, 3]}}\ncapacity: {manu_0: 9}",
        "network: r1\nshipment_lead_time: data\nstage_time_per_period: 7\nactions: {low: -1, high: 3}",
        "network: r1\ndemand: data",
        "network: bg\ndemand: {mean: {ret_0: 3}}",
        "network: bg\ndemand: {kind: deterministic, values: 4}",
        "network: bg\ndemand: {kind: deterministic, values: {ret_0: [1, 2], default: 3}}",
        "network: bg\ndemand: {kind: per_retailer, processes: {ret_0: 4, default: {kind: normal, mean: 3, std: 1}}}",
        "network: bg\ndemand: {kind: seasonal, factors: [1, 2], base: {kind: time_series, file: a.csv, missing: zero}}",
        "network: bg\ndisruptions: [{kind: delay, probability: 0.1, extra: 2, duration: {values: [1, 2]}}]",
        "network: bg\ndisruptions: [{kind: closure, period: 3, duration: 3}]",
        "network: bg\ndisruptions: [{kind: demand_shock, period: 1, factor: 2}]",
        "env: {entry: 'mine:make', anything: [1]}\ntrain: {adjacency: a.npy, keep_checkpoints_num: null}",
    ],
)
def test_what_the_readers_take_the_schema_takes(validator: Any, text: str) -> None:
    assert problems(validator, text) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("network: r2\nhorizn: 3", "horizn"),
        ("env: {network: r2, costss: data}", "costss"),
        ("env: {network: r2}\ntrain: {bach_size: 3}", "bach_size"),
        ("env: {network: r2}\ntrian: {}", "trian"),
        ("network: r2\ndemand: {kind: normal, mean: 3, sdt: 1}", "sdt"),
        ("network: r2\ndemand: {mean: 3, std: 1}", "std"),
        ("network: r2\ndemand: {kind: seasonal, base: {kind: poisson, maen: 3}, factors: [1]}", "maen"),
        ("network: r2\ndemand: {kind: possion, mean: 3}", "possion"),
        ("network: r2\nactions: {low: 1, hihg: 3}", "hihg"),
        ("network: r2\ndisruptions: [{kind: closure, frims: [a], period: 3}]", "frims"),
        ("network: r2\nhorizon: many", "many"),
        ("horizon: 3", "horizon"),
    ],
)
def test_a_misspelt_key_is_flagged(validator: Any, text: str, named: str) -> None:
    assert any(named in problem for problem in problems(validator, text))
