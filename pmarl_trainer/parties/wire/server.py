"""One firm's server: it greets, takes messages in, and shows others that the firm is still there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties.wire.certificates import Identity, fingerprint
from pmarl_trainer.parties.wire.codec import PROTOCOL, Envelope, WireError, open_envelope
from pmarl_trainer.parties.wire.gate import Gate, GateError
from pmarl_trainer.parties.wire.post import HEARSAY, PartyLostError, Post
from pmarl_trainer.parties.wire.rpc import SERVICE, server_credentials, server_on


class HandshakeError(TrainerError):
    """Two firms do not speak of the same run."""


def greeting(firm: str, run: str) -> bytes:
    """What firms tell each other first: version, SHA-256 of the run description, own name."""
    return json.dumps({"protocol": PROTOCOL, "run": run, "firm": firm}, sort_keys=True).encode()


def check_greeting(data: bytes, firm: str, run: str) -> None:
    """Refuse a greeting that is not `firm`'s in the run with this SHA-256.

    Raises:
        HandshakeError: says what differs.
    """
    try:
        told = json.loads(data)
        protocol, theirs, name = told["protocol"], str(told["run"]), told["firm"]
    except (ValueError, KeyError, TypeError) as problem:
        raise HandshakeError(f"{firm} greets with what is no greeting") from problem
    if protocol != PROTOCOL:
        raise HandshakeError(f"{firm} speaks protocol {protocol!r}, this party {PROTOCOL}; install the same version")
    if name != firm:
        raise HandshakeError(f"{firm}'s certificate is used by somebody who calls itself {name!r}")
    if theirs != run:
        raise HandshakeError(
            f"{firm} has another run description: SHA-256 {theirs[:16]}..., not {run[:16]}...; all copies must be the "
            "same file"
        )


class Server:
    """Listens for the firms whose certificates are pinned."""

    def __init__(
        self,
        identity: Identity,
        listen: str,
        pinned: Mapping[str, bytes],
        run: str,
        gate: Gate,
        post: Post,
        who_is_late: Callable[[int], str],
    ) -> None:
        """Start to listen.

        Args:
            identity: the firm's own.
            listen: HOST:PORT.
            pinned: firm -> its certificate, PEM: who may connect.
            run: SHA-256 of the run description.
            gate: refuses by a message's head.
            post: where messages go.
            who_is_late: how many firms have been asked -> the firm that all wait for, as far as this one can tell.

        Raises:
            TrainerError: if the address cannot be listened on.
        """
        self._identity, self._run, self._gate, self._post = identity, run, gate, post
        self._who_is_late = who_is_late
        self._firms = {fingerprint(certificate): firm for firm, certificate in pinned.items()}
        self._closing = Event()
        self._server = server_on(ThreadPoolExecutor(4 * len(pinned) + 8))
        unary = grpc.unary_unary_rpc_method_handler
        handlers = {
            "Greet": unary(self._greet),
            "Deliver": unary(self._deliver),
            "Leave": unary(self._leave),
            "WhoIsLate": unary(self._late),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        try:
            self.port = self._server.add_secure_port(listen, server_credentials(identity, list(pinned.values())))
        except RuntimeError as problem:
            raise TrainerError(f"{identity.firm}: cannot listen on {listen}; is it taken by another process?") from (
                problem
            )
        self._server.start()

    def close(self, grace: float) -> None:
        """End; answers under way have `grace` seconds."""
        self._closing.set()
        self._server.stop(grace).wait()

    def _caller(self, context: grpc.ServicerContext) -> str:
        """Who calls, by its certificate."""
        facts = context.auth_context()
        firm = self._firms.get(fingerprint(facts["x509_pem_cert"][0]))
        if firm is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "this certificate is none of the run description's")
        if facts.get("ssl_tls_version", [b"TLSv1.3"])[0] != b"TLSv1.3":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "TLS 1.3 is needed")
        return str(firm)

    def _fail(self, context: grpc.ServicerContext, error: TrainerError) -> Any:
        self._post.fail(error)
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def _greet(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        caller = self._caller(context)
        try:
            check_greeting(data, caller, self._run)
        except HandshakeError as problem:
            self._fail(context, problem)
        return greeting(self._identity.firm, self._run)

    def _deliver(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        caller = self._caller(context)
        envelope = Envelope("", caller, -1, "unknown", -1, b"")
        try:
            envelope = open_envelope(data)
            if envelope.sender != caller:
                raise WireError(f"it says that it comes from {envelope.sender!r}")
            self._gate.admit(caller, envelope.kind, envelope.round)
            why = self._post.put(envelope)
            if why:
                raise WireError(why)
        except GateError as problem:
            self._fail(context, problem)
        except WireError as problem:
            self._fail(context, self._gate.refuse(caller, envelope.kind, envelope.round, str(problem)))
        return b""

    def _leave(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        caller, why = self._caller(context), data[:2000].decode(errors="replace")
        if why:
            self._post.fail(PartyLostError(why if HEARSAY in why else f"{why}{HEARSAY}{caller})"))
        else:
            self._post.leave(caller)
        return b""

    def _late(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._caller(context)
        return self._who_is_late(len(data) + 1).encode()

    def _watch(self, data: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Says nothing for as long as the firm is there; that the stream breaks is the message."""
        self._caller(context)
        gone = Event()
        context.add_callback(gone.set)
        yield b""
        while not self._closing.wait(0.2) and not gone.is_set():
            pass
