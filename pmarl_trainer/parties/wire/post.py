"""What came in and was not used yet, who has left, what went wrong: shared by the server's threads and the party."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from threading import Condition

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties.wire.codec import Envelope

#: A neighbour that does not wait for anything is at most one message ahead; one more is the session's beginning.
_MOST_WAITING = 4
#: Between what a firm stopped for and who told of it.
HEARSAY = " (says "


class PartyLostError(TrainerError):
    """Another firm's process has gone, so this one must stop."""


class Post:
    """Messages by sender, in order."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._came: dict[str, deque[Envelope]] = defaultdict(deque)
        self._expected: dict[str, int] = defaultdict(int)
        self._left: set[str] = set()
        self._failure: TrainerError | None = None
        self.waits_for = ""  # whose message the party waits for at this moment

    def put(self, envelope: Envelope) -> str:
        """Take a message in; why it is refused, or nothing."""
        sender = envelope.sender
        with self._changed:
            if envelope.sequence != self._expected[sender]:
                again = envelope.sequence < self._expected[sender]
                return (
                    f"message {envelope.sequence} where {self._expected[sender]} was due: "
                    f"{'replayed' if again else 'out of order'}"
                )
            if len(self._came[sender]) >= _MOST_WAITING:
                return "more messages than a firm can be ahead"
            self._expected[sender] += 1
            self._came[sender].append(envelope)
            self._changed.notify_all()
        return ""

    def take(self, sender: str, deadline: float) -> Envelope:
        """The next message of `sender`; waits for it.

        Raises:
            PartyLostError: if it, or any other firm, has gone.
            TimeoutError: if nothing comes for `deadline` seconds.
            TrainerError: whatever a thread of the server has failed with.
        """
        end = time.monotonic() + deadline
        with self._changed:
            while True:
                if self._failure is not None:
                    raise self._failure
                if self._came[sender]:
                    self.waits_for = ""
                    return self._came[sender].popleft()
                if sender in self._left:
                    raise PartyLostError(f"{sender} has left the run: it was done, and this firm is not")
                rest = end - time.monotonic()
                if rest <= 0:
                    raise TimeoutError
                self.waits_for = sender
                self._changed.wait(rest)

    def fail(self, error: TrainerError) -> None:
        """Stop whoever waits; the first reason stays."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def leave(self, sender: str) -> None:
        """Note that a firm has gone because it was done."""
        with self._changed:
            self._left.add(sender)
            self._changed.notify_all()

    def lose(self, sender: str) -> None:
        """Note that a firm's connection broke; harmless if it had said that it was done."""
        with self._changed:
            if sender not in self._left:
                self._failure = self._failure or PartyLostError(f"{sender} is gone: its connection broke")
                self._changed.notify_all()

    def check(self) -> None:
        """Raise what a thread has failed with."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
