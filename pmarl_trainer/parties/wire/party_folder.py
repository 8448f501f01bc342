"""A firm's folder: what it keeps to itself and what all agreed on.

party.yaml      the firm's own settings, its secret seed among them
run.yaml        the run description, the same at every firm
scenario.yaml   the environment as the firm knows it
key.pem, mask.key   private keys
training/, audit.jsonl   what comes of the run: checkpoints and own numbers; every message that crossed
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field

from pmarl_trainer.config.files import build_config, read_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.errors import ConfigError
from pmarl_trainer.parties.wire.certificates import Identity
from pmarl_trainer.parties.wire.description import (
    Address,
    RunDescription,
    read_description,
    validated,
    write_description,
)
from pmarl_trainer.parties.wire.protection import Protection

PARTY, RUN, SCENARIO, KEY, MASK_KEY = "party.yaml", "run.yaml", "scenario.yaml", "key.pem", "mask.key"


class PartyFile(BaseModel):
    """party.yaml.

    Attributes:
        firm: whose it is.
        listen: HOST:PORT of its own server; not the address in the run description where a router translates.
        secret_seed: of first weights, exploration, own demand and noise; to be told to nobody.
        deadline: seconds after which a firm that says nothing is given up.
        patience: seconds for which firms that start late are waited for.
        protection: neighbour -> clip, noise, every; "default" for the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    firm: str
    listen: Address
    secret_seed: Annotated[int, Field(ge=0, lt=2**63)]
    deadline: Annotated[float, Field(gt=0)] = 120.0
    patience: Annotated[float, Field(gt=0)] = 600.0
    protection: dict[str, Protection] = {}


@dataclass(frozen=True)
class PartyFolder:
    """All that is read from a firm's folder before it begins.

    Attributes:
        folder: where.
        own: party.yaml.
        description: run.yaml; run: its SHA-256.
        config: the environment as the firm knows it, with the agreed settings of training.
        identity: what it proves itself with.
    """

    folder: Path
    own: PartyFile
    description: RunDescription
    run: str
    config: RunConfig
    identity: Identity

    @property
    def secret(self) -> bytes:
        """The secret seed as a key."""
        return self.own.secret_seed.to_bytes(8, "big")


def read_folder(folder: Path) -> PartyFolder:
    """Read a firm's folder.

    Raises:
        TrainerError: names the file and what is wrong.
    """
    if not (folder / PARTY).is_file():
        raise ConfigError(f"{folder}: no party's folder ({PARTY} is missing); pmarl-party init makes them")
    try:
        content = yaml.safe_load((folder / PARTY).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ConfigError(f"{folder / PARTY}: cannot be read as YAML: {' '.join(str(problem).split())}") from problem
    own = validated(PartyFile, content, folder / PARTY)
    description, run = read_description(folder / RUN)
    if own.firm not in description.firms:
        raise ConfigError(f"{folder / PARTY}: firm: {own.firm!r} is none of the firms of {RUN}")
    env = read_config(folder / SCENARIO).env.model_dump(mode="json")
    config = build_config({"env": env, "train": description.train}, str(folder / RUN))
    try:
        mask = X25519PrivateKey.from_private_bytes(bytes.fromhex((folder / MASK_KEY).read_text().strip()))
        key = (folder / KEY).read_bytes()
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{folder}: the private keys ({KEY}, {MASK_KEY}) cannot be read: {problem}") from problem
    identity = Identity(own.firm, key, description.firms[own.firm].certificate.encode(), mask)
    if mask.public_key().public_bytes_raw().hex() != description.firms[own.firm].mask_key:
        raise ConfigError(f"{folder / MASK_KEY}: does not belong to mask_key of {own.firm} in {RUN}")
    return PartyFolder(folder, own, description, run, config, identity)


def write_folder(folder: Path, own: PartyFile, description: RunDescription, identity: Identity) -> None:
    """Write all but the scenario; private files can be read by their owner alone."""
    write_description(description, folder / RUN)
    settings = own.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    _private(folder / PARTY, f"# {own.firm}'s own: give it to nobody.\n{text}{_PROTECTION}".encode())
    _private(folder / KEY, identity.key)
    _private(folder / MASK_KEY, identity.mask_key.private_bytes_raw().hex().encode() + b"\n")


_PROTECTION = """\
# What is told to a neighbour may be clipped, made noisy, or said in every k-th message only:
# protection: {NEIGHBOUR: {clip: 1.0, noise: 0.5, every: 2}, default: {clip: 5.0}}
"""


def _private(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(data)


def protections(own: PartyFile, neighbours: tuple[str, ...]) -> dict[str, Protection]:
    """Neighbour -> protection.

    Raises:
        ConfigError: if one is named that is no neighbour.
    """
    for name in own.protection:
        if name not in neighbours and name != "default":
            raise ConfigError(f"{PARTY}: protection: {name} is no neighbour of {own.firm}: {', '.join(neighbours)}")
    usual = own.protection.get("default", Protection())
    return {name: own.protection.get(name, usual) for name in neighbours}
