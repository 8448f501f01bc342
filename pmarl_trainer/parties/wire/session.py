"""One start of all parties: every firm gives a fresh number, so nobody can have an old start repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch

from pmarl_trainer.parties.wire.kinds import Kind

NONCE_BYTES = 32

JOIN = Kind("join", {"nonce": ("nonce",)}, torch.uint8, protectable=False, scope="all", meaning="a fresh random number")
JOINED = Kind(
    "joined",
    {"nonces": ("firms", "nonce")},
    torch.uint8,
    protectable=False,
    scope="all",
    meaning="everybody's fresh random numbers",
)


def session_of(nonces: Mapping[str, bytes]) -> bytes:
    """The 32 bytes that name a start of the run, from every firm's fresh number."""
    mixed = hashlib.sha256(b"pmarl session")
    for name in sorted(nonces):
        mixed.update(hashlib.sha256(name.encode()).digest() + nonces[name])
    return mixed.digest()
