"""Tensors to bytes and back, and the envelope that a message travels in. Nothing here can run code: numbers are
safetensors, the envelope's head is JSON.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pmarl_trainer.errors import TrainerError

#: Of what a message looks like and how parties greet each other; parties of different versions refuse each other.
PROTOCOL = 1
_LENGTH = struct.Struct("<I")
_LONGEST_HEAD = 4096
_HEAD = {"session": str, "sender": str, "sequence": int, "kind": str, "round": int}


class WireError(TrainerError):
    """Something came over the wire that is no message of this run."""


@dataclass(frozen=True)
class Envelope:
    """One message as it travels.

    Attributes:
        session: of this start of all parties; another one is a replay.
        sender: the firm that sends it.
        sequence: its number among those on this directed link, from 0.
        kind: what it is.
        round: which of that kind.
        payload: its tensors, packed.
    """

    session: str
    sender: str
    sequence: int
    kind: str
    round: int
    payload: bytes

    def seal(self) -> bytes:
        """The bytes on the wire."""
        fields = asdict(self)
        del fields["payload"]
        head = json.dumps(fields, sort_keys=True).encode()
        return _LENGTH.pack(len(head)) + head + self.payload


def open_envelope(data: bytes) -> Envelope:
    """The message in `data`.

    Raises:
        WireError: if it is none.
    """
    if len(data) < _LENGTH.size:
        raise WireError("a message without a head")
    (length,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + length
    if length > _LONGEST_HEAD or end > len(data):
        raise WireError("a message whose head has no end")
    try:
        head = json.loads(data[_LENGTH.size : end])
    except ValueError as problem:
        raise WireError("a message whose head is no JSON") from problem
    if not isinstance(head, dict) or set(head) != set(_HEAD):
        raise WireError(f"a message's head must hold {', '.join(_HEAD)}")
    for name, kind in _HEAD.items():
        if type(head[name]) is not kind:
            raise WireError(f"a message's {name} must be {kind.__name__}")
    return Envelope(**head, payload=data[end:])


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors by name as safetensors: the same tensors give the same bytes."""
    return safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def unpack(payload: bytes) -> dict[str, Tensor]:
    """What `pack` packed.

    Raises:
        WireError: if it is no safetensors.
    """
    try:
        return safetensors.torch.load(payload)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as problem:
        raise WireError("a message whose numbers are no safetensors") from problem


def check_finite(name: str, tensor: Tensor) -> None:
    """Raise `WireError` if a number of a floating-point tensor is not finite."""
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise WireError(f"{name} holds numbers that are not finite")
