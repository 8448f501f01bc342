"""What CONTRIBUTING.md shows works as it stands, and versions agree wherever they are written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml

import scenv

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(title: str) -> tuple[str, str]:
    """(Python, added lines of the diff) of "### TITLE"."""
    body = TEXT.split(f"### {title}\n")[1].split("\n#")[0]
    code = re.search(r"```python\n(.*?)```", body, re.DOTALL)
    diff = "\n".join(re.findall(r"^\+ *(.*)$", body, re.MULTILINE))
    return code[1] if code else "", diff


def test_the_policy_is_a_policy_and_its_row_a_row() -> None:
    from scenv.policies.registry import NamedPolicy

    code, diff = section("A policy")
    names: dict = {"NamedPolicy": NamedPolicy}
    exec(code, names)
    (row,) = eval(f"[{diff}]", names)
    assert scenv.evaluate(row.make("bg"), "bg", episodes=3).mean > 0


def test_the_demand_process_is_known_by_its_kind() -> None:
    from typing import Literal

    from scenv.scenario.demand import process
    from scenv.scenario.fields import PerRetailer, per_retailer

    names = {**vars(process), "Literal": Literal, "PerRetailer": PerRetailer, "per_retailer": per_retailer, "np": np}
    try:
        exec(section("A demand process")[0], {**names, "__name__": "uniform"})
        process._KINDS["uniform"].model_rebuild(_types_namespace=names)
        demand = scenv.load_scenario("r2", demand={"kind": "uniform", "mean": 8}).demand
        drawn = demand.sample(np.random.default_rng(0), 20_000, ["ret_0"])
        mean, std = demand.moments(["ret_0"])
        assert drawn.mean() == pytest.approx(mean[0], rel=0.02)
        assert drawn.std() == pytest.approx(std[0], rel=0.02)
    finally:
        process._KINDS.pop("uniform", None)


def test_the_method_is_a_row_of_the_table() -> None:
    from pmarl_trainer.config.methods import METHODS, Method

    (row,) = eval("[{" + section("A method")[1] + "}]", {"Method": Method})
    assert row.keys() == {"plain"}
    assert vars(row["plain"]).keys() == vars(METHODS["pmarl"]).keys()


def test_the_reader_reads_and_its_line_is_one_of_the_table() -> None:
    from scenv.network import files
    from scenv.network.rows import NetworkRows

    code, diff = section("A network reader")
    names: dict = {"NetworkRows": NetworkRows}
    exec(code, names)
    (readers,) = eval("[{" + diff + "}]", names)
    rows = readers[".pairs"](b"a b\nb c\n", "x.pairs", "x")
    assert type(rows) is type(files.read_network("bg"))
    assert [row["id"] for row in rows.nodes] == ["a", "b", "c"]


def test_files_and_names_that_it_speaks_of_are_there(repository: Path) -> None:
    for path in re.findall(r"`((?:scenv|pmarl_trainer|benchmarks|docs|tests|\.ci|\.github)/[\w./]+)`", TEXT):
        assert (repository / path).exists(), path
    sessions = set(re.findall(r"nox -s ([a-z]+)", TEXT))
    known = set(re.findall(r"@nox\.session\ndef (\w+)", (repository / "noxfile.py").read_text(encoding="utf-8")))
    assert sessions == known


def test_versions_agree(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    pins = dict(
        line.split("==")
        for line in (repository / ".ci" / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    hooks = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (ruff,) = [repo["rev"] for repo in hooks if "ruff" in repo["repo"]]
    assert ruff == f"v{pins['ruff']}"


def test_workflows_and_templates_are_yaml(repository: Path) -> None:
    found = sorted((repository / ".github").rglob("*.yml"))
    assert len(found) >= 7
    for path in found:
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict), path
