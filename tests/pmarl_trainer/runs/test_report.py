"""What a run leaves behind for people and for other programs: report.html, the picture, marl_eval.json, diagnoses."""

import json
import re
from html.parser import HTMLParser

import pytest
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.errors import DivergedError
from pmarl_trainer.runs.evaluate import evaluate_run
from pmarl_trainer.runs.evaluation_log import EvaluationLog, read_evaluations
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.learning_curve import draw_learning_curve, spread
from pmarl_trainer.runs.progress import Display
from pmarl_trainer.runs.run_folder import start_run
from pmarl_trainer.training.diagnosis import explain_divergence
from pmarl_trainer.training.loop import train
from pmarl_trainer.training.observer import Beginning, Rollout
from pmarl_trainer.training.run_checkpoints import checkpoint_path
from tests.pmarl_trainer.small_runs import configure
from tests.pmarl_trainer.toy_envs import IdentityGame


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run with costs, baselines and a name that HTML must escape."""
    folder = tmp_path_factory.mktemp("runs") / "a<b>&c"
    start_run(configure("Newsvendor", loggers=["csv"], keep_checkpoints_num=2), folder, quiet=True)
    return folder


class Checker(HTMLParser):
    """Collects tags that must close, and whatever would be loaded from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.outside, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href") and not v.startswith("data:")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_report_is_one_page_that_needs_nothing_else(run):
    page = (run / "report.html").read_text()
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.outside == []
    assert "url(" not in page
    assert "@import" not in page
    assert 'src="data:image/png;base64,' in page
    text = " ".join(checker.text)
    for wanted in ("a<b>&c", "base-stock", "pmarl", "agent_0", "torch", "keep_checkpoints_num", "neighbours", "seed 0"):
        assert wanted in text, wanted


def test_report_without_a_picture_or_baselines(tmp_path):
    folder = tmp_path / "run"
    start_run(configure(loggers=[], attention="all"), folder, quiet=True)  # no metrics.csv, hence no picture
    page = (folder / "report.html").read_text()
    assert "<img" not in page
    assert "attention all, group_weights log_scaled, policy_input local" in page  # the switch, not the method's own
    assert "Higher is better" in page


def test_evaluating_elsewhere_leaves_the_runs_own_report_alone(run, tmp_path):
    before = (run / "report.html").read_text()
    evaluate_run(load_config(run), run, episodes=4, seed=1, out=tmp_path / "e.json")
    assert (run / "report.html").read_text() == before
    assert json.loads((run / "evaluation.json").read_text())["evaluation_episodes"] == 8


def test_marl_eval_schema(run):
    document = json.loads((run / "marl_eval.json").read_text())
    record = json.loads((run / "evaluation.json").read_text())
    steps = document["tests.pmarl_trainer.toy_envs"]["Newsvendor"]["pmarl"]["seed_0"]
    assert list(steps) == ["step_0", "step_1", "step_2", "absolute_metrics"]
    for k in range(3):
        step = steps[f"step_{k}"]
        assert step["step_count"] == 2 * (k + 1) * 4 * 8  # every second rollout: 4 rows of 8 steps each
        assert len(step["return"]) == len(step["cost"]) == 4
        assert step["return"] == [-cost for cost in step["cost"]]
    assert steps["step_0"]["elapsed_time"] <= steps["step_2"]["elapsed_time"]
    assert steps["absolute_metrics"]["cost"] == record["policies"]["pmarl"]["episodes"]


def test_evaluations_of_a_rollout_that_was_trained_twice_count_once(tmp_path):
    """The run was killed after rollout 6, while it wrote; its checkpoint is of rollout 2."""
    for rollouts, done in ((((2, 1.0), (4, 2.0), (6, 3.0)), 0), (((4, 4.0),), 2)):
        log = EvaluationLog()
        log.begin(Beginning(configure(), tmp_path, done, None, "cpu"))
        for number, total in rollouts:
            log.rollout(Rollout(number, 6, {"episodes": number, "seconds": 1.0}, 0, [total]))
        if not done:
            with (tmp_path / "evaluations.jsonl").open("a") as file:
                file.write('{"rollout": 7, "epi')
    rows = read_evaluations(tmp_path)
    assert [(row["rollout"], row["totals"]) for row in rows] == [(2, [1.0]), (4, [4.0])]


