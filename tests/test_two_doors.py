"""One scenario file, two doors: scenv's commands and the trainer read it by one rule, and mean the same files."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenv
from pmarl_trainer.config import reading as trainer_reading
from pmarl_trainer.config.files import build_config, read_config
from pmarl_trainer.config.writing import yaml_text
from pmarl_trainer.errors import ConfigError
from scenv.scenario import reading as scenv_reading

NAN = "NaN"


def read(reading: Any, text: str) -> Any:
    """What a reader makes of a text: plain data with types shown, or its refusal."""
    try:
        return repr(reading.parse_yaml(text))
    except reading.ReadingError as problem:
        return f"refused in line {problem.line}: {problem}"


def test_the_reader_stands_in_both_packages_byte_for_byte() -> None:
    files = [Path(module.__file__ or "") for module in (scenv_reading, trainer_reading)]
    assert files[0].read_bytes() == files[1].read_bytes()


CORE = {
    "1e1": 10.0,
    "1E-2": 0.01,
    "010": 10,
    "+7": 7,
    "-0": 0,
    "0o17": 15,
    "0x1F": 31,
    "1.": 1.0,
    ".5": 0.5,
    "-.5e3": -500.0,
    ".inf": math.inf,
    "-.INF": -math.inf,
    ".nan": NAN,
    "~": None,
    "null": None,
    "": None,
    "true": True,
    "FALSE": False,
    "'1'": "1",
    "!!str 010": "010",
    "!!float 3": 3.0,
    **{
        text: text
        for text in ("on", "off", "yes", "No", "y", "NO", "1_000", "12:30", "0b1", "2024-01-01", "1e", "=", "tRue")
    },
}


@pytest.mark.parametrize("text", CORE)
@pytest.mark.parametrize("reading", [scenv_reading, trainer_reading], ids=["scenv", "trainer"])
def test_scalars_by_the_core_rules_of_yaml_1_2(reading: Any, text: str) -> None:
    value = reading.parse_yaml(f"v: {text}")["v"]
    expected = CORE[text]
    assert math.isnan(value) if expected is NAN else value == expected and type(value) is type(expected), value


@pytest.mark.parametrize("key", ["010", "NO", "1.10", "12:30", "0x10", "true", "null", "~", "1e3", "2024-01-01"])
@pytest.mark.parametrize("reading", [scenv_reading, trainer_reading], ids=["scenv", "trainer"])
def test_keys_stay_text_and_are_compared_as_text(reading: Any, key: str) -> None:
    assert reading.parse_yaml(f"{{{key}: 1, other: 2}}") == {key: 1, "other": 2}
    with pytest.raises(reading.ReadingError, match="duplicate key"):
        reading.parse_yaml(f"{key}: 1\n'{key}': 2\n")
    assert list(reading.parse_yaml("8: 1\n'08': 2\n0x8: 3\n")) == ["8", "08", "0x8"]


CORPUS = [
    "a: b: c",
    "a: [1, {b: 010}]",
    "a: *x",
    "a: &x 1\nb: *x",
    "<<: {a: 1}",
    "'<<': 1",
    "? [a]\n: 1",
    "a: !!python/name:os.system ''",
    "a: !!set {b}",
    "a: !!int x",
    "!!map 3",
    "- a\n-b",
    "a: 1\n---\nb: 2",
    "%YAML 1.1\n---\na: 010",
    "a: |\n  x\n  y\n",
    "\t",
    "[" * 30,
    "9" * 5000,
]


@pytest.mark.parametrize("text", CORPUS)
def test_a_corpus_reads_the_same(text: str) -> None:
    assert read(scenv_reading, text) == read(trainer_reading, text)


@given(st.text(st.sampled_from("aeoxnNyY01789.+-_:~'\"[]{},!&*#|<> \n"), max_size=20))
def test_any_text_reads_the_same(text: str) -> None:
    assert read(scenv_reading, text) == read(trainer_reading, text)
    assert read(scenv_reading, f"k: {text}") == read(trainer_reading, f"k: {text}")


# --- through the doors ---


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders with networks of one name; we stand in the wrong one."""
    for name, size in (("here", 2), ("there", 3)):
        folder = tmp_path / name
        (folder / "inner").mkdir(parents=True)
        scenv.load_network(scenv.generators.serial(size).graph).to_json(folder / "net.json")
        scenv.load_network(scenv.generators.serial(size + 5).graph).to_json(folder / "inner" / "net.json")
        (folder / "demand.csv").write_text(f"demand\n{size}\n")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def both(source: Path | str) -> tuple[scenv.Scenario, scenv.Scenario]:
    """The scenario that scenv's commands load, and the one that the trainer makes its environment of."""
    config = read_config(source)
    assert config.env.entry == "scenv:vector_env"
    return scenv.load_scenario(source), scenv.vector_env(num_envs=1, **config.env.arguments).scenario


