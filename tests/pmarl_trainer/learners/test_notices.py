"""What a learner says at the start and on the way, once, in one line."""

import pytest
import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.learners import precision
from pmarl_trainer.learners.clip_watch import ClipWatch
from pmarl_trainer.notices import notice

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh():
    notice.cache_clear()


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("processor: 0\nflags\t\t: fpu avx2 avx512f\n", False),
        ("flags\t\t: fpu avx512_bf16 avx2\n", True),
        ("flags : amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("Features\t: fp asimd\n", False),
        ("model name: what lacks flags\n", None),
    ],
)
def test_bf16_instructions_are_read_from_the_processors_flags(tmp_path, text, has):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert precision.processor_has_bf16(path) is has
    assert precision.processor_has_bf16(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("asked", "has", "said"),
    [("bf16", False, True), ("bf16", True, False), ("bf16", None, False), ("float32", False, False)],
)
def test_slow_bf16_is_said_once(monkeypatch, capsys, asked, has, said):
    monkeypatch.setattr(precision, "processor_has_bf16", lambda: has)
    for _ in range(2):
        precision.say_if_slow(asked, CPU)
    assert capsys.readouterr().err.count("train.precision: bf16") == int(said)


def watched(norms, **settings):
    watch = ClipWatch(TrainConfig(critic_clip=10, evaluation_interval=3, **settings))
    for rollout in norms:
        for norm in rollout:
            watch.saw(torch.tensor(float(norm)))
        watch.end_rollout()


def test_clipping_that_leaves_nothing_for_a_whole_interval_is_said(capsys):
    watched([[1e9, 1e10]] * 3)
    said = capsys.readouterr().err
    assert "train.critic_clip" in said
    assert "reward_normalisation" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "norms", [[[1e9, 1e9]] * 2, [[1e9], [1e9], [1e9, 50]], [[1e9], [2], [1e9], [1e9]], [[900.0]] * 9, [[]] * 9]
)
def test_large_gradients_now_and_then_are_not(capsys, norms):
    watched(norms)
    assert capsys.readouterr().err == ""


def test_nor_where_rewards_are_normalised_already(capsys):
    watched([[1e9]] * 5, reward_normalisation="scale")
    assert capsys.readouterr().err == ""