def test_run_facts_name_the_environment_and_the_versions(run):
    facts = json.loads((run / "run.json").read_text())
    assert facts["environment"]["agents"] == 1
    assert facts["environment"]["pairs_of_neighbours"] == 0
    assert facts["versions"].keys() >= {"python", "torch", "numpy"}
    assert facts["started"].endswith("+00:00")


def test_kept_checkpoints_are_the_latest_and_can_be_evaluated(run):
    assert {path.stem for path in (run / "checkpoints").iterdir()} == {
        "best",
        "last",
        "rollout-000004",
        "rollout-000006",
    }
    assert checkpoint_path(run, "4").is_file()
    config = load_config(run)
    last, sixth = (evaluate_run(config, run, which=w, out=run.parent / "e.json") for w in ("last", "6"))
    assert last["policies"]["pmarl"]["episodes"] == sixth["policies"]["pmarl"]["episodes"]


# --- the picture


def picture_of(tmp_path, ratios, baselines):
    lines = [f"{10 * k + 10},{30.0 * (k + 1)},{1000 * r},{r}" for k, r in enumerate(ratios)]
    (tmp_path / "metrics.csv").write_text("\n".join(["rollout,seconds,evaluation,evaluation_ratio", *lines]) + "\n")
    policies = {"pmarl": {"name": "pmarl", "ratio": ratios[-1], "mean": 1.0}}
    policies |= {name: {"name": name, "ratio": ratio, "mean": 1.0} for name, ratio in baselines.items()}
    record = {"method": "pmarl", "metric": "cost", "baseline": "base-stock", "policies": policies}
    assert draw_learning_curve(tmp_path, record) is None
    return (tmp_path / "learning_curve.png").read_bytes()


def test_the_axis_leaves_out_what_would_flatten_the_curve(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    limits, texts = [], []
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, path, **_: (
            limits.append(self.axes[0].get_ylim())
            or texts.extend(t.get_text() for t in self.axes[0].texts)
            or path.write_bytes(b"")
        ),
    )
    picture_of(tmp_path, [40.0, 5.0, 0.8, 0.7], {"base-stock": 1.0, "da": 0.75, "random": 12.0})
    low, high = limits[0]
    assert 0.6 < low < 0.7
    assert high < 5
    assert [text.split()[0] for text in texts] == ["pmarl", "da", "base-stock"]


def test_the_picture_is_a_png(tmp_path):
    assert picture_of(tmp_path, [2.0, 0.9], {"base-stock": 1.0})[:4] == b"\x89PNG"


def test_names_are_moved_apart_no_more_than_need_be():
    assert spread([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert spread([0.5, 0.5, 0.52], 0.1) == pytest.approx([0.5, 0.6, 0.7])
    crowded = spread([0.97, 0.98, 0.99], 0.1)
    assert crowded == pytest.approx([0.8, 0.9, 1.0])
    assert spread([], 0.1) == []


# --- diagnoses


def test_rewards_that_are_not_numbers_are_the_environments_fault(tmp_path):
    with pytest.raises(DivergedError, match="environment gave agent 'agent_0' rewards that are not finite") as caught:
        train(configure("Poisoned", loggers=[]), tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert "no checkpoint was due yet" in str(caught.value)


def test_parameters_that_have_exploded_are_named(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.safetensors").write_bytes(b"")
    config = build_config({"env": {"entry": "a:b"}}, "test").train
    replay = Replay(describe(IdentityGame(2)), 20, 2, torch.device("cpu"))
    layer = torch.nn.Linear(1, 1)
    text = explain_divergence("q", float("inf"), {"critic": layer}, replay, config, tmp_path)
    assert "outgrew float32" in text
    torch.nn.init.constant_(layer.weight, float("nan"))
    text = explain_divergence("q", float("nan"), {"critic": layer}, replay, config, tmp_path)
    assert re.search(r"q is nan: critic\.weight has grown .* smaller train\.lr \(0\.003\)", text)
    assert "kept in" in text
    assert "best" in text


@pytest.mark.parametrize(("horizon", "said"), [(100_000, True), (5e3, True), (50, False), (None, False)])
def test_long_episodes_are_announced_before_the_first(tmp_path, capsys, horizon, said):
    env = {"entry": "scenv:vector_env", "network": "bg", **({} if horizon is None else {"horizon": horizon})}
    config = RunConfig.model_validate({"env": env})
    Display().begin(Beginning(config, tmp_path, 0, None, "cpu"))
    assert ("a rollout can take many minutes" in capsys.readouterr().out) is said