FIELDS = "costs: uniform, demand: {kind: seasonal, factors: [1e1], base: {kind: time_series, file: demand.csv}}"


@pytest.mark.parametrize(
    ("text", "firms"),
    [
        ("{network: net.json, FIELDS}", 3),
        ("{network: inner/net.json, FIELDS}", 8),
        ("{network: inner/../net.json, FIELDS}", 3),
        ("{env: {network: net.json, FIELDS}}", 3),
        ("{env: {entry: 'scenv:vector_env', network: net.json, FIELDS}, train: {rollouts: 2}}", 3),
        ("{env: {entry: 'scenv:vector_env', scenario: base.yaml, network: net.json}}", 3),
        ("{scenario: base.yaml}", 8),
        ("{network: ABSOLUTE, FIELDS}", 7),
    ],
)
def test_paths_in_a_file_start_in_its_folder_through_both_doors(project: Path, text: str, firms: int) -> None:
    absolute = str(project / "here" / "inner" / "net.json")
    there = project / "there"
    (there / "base.yaml").write_text(f"{{network: inner/net.json, {FIELDS}}}")
    (there / "s.yaml").write_text(text.replace("FIELDS", FIELDS).replace("ABSOLUTE", absolute))
    mine, trained = both(there / "s.yaml")
    assert mine.model_dump() == trained.model_dump()
    assert len(mine.network.agents) == firms
    assert mine.demand.moments(mine.retailer_names)[0].tolist() == [30.0]  # 10 x the 3 of the file's own folder


def test_a_resolved_configuration_means_the_same_from_everywhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "there" / "s.yaml").write_text(f"{{network: net.json, {FIELDS}}}")
    config = read_config(Path("../there/s.yaml"))
    document = config.model_dump(mode="json")
    assert document["env"]["network"] == str(project / "there" / "net.json")
    assert document["env"]["demand"]["base"]["file"] == str(project / "there" / "demand.csv")
    monkeypatch.chdir("/")
    assert build_config(document, "config.json") == config


@pytest.mark.parametrize("where", ["network", "scenario", "demand.file", "demand.base.file"])
def test_a_path_that_leaves_the_folder_is_refused_by_both_and_says_how_to_allow_it(project: Path, where: str) -> None:
    outside = "../here/net.json" if where == "network" else "../here/x.yaml" if where == "scenario" else "../here/x.csv"
    field: Any = outside
    for key in reversed(where.split(".")):
        field = {key: field}
    document = {"network": "bg", **field}
    path = project / "there" / "s.yaml"
    path.write_text(str(document))
    for load, error in ((scenv.load_scenario, scenv.ScenarioError), (read_config, ConfigError)):
        with pytest.raises(error) as caught:
            load(path)
        message = str(caught.value)
        assert (
            f"must stay inside the scenario's folder, got {outside!r}; to allow it, write its absolute path" in message
        )
        assert where in message
        assert len(message.splitlines()) == 1


def test_what_the_command_line_names_is_found_from_the_shell(project: Path) -> None:
    path = project / "there" / "s.yaml"
    path.write_text(f"{{network: net.json, {FIELDS}}}")
    config = read_config(path, ["env.network=../there/inner/net.json", "env.costs=uniform"])
    assert config.env.arguments["network"] == str(project / "there" / "inner" / "net.json")


