"""Sums whose parts nobody sees: every pair of firms shares masks that cancel in the sum.

Bonawitz et al., Practical Secure Aggregation (2017), without its handling of drop-outs: the firms are fixed, and a
missing one stops the update. Keys are agreed once by X25519; every sum has streams of its own (HKDF per sum, ChaCha20).
What a sum hides among n firms of which c tell each other everything is a sum of n - c.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import torch
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from torch import Tensor

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import fixed_point

#: Fewer firms than these are refused: of two, each learns the other's part by subtracting its own.
FEWEST = 3

#: (key of 32 bytes, how many bytes) -> so many pseudo-random bytes.
Stream = Callable[[bytes, int], bytes]


def chacha20(key: bytes, length: int) -> bytes:
    """The ChaCha20 stream of a key that is used once: its nonce may stay zero."""
    return Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(length))


class Masks:
    """One firm's side of masked sums."""

    def __init__(
        self,
        agent: str,
        private: X25519PrivateKey,
        public: Mapping[str, bytes],
        session: bytes,
        *,
        few: bool = False,
        stream: Stream = chacha20,
    ) -> None:
        """Agree on a key with every other firm.

        Args:
            agent: the firm.
            private: its own key.
            public: every firm's public key [32 bytes], its own included, as the run description has them.
            session: of this start of all parties; never the same twice, so that no stream is used again after a resume.
            few: sum among fewer than three firms, too.
            stream: makes a mask of a key.

        Raises:
            TrainerError: for too few firms, or a key that is none.
        """
        if len(public) < FEWEST and not few:
            raise TrainerError(
                f"a sum among {len(public)} firms hides nothing: each learns the other's part; at least {FEWEST} are "
                "needed, unless the run description says allow_few_firms: true"
            )
        self._agent, self._parties, self._stream = agent, len(public), stream
        self._sums = 0
        self._keys: dict[str, bytes] = {}
        for other in sorted(set(public) - {agent}):
            try:
                shared = private.exchange(X25519PublicKey.from_public_bytes(public[other]))
            except ValueError as problem:
                raise TrainerError(f"{other}'s mask key is no X25519 public key") from problem
            self._keys[other] = HKDF(SHA256(), 32, salt=session, info=b"pmarl masks").derive(shared)

    def hide(self, purpose: str, round: int, values: Tensor) -> Tensor:
        """One's own part of the next sum, int64 of the same shape: without all others' parts, random numbers.

        Every firm must ask for the same sums in the same order.

        Raises:
            TrainerError: for numbers that no sum can take (`fixed_point.encode`).
        """
        part = fixed_point.encode(values, self._parties).contiguous().numpy().view(np.uint64)
        total = part.reshape(-1).copy()
        for other, key in self._keys.items():
            mask = self._mask(other, key, purpose, round, total.size)
            total = total + mask if self._agent < other else total - mask
        self._sums += 1
        return torch.from_numpy(total.view(np.int64)).reshape(values.shape)

    def _mask(self, other: str, key: bytes, purpose: str, round: int, count: int) -> np.ndarray:
        pair = sorted((self._agent, other))
        info = json.dumps(["pmarl mask", self._sums, purpose, round, *pair]).encode()
        own = HKDF(SHA256(), 32, salt=None, info=info).derive(key)
        return np.frombuffer(self._stream(own, 8 * count), dtype="<u8")
