"""The outgoing side: one channel to each firm that this one talks to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Thread

import grpc

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties.wire.certificates import Identity
from pmarl_trainer.parties.wire.codec import Envelope
from pmarl_trainer.parties.wire.post import PartyLostError, Post
from pmarl_trainer.parties.wire.probe import probe
from pmarl_trainer.parties.wire.rpc import SERVICE, channel_to
from pmarl_trainer.parties.wire.server import HandshakeError, check_greeting, greeting

_PAUSE = 0.2
_SAY_AFTER = 2.0
_SAY_EVERY = 30.0


@dataclass(frozen=True)
class Peer:
    """A firm to connect to: where it is reached, and the certificate that it must have (PEM)."""

    address: str
    certificate: bytes


class Links:
    """Channels to other firms, opened once all of them are there."""

    def __init__(self, identity: Identity, peers: Mapping[str, Peer], run: str, post: Post) -> None:
        """Prepare links to `peers`; `connect` opens them."""
        self._identity, self._peers, self._run, self._post = identity, peers, run, post
        self._channels: dict[str, grpc.Channel] = {}
        self._sent: Counter[str] = Counter()
        self._closing = False

    def connect(self, patience: float, say: Callable[[str], None]) -> None:
        """Wait for every firm, greet it, and watch it from then on.

        Raises:
            PartyLostError: if one does not come within `patience` seconds.
            TrainerError: if one is not who it should be, or speaks of another run.
        """
        end = time.monotonic() + patience
        say_at = time.monotonic() + _SAY_AFTER
        absent = self._try(self._peers, end)
        while absent:
            self._post.check()
            now = time.monotonic()
            if now >= end:
                firm, why = next(iter(absent.items()))
                raise PartyLostError(f"{firm} did not come to {self._peers[firm].address}: {why}")
            if now >= say_at:
                for firm, why in absent.items():
                    say(f"waiting for {firm} at {self._peers[firm].address}: {why}")
                say_at = now + _SAY_EVERY
            time.sleep(_PAUSE)
            absent = self._try(absent, end)

    def _try(self, firms: Iterable[str], end: float) -> dict[str, str]:
        """Connect to those that are there; the others, and why they are not."""
        absent = {}
        for firm in firms:
            peer = self._peers[firm]
            why = probe(peer.address, firm, self._identity, peer.certificate)
            if why:
                absent[firm] = why
                continue
            self._channels[firm] = channel_to(peer.address, firm, self._identity, peer.certificate)
            self._greet(firm, max(1.0, end - time.monotonic()))
            Thread(target=self._watch, args=(firm,), daemon=True, name=f"watch {firm}").start()
        return absent

    def _greet(self, firm: str, timeout: float) -> None:
        try:
            answer = self._call(firm, "Greet")(greeting(self._identity.firm, self._run), timeout=timeout)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                raise HandshakeError(f"{firm} refuses: {error.details()}") from error
            raise PartyLostError(f"{firm} went away while it was greeted: {_short(error)}") from error
        check_greeting(answer, firm, self._run)

    def _call(self, firm: str, method: str) -> grpc.UnaryUnaryMultiCallable:
        return self._channels[firm].unary_unary(f"/{SERVICE}/{method}")

    def _watch(self, firm: str) -> None:
        try:
            for _ in self._channels[firm].unary_stream(f"/{SERVICE}/Watch")(b""):
                pass
        except (grpc.RpcError, ValueError):  # ValueError: one's own channel was closed meanwhile
            pass
        if not self._closing:
            self._post.lose(firm)

    def send(self, firm: str, session: str, kind: str, round: int, payload: bytes, timeout: float) -> grpc.Future:
        """Send a message; its arrival is to be waited for with `arrived`."""
        envelope = Envelope(session, self._identity.firm, self._sent[firm], kind, round, payload)
        self._sent[firm] += 1
        return self._call(firm, "Deliver").future(envelope.seal(), timeout=timeout)

    def arrived(self, firm: str, sent: grpc.Future) -> None:
        """Wait until a message has arrived.

        Raises:
            TrainerError: if the firm refused it.
            PartyLostError: if it has gone.
        """
        try:
            sent.result()
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                raise TrainerError(str(error.details())) from error
            self._post.check()  # says who went first, if that was told
            raise PartyLostError(f"{firm} is gone: {_short(error)}") from error

    def who_is_late(self, firm: str, asked: int) -> str:
        """The firm that `firm` waits for, or the one that this waits for, and so on; `firm` itself if it waits for
        nobody, or does not answer. `asked` counts the firms on the way, so that asking ends.
        """
        if asked > len(self._peers) + 32 or firm not in self._channels:
            return firm
        try:
            answer: bytes = self._call(firm, "WhoIsLate")(bytes(asked), timeout=2.0)
        except grpc.RpcError:
            return firm
        return answer[:200].decode(errors="replace")

    def leave(self, why: str) -> None:
        """Tell all that this firm goes, and why if it is not done; nobody needs to hear it."""
        self._closing = True
        calls = []
        for firm in self._channels:
            calls.append(self._call(firm, "Leave").future(why.encode(), timeout=2.0))
        for call in calls:
            call.exception()
        for channel in self._channels.values():
            channel.close()


def _short(error: grpc.RpcError) -> str:
    return str(error.code().name).replace("_", " ").lower()
