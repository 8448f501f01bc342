"""Where running games are kept: in memory, each with a lock, the oldest forgotten when there are too many."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Kept", "Store"]

T = TypeVar("T")
#: No letters that are read or heard for others: a code is dictated across a classroom.
_CODE_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


class Kept(Generic[T]):
    """Something kept, and the lock that whoever reads or changes it holds."""

    def __init__(self, value: T) -> None:
        self.value = value
        self.lock = threading.RLock()


class Store(Generic[T]):
    """Things by key; beyond `most`, the one that was asked for longest ago is forgotten."""

    def __init__(self, most: int, code_letters: int = 0) -> None:
        """Keys are codes of so many letters, or by default random texts that nobody guesses."""
        self._code_letters = code_letters
        self._most = most
        self._kept: OrderedDict[str, Kept[T]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, value: T) -> str:
        """Keep it; returns its key."""
        with self._lock:
            key = self._fresh_key()
            while key in self._kept:
                key = self._fresh_key()
            self._kept[key] = Kept(value)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return key

    def get(self, key: str) -> Kept[T] | None:
        """What is kept under a key, if anything."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _fresh_key(self) -> str:
        if self._code_letters:
            return "".join(secrets.choice(_CODE_LETTERS) for _ in range(self._code_letters))
        return secrets.token_urlsafe(12)
