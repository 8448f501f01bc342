"""The gate: the one function that every tensor passes which leaves a party, and every one that comes in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from pmarl_trainer.parties.wire.audit_log import AuditLog
from pmarl_trainer.parties.wire.codec import WireError, pack, unpack
from pmarl_trainer.parties.wire.kinds import Kind, Sizes
from pmarl_trainer.parties.wire.protection import Protection

_NONE = Protection()


class GateError(WireError):
    """A message that the gate does not let through."""


class Gate:
    """One firm's gate: it knows who its neighbours are and what may cross to and from them, and logs what does."""

    def __init__(
        self,
        agent: str,
        neighbours: Collection[str],
        peers: Collection[str],
        kinds: Mapping[str, Kind],
        sizes: Sizes,
        log: AuditLog,
        *,
        protections: Mapping[str, Protection] | None = None,
        secret: bytes = b"",
        most: Mapping[str, int] | None = None,
    ) -> None:
        """Guard a party.

        Args:
            agent: the firm.
            neighbours: its suppliers and customers (`maac`: all), with whom it exchanges what goes along links.
            peers: with whom it exchanges what goes to all: the aggregator; all others, where it is that itself.
            kinds: what may cross.
            sizes: of the dimensions of what may cross.
            log: where every message is written down before it leaves, or is used.
            protections: by neighbour.
            secret: the firm's own, for noise.
            most: kind -> how many of it may cross to one neighbour, or from one, in this start of the run.
        """
        self.agent = agent
        self._near: Mapping[str, frozenset[str]] = {"link": frozenset(neighbours), "all": frozenset(peers)}
        self._kinds, self._sizes, self._log = kinds, sizes, log
        self._protections, self._secret, self._most = dict(protections or {}), secret, dict(most or {})
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def out(self, neighbour: str, kind: str, round: int, tensors: Mapping[str, Tensor]) -> bytes:
        """What leaves for a neighbour in place of `tensors`, packed; written down first.

        Raises:
            GateError: if it may not.
        """
        try:
            known = self._known(neighbour, kind)
            known.check(tensors, self._sizes)
            count = self._count("sent", neighbour, kind)
        except WireError as problem:
            raise self._refused("out", neighbour, kind, round, problem) from problem
        protection = self._protections.get(neighbour, _NONE) if known.protectable else _NONE
        tensors = protection.apply(tensors, round, self._secret, f"{neighbour}/{kind}")
        payload = pack(tensors)
        self._write("sent", neighbour, kind, round, count, tensors, payload, protection)
        return payload

    def into(self, neighbour: str, kind: str, round: int, payload: bytes) -> dict[str, Tensor]:
        """What a neighbour sent, unpacked and checked as strictly as what leaves.

        Raises:
            GateError: if it is no message that may come from there.
        """
        try:
            known = self._known(neighbour, kind)
            tensors = unpack(payload)
            known.check(tensors, self._sizes)
            count = self._count("received", neighbour, kind)
        except WireError as problem:
            raise self._refused("in", neighbour, kind, round, problem) from problem
        self._write("received", neighbour, kind, round, count, tensors, payload, None)
        return tensors

    def admit(self, neighbour: str, kind: str, round: int) -> None:
        """Refuse a message by its head alone.

        Raises:
            GateError: if no such message may come from there.
        """
        try:
            self._known(neighbour, kind)
        except WireError as problem:
            raise self._refused("in", neighbour, kind, round, problem) from problem

    def note(self, event: str, **fields: Any) -> None:
        """Write down something that is no message."""
        self._log.write(event, **fields)

    def refuse(self, neighbour: str, kind: str, round: int, why: str) -> GateError:
        """Write down that a message was refused before its tensors were looked at; the error to raise."""
        return self._refused("in", neighbour, kind, round, WireError(why))

    def _known(self, neighbour: str, kind: str) -> Kind:
        if kind not in self._kinds:
            raise WireError(f"{kind!r} is no kind of message of this run: {', '.join(sorted(self._kinds))}")
        known = self._kinds[kind]
        if neighbour not in self._near[known.scope]:
            who = "a neighbour" if known.scope == "link" else "the aggregator, or a firm that this one adds up for"
            raise WireError(f"{kind} crosses to and from {who} only, and {neighbour} is none")
        return known

    def _count(self, way: str, neighbour: str, kind: str) -> int:
        """How many went this way before; one more now."""
        key = (way, neighbour, kind)
        if kind in self._most and self._counts[key] >= self._most[kind]:
            raise WireError(f"more than {self._most[kind]} messages {kind!r} in this run")
        self._counts[key] += 1
        return self._counts[key] - 1

    def _refused(self, way: str, neighbour: str, kind: str, round: int, problem: WireError) -> GateError:
        self._log.write("refused", way=way, neighbour=neighbour, kind=kind, round=round, why=str(problem))
        where = f"to {neighbour}" if way == "out" else f"from {neighbour}"
        return GateError(f"{self.agent}: refused a message {where}: {problem}")

    def _write(
        self,
        event: str,
        neighbour: str,
        kind: str,
        round: int,
        count: int,
        tensors: Mapping[str, Tensor],
        payload: bytes,
        protection: Protection | None,
    ) -> None:
        fields: dict[str, Any] = {
            "neighbour": neighbour,
            "kind": kind,
            "round": round,
            "count": count,
            "shape": {name: list(tensor.shape) for name, tensor in sorted(tensors.items())},
            "bytes": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        if protection is not None:
            fields |= {"clip": protection.clip, "noise": protection.noise, "silent": protection.silent(round)}
        self._log.write(event, **fields)