@pytest.mark.parametrize("source", ["r2", "net.json", "inner/net.json"])
def test_names_and_networks_are_scenarios_too(project: Path, source: str) -> None:
    config = read_config(source, ["env.costs=uniform"])
    scenario = scenv.vector_env(num_envs=1, **config.env.arguments).scenario
    assert scenario.model_dump() == scenv.load_scenario(source, costs="uniform").model_dump()


def test_a_boolean_may_be_written_as_people_do(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("env: {network: bg, lost_sales: yes, order_crossing: off}\ntrain: {checkpoint_memory: no}\n")
    mine, trained = both(path)
    assert (mine.lost_sales, mine.order_crossing) == (trained.lost_sales, trained.order_crossing) == (True, False)
    assert read_config(path).train.checkpoint_memory is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{network: bg, seed: 3}", "'seed' is the trainer's: write it in the section train"),
        ("{env: {network: bg, num_envs: 3}}", "'num_envs' is the trainer's: write it in the section train"),
        ("{env: {network: bg}, trian: {}}", "unknown section 'trian' (did you mean 'train'?)"),
        ("{horizon: 20}", "network"),
        ("[1]", "must be a mapping"),
    ],
)
def test_what_one_refuses_the_other_refuses(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    for load, error in ((scenv.load_scenario, scenv.ScenarioError), (read_config, ConfigError)):
        with pytest.raises(error) as caught:
            load(path)
        assert message in str(caught.value)


def test_the_cases_names_stay_what_they_are(tmp_path: Path) -> None:
    names = ["8", "010", "1.1", "1.10", "NO", "12:30"]
    graph = scenv.generators.serial(1).graph.__class__([("dc", name) for name in names])
    scenv.load_network(graph).to_json(tmp_path / "stores.json")
    (tmp_path / "s.yaml").write_text(
        "network: stores.json\ncosts: uniform\n"
        "demand: {kind: poisson, mean: {010: 20, NO: 9, 1.10: 4, 12:30: 5, default: 3}}\n"
    )
    for scenario in both(tmp_path / "s.yaml"):
        mean = dict(zip(scenario.retailer_names, scenario.demand.moments(scenario.retailer_names)[0], strict=True))
        assert mean == {"8": 3, "010": 20, "1.1": 3, "1.10": 4, "NO": 9, "12:30": 5}


def test_dry_run_takes_what_scenv_takes(project: Path) -> None:
    path = project / "there" / "flat.yaml"
    path.write_text(f"{{network: net.json, {FIELDS}}}")
    for source in (str(path), "r2"):
        command = [
            sys.executable,
            "-c",
            "from pmarl_trainer.cli import train; train()",
            "--scenario",
            source,
            "--dry-run",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "entry: scenv:vector_env" in done.stdout


@pytest.mark.parametrize("entry", ["scenv:vector_env", "scenv:parallel_env"])
def test_a_file_whose_entry_stands_alone_means_the_entrys_own_network_at_both_doors(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"env: {{entry: '{entry}', horizon: 20}}\n")
    config = read_config(path)
    factory = getattr(scenv, entry.removeprefix("scenv:"))
    meant = scenv.load_scenario("r2", horizon=20).model_dump()
    assert factory(**config.env.arguments).scenario.model_dump() == scenv.load_scenario(path).model_dump() == meant
    assert read_config(path, ["env.network=bg"]).env.arguments["network"] == "bg"
    path.write_text("env: {horizon: 20}\n")
    with pytest.raises(scenv.ScenarioError, match="field 'network' is missing"):
        scenv.load_scenario(path)
    with pytest.raises(ConfigError, match="entry"):
        read_config(path)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["C"]))
)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["C"])) | st.sampled_from(sorted(CORE)),
        SCALARS
        | st.lists(SCALARS | st.sampled_from(sorted(CORE)), max_size=3)
        | st.sampled_from(["1e1", "0o17", "on", "<<"]),
        max_size=4,
    )
)
def test_what_dry_run_prints_reads_back_as_the_same(data: dict[str, Any]) -> None:
    assert repr(trainer_reading.parse_yaml(yaml_text(data))) == repr(data)
