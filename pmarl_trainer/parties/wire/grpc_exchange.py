"""The exchange between processes: what `LocalExchange` does in one, over gRPC with mutual TLS 1.3."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import fixed_point
from pmarl_trainer.parties.local_exchange import greatest_common
from pmarl_trainer.parties.messages import Agree, Phase, Total, Trade
from pmarl_trainer.parties.wire.certificates import Identity, check_certificate, check_identity
from pmarl_trainer.parties.wire.codec import WireError
from pmarl_trainer.parties.wire.description import RunDescription
from pmarl_trainer.parties.wire.gate import Gate
from pmarl_trainer.parties.wire.kinds import Kind, kinds_of_agreement, kinds_of_sum
from pmarl_trainer.parties.wire.links import Links, Peer
from pmarl_trainer.parties.wire.masks import Masks
from pmarl_trainer.parties.wire.post import PartyLostError, Post
from pmarl_trainer.parties.wire.server import Server
from pmarl_trainer.parties.wire.session import JOIN, JOINED, NONCE_BYTES, session_of


@dataclass
class Spent:
    """What an exchange has cost.

    Attributes:
        rounds: how often all of one wish's messages were waited for.
        waiting: seconds in which the party waited for others.
        sent: bytes of messages sent, by firm, without TLS's and HTTP/2's own.
    """

    rounds: int = 0
    waiting: float = 0.0
    sent: dict[str, int] = field(default_factory=dict)


class GrpcExchange:
    """One party's side of the exchange. A context: entering it waits for all firms, leaving it tells them.

    Attributes:
        spent: what it has cost so far.
        session: of this start of all parties; known once it was entered.
    """

    def __init__(
        self,
        identity: Identity,
        description: RunDescription,
        run: str,
        neighbours: tuple[str, ...],
        gate: Gate,
        *,
        listen: str,
        deadline: float = 120.0,
        patience: float = 600.0,
        say: Callable[[str], None] = print,
    ) -> None:
        """Prepare a party's exchange.

        Args:
            identity: what the firm proves itself with.
            description: the run description.
            run: its SHA-256.
            neighbours: with whom messages along links are exchanged.
            gate: what every message passes.
            listen: HOST:PORT of the own server.
            deadline: seconds after which a firm that says nothing is given up.
            patience: seconds for which firms that start late are waited for.
            say: shows a line to people.

        Raises:
            TrainerError: for certificates that have expired or are another firm's, or too few firms.
        """
        self.identity, self.description, self._run, self._gate = identity, description, run, gate
        self.firm, self._hub = identity.firm, description.aggregator
        self._others = description.peers(self.firm)
        self._check_certificates(neighbours)
        self._listen, self._deadline, self._patience, self._say = listen, deadline, patience, say
        self._post = Post()
        self._order = tuple(name for name in description.firms if name in {*neighbours, *self._others})
        peers = {
            name: Peer(description.firms[name].address, description.firms[name].certificate.encode())
            for name in self._order
        }
        self._links = Links(identity, peers, run, self._post)
        self._pinned = {name: peer.certificate for name, peer in peers.items()}
        self._server: Server | None = None
        self._masks: Masks | None = None
        self.session = ""
        self.spent = Spent(sent=dict.fromkeys(self._order, 0))

    def _check_certificates(self, neighbours: tuple[str, ...]) -> None:
        firms = self.description.firms
        check_identity(self.identity)
        if self.firm not in firms or firms[self.firm].certificate.encode() != self.identity.certificate:
            raise TrainerError(f"{self.firm}'s certificate is not the one in the run description")
        for name in (*neighbours, *self._others):
            if name not in firms:
                raise TrainerError(f"{self.firm}'s neighbour {name} is not in the run description")
            check_certificate(name, firms[name].certificate.encode())

    def __enter__(self) -> Self:
        self._server = Server(
            self.identity, self._listen, self._pinned, self._run, self._gate, self._post, self._who_is_late
        )
        try:
            self._links.connect(self._patience, self._say)
            nonces = self._join()
        except BaseException as error:
            self._close(error)
            raise
        salt = session_of(nonces)
        self.session = salt.hex()
        keys = {name: bytes.fromhex(firm.mask_key) for name, firm in self.description.firms.items()}
        few = self.description.allow_few_firms
        self._masks = Masks(self.firm, self.identity.mask_key, keys, salt, few=few)
        self._gate.note("opened", session=self.session)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is None:
            self._gate.note("closed", session=self.session)
        self._close(error)

    def _close(self, error: BaseException | None) -> None:
        why = ""
        if isinstance(error, PartyLostError):
            why = str(error)
        elif error is not None:
            reason = str(error).splitlines()[0] if isinstance(error, TrainerError) else type(error).__name__
            why = f"{self.firm} stopped: {reason}"
        self._links.leave(why)
        if self._server is not None:
            self._server.close(grace=2.0)

    def run(self, phases: Mapping[str, Phase]) -> dict[str, Any]:
        """Drive the one party through a phase; what it returned, by its name.

        Raises:
            TrainerError: if a firm has gone, or anything came that is no message of this run.
        """
        ((name, phase),) = phases.items()
        answer: Any = None
        while True:
            try:
                wish = phase.send(answer)
            except StopIteration as done:
                return {name: done.value}
            answer = self._answer(wish)

    def _answer(self, wish: Any) -> Any:
        self.spent.rounds += 1
        if isinstance(wish, Trade):
            return self._trade(wish)
        if isinstance(wish, Total):
            return self._total(wish)
        if isinstance(wish, Agree):
            return self._agree(wish)
        raise TrainerError(f"{self.firm}: nobody answers a wish of type {type(wish).__name__}")

    def _trade(self, wish: Trade) -> dict[str, dict[str, Tensor]]:
        order = [name for name in self._order if name in wish.parcels]
        if len(order) < len(wish.parcels):
            raise TrainerError(f"{self.firm} sends to somebody who is no neighbour: {sorted(wish.parcels)}")
        self._send({name: wish.parcels[name] for name in order}, wish.kind, wish.round)
        return {name: self._take(name, wish.kind, wish.round) for name in order}

    def _total(self, wish: Total) -> Tensor:
        if self._masks is None:
            raise TrainerError("the exchange was not entered")
        part = self._masks.hide(wish.purpose, wish.round, wish.value).reshape(-1)
        total = self._through_hub(kinds_of_sum(wish.purpose), wish.round, part, fixed_point.add)
        return fixed_point.decode(total).reshape(wish.value.shape)

    def _agree(self, wish: Agree) -> int:
        def settle(offers: list[Tensor]) -> Tensor:
            held = dict(zip((self.firm, *self._others), (tuple(offer.tolist()) for offer in offers), strict=True))
            return torch.tensor([greatest_common(held)])

        own = torch.tensor(wish.values, dtype=torch.int64)
        return int(self._through_hub(kinds_of_agreement(wish.purpose), 0, own, settle))

    def _through_hub(
        self,
        kinds: tuple[Kind, Kind],
        round: int,
        own: Tensor,
        combine: Callable[[list[Tensor]], Tensor],
        deadline: float | None = None,
    ) -> Tensor:
        """Give the aggregator what is one's own; what it makes of everybody's. `kinds`, of one tensor each, are those
        of the way there and of the way back.
        """
        up, down = kinds
        (given,), (got,) = up.tensors, down.tensors
        if self.firm != self._hub:
            self._send({self._hub: {given: own}}, up.name, round)
            return self._take(self._hub, down.name, round, deadline)[got]
        result = combine([own, *(self._take(name, up.name, round, deadline)[given] for name in self._others)])
        self._send({name: {got: result} for name in self._others}, down.name, round)
        return result

    def _send(self, parcels: Mapping[str, Mapping[str, Tensor]], kind: str, round: int) -> None:
        calls = []
        for name, tensors in parcels.items():
            payload = self._gate.out(name, kind, round, tensors)
            self.spent.sent[name] += len(payload)
            calls.append((name, self._links.send(name, self.session, kind, round, payload, self._deadline)))
        start = time.perf_counter()
        for name, call in calls:
            self._links.arrived(name, call)
        self.spent.waiting += time.perf_counter() - start

    def _take(self, name: str, kind: str, round: int, deadline: float | None = None) -> dict[str, Tensor]:
        start = time.perf_counter()
        deadline = self._deadline if deadline is None else deadline
        try:
            envelope = self._post.take(name, deadline)
        except TimeoutError:
            late = self._links.who_is_late(name, 0)
            self._post.check()  # others may have said meanwhile
            raise PartyLostError(f"{late} has sent nothing for {deadline:g} s") from None
        self.spent.waiting += time.perf_counter() - start
        if envelope.session != self.session:
            raise self._gate.refuse(name, envelope.kind, envelope.round, "it is of another start of the run: replayed")
        if (envelope.kind, envelope.round) != (kind, round):
            raise self._gate.refuse(
                name, envelope.kind, envelope.round, f"{envelope.kind} {envelope.round} where {kind} {round} was due"
            )
        return self._gate.into(name, kind, round, envelope.payload)

    def _who_is_late(self, asked: int) -> str:
        waits_for = self._post.waits_for
        return self._links.who_is_late(waits_for, asked) if waits_for else self.firm

    def _join(self) -> dict[str, bytes]:
        """Everybody's fresh number of this start of the run, by firm; one's own is among them."""
        own = torch.frombuffer(bytearray(secrets.token_bytes(NONCE_BYTES)), dtype=torch.uint8)
        names = sorted(self.description.firms)

        def by_name(numbers: list[Tensor]) -> Tensor:
            came = dict(zip((self.firm, *self._others), numbers, strict=True))
            return torch.stack([came[name] for name in names])

        every = self._through_hub((JOIN, JOINED), 0, own, by_name, self._patience)
        if not torch.equal(every[names.index(self.firm)], own):
            raise WireError(f"{self._hub} began the run with another number than {self.firm}'s own")
        return {name: every[i].numpy().tobytes() for i, name in enumerate(names)}
