"""Scenario files: what is read, and that every refusal is one line that says what is wrong."""

import re

import numpy as np
import pytest

from pmarl_trainer.config.files import build_config, read_config
from pmarl_trainer.config.methods import METHODS
from pmarl_trainer.config.reading import MAX_YAML_BYTES as MAX_BYTES
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.errors import ConfigError

ENV = {"entry": "module:callable"}


def test_methods_are_the_papers_table_3():
    rows = {name: (row.attention, row.group_weights, row.policy_input) for name, row in METHODS.items()}
    assert rows == {
        "maac": ("all", "equal", "local"),
        "pmarl": ("neighbours", "log_scaled", "local"),
        "fv": ("neighbours", "log_scaled", "global"),
    }


def test_a_switch_overrides_its_column_only():
    row = TrainConfig(method="maac", group_weights="log_scaled").row
    assert (row.attention, row.group_weights, row.policy_input) == ("all", "log_scaled", "local")


def test_layers_of_a_configuration(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("env: {entry: 'm:c', scenario: r2}\ntrain: {batch_size: 32, gamma: 0.9}\n")
    config = read_config(path, ["train.gamma=0.8", "lr=1e-4", "env.horizon=20", "env.new=[1, 2]"], seed=3, method=None)
    assert config.env.arguments == {"scenario": "r2", "horizon": 20, "new": [1, 2]}
    assert (config.train.batch_size, config.train.gamma, config.train.lr, config.train.seed) == (32, 0.8, 1e-4, 3)
    assert build_config(config.model_dump(mode="json"), "again") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("env: {entry: 'm:c'}\ntrain: {bach_size: 3}", "unknown key 'train.bach_size' (did you mean 'batch_size'?)"),
        ("env: {entry: 'm:c'}\ntrian: {}", "unknown section 'trian' (did you mean 'train'?)"),
        ("train: {}", "section 'env' is missing"),
        ("env: {}", "env.entry: Field required"),
        ("env: {entry: 'm:c', seed: 3}", "'seed' is the trainer's"),
        ("env: {entry: 'm:c'}\ntrain: {lr: fast}", "train.lr: Input should be a valid number"),
        ("env: {entry: 'm:c'}\ntrain: {method: ppo}", "train.method: Input should be 'maac', 'pmarl', 'fv' or 'hdpo'"),
        ("env: {entry: 'm:c'}\ntrain: {hidden_size: 10, attention_heads: 3}", "attention_heads must divide"),
        ("env: {entry: 'm:c'}\ntrain: {threads: 0}", "threads must be"),
        ("env: {entry: 'm:c'}\nenv: {entry: 'm:d'}", "duplicate key 'env'"),
        ("env: &a {entry: 'm:c'}\ntrain: *a", "aliases"),
        ("env: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("env: [", "line 1"),
        ("env: {[1]: 2}", "a key must be text"),
        ("- 1", "must be a mapping"),
        ("", "must be a mapping"),
        ("x: " + "[" * 50, "deeper than"),
        ("x" * (MAX_BYTES + 1), "larger than"),
        ("env: \x00", "not YAML"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert message in str(caught.value)
    assert "bad.yaml" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_and_bytes_that_are_no_text(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"env: \xe9")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_config(tmp_path / "latin.yaml")


@pytest.mark.parametrize("override", ["lr", "=3", "other.lr=3", "train.=3", "env.x=[", "train.lrr=3"])
def test_bad_overrides_are_refused(override):
    with pytest.raises(ConfigError):
        build_config({"env": ENV}, "file", [override])


def test_schedule_progress_runs_over_the_learning_part():
    config = TrainConfig(rollouts=14, learning_starts=4)
    assert [config.progress(rollout) for rollout in (0, 4, 9, 14)] == [0, 0, 0.5, 1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"[[0, -1], [1, 0]]"),
        ("a.csv", b"0,-1\n1,0\n"),
        ("a.txt", b"# supplier, customer\n0 -1\n\n1 0  # the customer\n"),
        ("a.npy", None),
    ],
)
def test_adjacency_from_a_file_beside_the_scenario(tmp_path, name, content):
    path = tmp_path / name
    np.save(path, [[0, -1], [1, 0]]) if content is None else path.write_bytes(content)
    (tmp_path / "s.yaml").write_text(f"env: {{entry: 'm:c'}}\ntrain: {{adjacency: {name}}}\n")
    config = read_config(tmp_path / "s.yaml")
    assert config.train.adjacency == ((0, -1), (1, 0))
    assert build_config(config.model_dump(mode="json"), "again") == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0 1\n1", "rows of one length"),
        ("0 1 0\n1 0 1", "square, got shape [2, 3]"),
        ("0 x\n1 0", "matrix of numbers"),
        ("0 nan\n1 0", "got nan"),
        ("0 1\n-inf 0", "got -inf"),
        ("", "square"),
    ],
)
def test_bad_adjacency_files_are_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(ConfigError) as caught:
        build_config({"env": ENV, "train": {"adjacency": "a.csv"}}, "file", folder=tmp_path)
    assert message in str(caught.value)
    assert "a.csv" in str(caught.value)


