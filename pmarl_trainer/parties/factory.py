"""A firm's training, from what is agreed on and what is its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec
from pmarl_trainer.errors import ConfigError, did_you_mean
from pmarl_trainer.parties.actor_critic_party import ActorCriticParty
from pmarl_trainer.parties.hdpo_party import HdpoParty
from pmarl_trainer.parties.messages import Phase
from pmarl_trainer.parties.party_log import Line
from pmarl_trainer.parties.refusals import refuse_undivided
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.training import Party, train
from pmarl_trainer.training.setup import open_env


def build_party(
    config: RunConfig,
    agent: str,
    folder: Path,
    *,
    secret: int,
    report: Callable[[Line], None] = lambda _: None,
    saved: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    env: tuple[BatchedEnv, EnvSpec] | None = None,
) -> Phase:
    """The whole training of one firm: a generator that an exchange drives (`messages` says what it yields).

    Args:
        config: what all firms agree on, and the environment that this one simulates itself in.
        agent: the firm.
        folder: its own; what is there already is gone on with.
        secret: the seed that it alone knows, at least 0.
        report: as for `training.train`.
        saved: likewise.
        stop: likewise.
        env: the configuration's environment and its facts, where they are there already.

    Raises:
        ConfigError: one line, for what cannot be divided among firms, or a name that is no firm's.
        DoorError: one line, if the environment has no simulators of single firms.
    """
    seat = take_seat(config, agent, folder, secret=secret, env=env)
    return train(make_party(seat), seat, report=report, saved=saved, stop=stop)


def take_seat(
    config: RunConfig, agent: str, folder: Path, *, secret: int, env: tuple[BatchedEnv, EnvSpec] | None = None
) -> Seat:
    """The firm among all; arguments and errors as of `build_party`."""
    refuse_undivided(config.train)
    opened, everybody = open_env(config, 1, config.train.seed) if env is None else env
    if agent not in everybody.agents:
        raise ConfigError(f"{agent!r} is no firm of this environment{did_you_mean(agent, everybody.agents)}")
    return Seat(config, opened, everybody, agent, secret, folder)


def make_party(seat: Seat) -> Party:
    """The firm's method, at its beginning."""
    return HdpoParty(seat) if seat.train.method == "hdpo" else ActorCriticParty(seat)
