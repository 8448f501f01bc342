"""The run description: the one file that all firms agree on before a run. Its SHA-256 is in every handshake."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pmarl_trainer.errors import ConfigError
from pmarl_trainer.parties.wire.certificates import CertificateError, fingerprint

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})")


def checked_address(address: str) -> str:
    """`address`, if it is HOST:PORT."""
    found = _ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[2]) < 65536:
        raise ValueError(f"must be HOST:PORT, got {address!r}")
    return address


Model = TypeVar("Model", bound=BaseModel)
Address = Annotated[str, AfterValidator(checked_address)]


class Firm(BaseModel):
    """What all know of one firm.

    Attributes:
        address: where the others reach it, HOST:PORT.
        certificate: PEM. It is pinned: no other certificate is taken for this firm.
        mask_key: public X25519 key for masked sums, hexadecimal.
        group_size: |G(i)|, itself and those it attends to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    address: Address
    certificate: str
    mask_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    group_size: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _certified(self) -> Firm:
        try:
            fingerprint(self.certificate.encode())
        except CertificateError as problem:
            raise ValueError(str(problem)) from problem
        return self


class RunDescription(BaseModel):
    """What everybody knows, and nothing that only one may know.

    Attributes:
        protocol: version of the messages, `codec.PROTOCOL`.
        run: a name for people.
        method: pmarl, maac or hdpo.
        aggregator: the firm that adds up masked parts.
        allow_few_firms: sums among fewer than three firms, which hide nothing.
        horizon, warmup: periods of an episode, and how many of the first do not count.
        train: the settings of training, as the section train of a scenario file.
        firms: by name, in the order that everybody counts them in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    protocol: Literal[1] = 1
    run: str
    method: Literal["pmarl", "maac", "hdpo"]
    aggregator: str
    allow_few_firms: bool = False
    horizon: Annotated[int, Field(ge=2)]
    warmup: Annotated[int, Field(ge=0)]
    train: dict[str, Any]
    firms: dict[str, Firm]

    @model_validator(mode="after")
    def _consistent(self) -> RunDescription:
        if self.aggregator not in self.firms:
            raise ValueError(f"aggregator: {self.aggregator!r} is none of the firms")
        prints = [fingerprint(firm.certificate.encode()) for firm in self.firms.values()]
        if len(set(prints)) < len(prints):
            raise ValueError("firms: two of them have the same certificate")
        return self

    def peers(self, firm: str) -> tuple[str, ...]:
        """With whom `firm` shares what goes to all: the aggregator; everybody else, where it is that itself."""
        if firm != self.aggregator:
            return (self.aggregator,)
        return tuple(name for name in self.firms if name != firm)


def read_description(path: Path) -> tuple[RunDescription, str]:
    """The description in a file, and the SHA-256 of the file's bytes.

    Raises:
        ConfigError: names the file and what is wrong in it.
    """
    try:
        data = path.read_bytes()
        content = yaml.safe_load(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(problem).split())}") from problem
    return validated(RunDescription, content, path), hashlib.sha256(data).hexdigest()


def write_description(description: RunDescription, path: Path) -> None:
    """Write the file, made to be read by people too."""
    text = yaml.dump(description.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    path.write_text(_HEAD + text, encoding="utf-8")


_HEAD = """\
# The run description: what all firms agree on. Every byte counts: each firm's copy must have the same SHA-256.
"""


class _Dumper(yaml.SafeDumper):
    """Writes certificates as they are, over several lines."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def validated(model: type[Model], content: Any, path: Path) -> Model:
    """A file's content as a model.

    Raises:
        ConfigError: names the file, the field and what was expected.
    """
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path}: expected a mapping of fields")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{path}: {field + ': ' if field else ''}{why}") from error
