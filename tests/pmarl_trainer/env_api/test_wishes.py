"""What the trainer asks of an environment that it does not know."""

import pytest

from pmarl_trainer.config.files import build_config
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.env_api.wishes import with_wishes
from pmarl_trainer.errors import DoorError
from pmarl_trainer.learners.actor_critic import discount
from pmarl_trainer.notices import notice
from pmarl_trainer.training.setup import open_env
from tests.pmarl_trainer.toy_envs import IdentityGame

HERE = "tests.pmarl_trainer.env_api.test_wishes"
SCENV = "scenv:vector_env"


@pytest.fixture(autouse=True)
def fresh():
    notice.cache_clear()


class Discounted(IdentityGame):
    def __init__(self, num_envs=1, *, seed=0, gamma=0.7):
        super().__init__(num_envs)
        self.gamma = gamma


def anything(num_envs=1, seed=0, **settings):
    return Discounted(num_envs, seed=seed, **settings)


def configure(entry, env=None, **train):
    return build_config({"env": {"entry": entry, **(env or {})}, "train": train}, "test")


def test_the_papers_preset_asks_for_the_papers_window_unless_it_is_given():
    beer_game = {"scenario": "bg"}
    assert configure(SCENV, beer_game, preset="paper").env_wishes == {"reward_window_end": "after_action"}
    given = configure(SCENV, {**beer_game, "reward_window_end": "after_arrival"}, preset="paper")
    assert given.env_wishes == {}
    assert configure(SCENV, beer_game).env_wishes == {}


@pytest.mark.parametrize("entry", [f"{HERE}:Discounted", f"{HERE}:anything"])
def test_only_what_an_entry_takes_is_passed_and_the_rest_is_said(capsys, entry):
    agreed = with_wishes(entry, {}, {"gamma": 0.5, "reward_window_end": "after_action"})
    assert agreed == {"gamma": 0.5}
    assert capsys.readouterr().err == (
        f"env: {entry} does not take reward_window_end: 'after_action', which train asks for; it keeps its own\n"
    )
    assert with_wishes(entry, {"gamma": 0.2}, {"gamma": 0.5}) == {"gamma": 0.2}


@pytest.mark.parametrize(
    ("env", "train", "of_env", "of_learner"),
    [
        ({}, {}, 0.7, 0.7),
        ({"gamma": 0.8}, {}, 0.8, 0.8),
        ({}, {"gamma": 0.6}, 0.6, 0.6),
        ({"gamma": 0.8}, {"gamma": 0.6}, 0.8, 0.6),
        ({}, {"preset": "maac-reference"}, 0.99, 0.99),
    ],
)
def test_one_discount_follows_the_other_unless_both_are_given(env, train, of_env, of_learner):
    config = configure(f"{HERE}:Discounted", env, **train)
    made, spec = open_env(config, 2, 0)
    assert made.gamma == of_env
    assert discount(spec, config.train) == of_learner


def test_an_environment_without_a_discount_and_one_with_a_strange_one():
    spec = describe(IdentityGame(2))
    assert spec.gamma is None
    assert discount(spec, configure("a:b").train) == 0.95
    for strange in (1.0, -0.1, "0.9", True, float("nan")):
        with pytest.raises(DoorError, match="gamma"):
            describe(Discounted(2, gamma=strange))


def test_scenv_shows_its_discount_and_takes_another():
    config = configure(SCENV, {"scenario": "bg"}, gamma=0.9)
    made, spec = open_env(config, 1, 0)
    assert (made.gamma, spec.gamma) == (0.9, 0.9)
    assert make_env(SCENV, {"scenario": "bg"}, 1, 0).gamma == 0.95
