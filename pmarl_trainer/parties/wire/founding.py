"""A consortium's folders: one a firm, with keys and certificates of an authority made for the occasion."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.config.writing import yaml_text
from pmarl_trainer.errors import ConfigError
from pmarl_trainer.parties.factory import take_seat
from pmarl_trainer.parties.refusals import refuse_undivided
from pmarl_trainer.parties.wire.certificates import Authority
from pmarl_trainer.parties.wire.description import Firm, RunDescription
from pmarl_trainer.parties.wire.party_folder import SCENARIO, PartyFile, write_folder
from pmarl_trainer.training.file_names import agent_folders
from pmarl_trainer.training.setup import open_env


def found(
    config: RunConfig,
    name: str,
    folder: Path,
    *,
    addresses: Callable[[int], str],
    secret: Callable[[int], int] = lambda _: secrets.randbits(62),
    aggregator: str | None = None,
    few: bool = False,
    whole: bool = False,
) -> dict[str, Path]:
    """Write a folder a firm; where each is.

    Args:
        config: the whole environment and the settings of training.
        name: of the run.
        folder: where the firms' folders go (`agent_folders`).
        addresses: the how-manieth firm -> HOST:PORT.
        secret: the how-manieth firm -> its secret seed.
        aggregator: who adds up; the first firm unless given.
        few: allow sums among fewer than three firms.
        whole: give every firm the whole environment, where one machine plays all.

    Raises:
        TrainerError: if training cannot be divided, or files are there already.
    """
    refuse_undivided(config.train)
    env, spec = open_env(config, 1, config.train.seed)
    places = agent_folders(folder, spec.agents)
    for place in places.values():
        if place.exists() and any(place.iterdir()):
            raise ConfigError(f"{place}: already there and not empty; give another --out")
    authority = Authority(name)
    identities = {agent: authority.identity(agent) for agent in spec.agents}
    if aggregator is not None and aggregator not in spec.agents:
        raise ConfigError(f"aggregator: {aggregator!r} is no firm: {', '.join(spec.agents)}")
    groups = (np.asarray(spec.adjacency) != 0).sum(axis=1)
    firms = {
        agent: Firm(
            address=addresses(number),
            certificate=identities[agent].certificate.decode(),
            mask_key=identities[agent].mask_key.public_key().public_bytes_raw().hex(),
            group_size=int(groups[number]) + 1,
        )
        for number, agent in enumerate(spec.agents)
    }
    facts = {"run": name, "method": config.train.method, "aggregator": aggregator or spec.agents[0]}
    times = {"horizon": spec.max_steps + 1, "warmup": spec.warmup, "allow_few_firms": few}
    train = config.train.model_dump(mode="json", exclude_none=True, exclude_unset=True) | {"parties": "none"}
    description = RunDescription(**facts, **times, train=train | {"method": config.train.method}, firms=firms)
    for number, (agent, place) in enumerate(places.items()):
        place.mkdir(parents=True, exist_ok=True)
        seat = take_seat(config, agent, place, secret=0, env=(env, spec))
        if whole:
            text = yaml_text({"env": config.env.model_dump(mode="json")})
            (place / SCENARIO).write_text(text, encoding="utf-8")
        else:
            seat.simulator(1).write_scenario(place)
        own = PartyFile(firm=agent, listen=addresses(number), secret_seed=secret(number))
        write_folder(place, own, description, identities[agent])
    return places
