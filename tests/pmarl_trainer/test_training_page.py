"""docs/pages/training.md: its scenario files and commands are accepted, and its environment is learned as it says."""

import importlib.util
import json
import re
import shlex
import sys

import networkx as nx
import numpy as np
import pytest
import yaml

import scenv
from pmarl_trainer import cli
from pmarl_trainer.config.files import build_config
from pmarl_trainer.export.policies import export_run
from pmarl_trainer.runs.run_folder import start_run
from pmarl_trainer.training.setup import open_env
from scenv.policies import FirmPolicy
from tests.pmarl_trainer.small_runs import train_on_bg

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(repository):
    """language -> the page's blocks in it."""
    blocks: dict[str, list[str]] = {}
    for language, text in BLOCK.findall((repository / "docs" / "pages" / "training.md").read_text(encoding="utf-8")):
        blocks.setdefault(language, []).append(text)
    return blocks


def scenario(page, mark):
    (text,) = (text for text in page["yaml"] if mark in text)
    return yaml.safe_load(text)


def test_a_network_of_ones_own(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    graph = nx.DiGraph([("factory", "depot"), ("depot", "shop"), ("depot", "kiosk")])
    scenv.load_network(graph).to_json("my_chain.json")
    env, spec = open_env(build_config(scenario(page, "my_chain"), "page"), 2, 0)
    assert (len(spec.agents), spec.num_actions.tolist()) == (4, [13] * 4)
    assert env.adjacency_matrix.any()


def test_the_environment_of_the_page_is_learned(page, tmp_path, monkeypatch):
    """Firms told two steps late pass on exactly what they are asked for."""
    (text,) = (text for text in page["python"] if "class Relay" in text)
    (tmp_path / "relay.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    overrides = ["rollouts=12", "threads=1", "loggers=[csv]"]
    assert start_run(build_config(scenario(page, "relay:"), "page", overrides), tmp_path / "run", quiet=True)
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["policies"]["pmarl"]["mean"] == 0


def test_the_third_party_scenario_is_the_file_of_the_examples(page, repository):
    file = repository / "docs" / "examples" / "mpe_speaker_listener.yaml"
    assert scenario(page, "mpe2") == yaml.safe_load(file.read_text(encoding="utf-8"))


def test_every_training_command_is_accepted(page, repository, monkeypatch, capsys):
    """--dry-run resolves what the command would run; files that the page lets the reader make are not there."""
    monkeypatch.chdir(repository)
    lines = [shlex.split(line, comments=True) for block in page["bash"] for line in block.splitlines()]
    tried = [words[1:] for words in lines if words[:1] == ["pmarl-train"] and not {"--keys", "--resume"} & {*words}]
    made_by_readers = ("my_chain.yaml", "runs/")
    tried = [words for words in tried if not any(word.startswith(made_by_readers) for word in words)]
    assert len(tried) >= 6
    for words in tried:
        monkeypatch.setattr(sys, "argv", ["pmarl-train", *words, "--dry-run"])
        with pytest.raises(SystemExit) as ended:
            cli.train()
        shown = capsys.readouterr()
        if any("mpe" in word for word in words) and importlib.util.find_spec("mpe2") is None:
            assert "cannot be imported" in shown.err
            continue
        assert ended.value.code == 0, (words, shown.err)
        assert "env:\n  entry: " in shown.out


def test_exported_policies_are_used_as_the_page_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    export_run(train_on_bg(tmp_path / "run", rollouts=2), tmp_path / "policies", onnx=False)
    _, with_scenv, alone = page["py"]
    exec(with_scenv.replace('"r2"', '"bg"'), {})
    assert "100 episodes" in capsys.readouterr().out
    names: dict[str, object] = {}
    exec(alone, names)
    firm, numbers = FirmPolicy.from_file("policies/ret_0.json"), np.random.default_rng(0).uniform(0, 60, size=(20, 30))
    assert [names["action"](row) for row in numbers] == firm.actions(numbers.astype(np.float32)).tolist()