@pytest.mark.parametrize("content", ["0 -0.5\n0.25 0", "0 -3\n7 0", "0 -1e-9\n1e9 0"])
def test_of_weights_in_a_file_the_signs_count(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    config = build_config({"env": ENV, "train": {"adjacency": "a.csv"}}, "file", folder=tmp_path)
    assert config.train.adjacency == ((0, -1), (1, 0))
    weights = build_config({"env": ENV, "train": {"adjacency": [[0, -0.5], [0.25, 0]]}}, "file")
    assert weights.train.adjacency == ((0, -0.5), (0.25, 0))


def test_a_pickled_matrix_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(ConfigError, match="not a matrix"):
        build_config({"env": ENV, "train": {"adjacency": "a.npy"}}, "file", folder=tmp_path)


def test_fv_takes_smaller_steps_unless_told_otherwise():
    """Its policies have N times as many inputs; a preset or the user still has the last word."""
    assert TrainConfig(method="fv").policy_lr < TrainConfig(method="pmarl").policy_lr
    assert TrainConfig(method="fv", policy_lr=1e-3).policy_lr == 1e-3
    reference = TrainConfig(method="fv", preset="maac-reference")
    assert reference.policy_lr == TrainConfig(method="pmarl", preset="maac-reference").policy_lr


def numeric_fields():
    return [name for name, field in TrainConfig.model_fields.items() if re.search(r"\b(int|float)\b", str(field))]


@pytest.mark.parametrize("name", [name for name in numeric_fields() if name not in ("adjacency",)])
def test_every_number_is_finite_bounded_and_a_number(name):
    """One rule for all: no infinity, none absurdly large, no text or truth value for a number, no 2.5 for a count."""
    whole = "float" not in str(TrainConfig.model_fields[name].annotation)
    wrong = [float("inf"), float("nan"), -1, 1e300, 10**30, 10**400, True, "3", *((2.5,) if whole else ())]
    wrong += [1.0] if name.endswith("seed") else []
    for value in wrong:
        with pytest.raises(ConfigError, match=rf"train\.{name}|{name} must") as caught:
            build_config({"env": ENV, "train": {name: value}}, "file")
        assert len(str(caught.value).splitlines()) == 1


def test_the_rule_is_about_the_numbers_that_were_named():
    named = {"lr", "alpha", "critic_clip", "huber_delta", "attention_regularisation", "threads", "num_envs", "seed"}
    assert named < set(numeric_fields())


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: 0} for name in ("rollouts", "num_envs", "batch_size", "hidden_size", "attention_heads", "lr")),
        {"final_episodes": 1},
        {"hidden_size": 2**20 + 4},
        {"env_processes": 1025},
        {"polyak_tau": 1.5},
        {"target_entropy": 5.0},
        {"updates_per_transition": 101.0},
    ],
    ids=str,
)
def test_a_settings_own_bounds_hold(wrong):
    (name,) = wrong
    with pytest.raises(ConfigError, match=rf"train\.{name}"):
        build_config({"env": ENV, "train": wrong}, "file")


def test_a_whole_number_may_have_an_exponent_as_in_the_section_env():
    train = build_config({"env": ENV, "train": {"memory_size": 1e6, "rollouts": 20.0}}, "file").train
    assert (train.memory_size, train.rollouts) == (1_000_000, 20)
    assert isinstance(train.memory_size, int)
