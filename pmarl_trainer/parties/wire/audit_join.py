"""Two firms' audit logs against each other: every message sent was received, and nothing else was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmarl_trainer.parties.wire.audit_log import AuditError, read_log

LOG_NAME = "audit.jsonl"
_SAME = ("kind", "round", "count", "shape", "bytes", "sha256")


@dataclass(frozen=True)
class Crossing:
    """What crossed one directed link, by kind.

    Attributes:
        sender, receiver: the firms.
        kind: of the messages.
        messages, size: how many, and their bytes.
        clip, noise: what protected them; the sender's log says so.
        open: sent when a party was stopped, so not received.
    """

    sender: str
    receiver: str
    kind: str
    messages: int
    size: int
    clip: float | None
    noise: float
    open: int


def log_of(folder: Path) -> Path:
    """The log in a party's folder, or the file itself.

    Raises:
        AuditError: if there is none.
    """
    path = folder / LOG_NAME if folder.is_dir() else folder
    if not path.is_file():
        raise AuditError(f"{folder}: no audit log here ({LOG_NAME})")
    return path


def join(first: Path, second: Path) -> list[Crossing]:
    """Compare the logs of two firms of one run; what crossed between them.

    Raises:
        AuditError: names the first message that was sent and not received, received and not sent, or changed on its
            way; or says why the logs cannot be compared.
    """
    logs = [list(read_log(log_of(folder))) for folder in (first, second)]
    for folder, log in zip((first, second), logs, strict=True):
        if not log:
            raise AuditError(f"{folder}: the audit log is empty")
    one, two = (log[0]["firm"] for log in logs)
    if logs[0][0]["run"] != logs[1][0]["run"]:
        raise AuditError(f"{first} and {second} are logs of different runs")
    if one == two:
        raise AuditError(f"{first} and {second} are both logs of {one}; two firms' are needed")
    return [*_compare(logs[0], one, logs[1], two), *_compare(logs[1], two, logs[0], one)]


def _sessions(log: list[dict[str, Any]], event: str, neighbour: str) -> dict[str, list[dict[str, Any]]]:
    """Messages by the start of the run in which they crossed."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    session = ""
    for line in log:
        if line["event"] == "opened":
            session = line["session"]
        if line["event"] == event and line["neighbour"] == neighbour:
            found[session].append(line)
    return found


def _closed(log: list[dict[str, Any]]) -> set[str]:
    return {line["session"] for line in log if line["event"] == "closed"}


def _compare(
    sending: list[dict[str, Any]], sender: str, receiving: list[dict[str, Any]], receiver: str
) -> list[Crossing]:
    sent, received = _sessions(sending, "sent", receiver), _sessions(receiving, "received", sender)
    whole = _closed(sending) & _closed(receiving)
    open_ends: dict[str, int] = defaultdict(int)
    for session in {**sent, **received}:
        left, came = sent.get(session, []), received.get(session, [])
        for gone, arrived in zip(left, came, strict=False):
            if any(gone[field] != arrived[field] for field in _SAME):
                raise AuditError(
                    f"line {gone['line'] + 1} of {sender}'s log and line {arrived['line'] + 1} of {receiver}'s are not "
                    f"the same message: {gone['kind']} {gone['round']} and {arrived['kind']} {arrived['round']}"
                )
        if len(came) > len(left):
            extra = came[len(left)]
            raise AuditError(
                f"line {extra['line'] + 1} of {receiver}'s log: {extra['kind']} {extra['round']} came from {sender}, "
                "which did not send it"
            )
        if len(left) > len(came) and session in whole:
            lost = left[len(came)]
            raise AuditError(
                f"line {lost['line'] + 1} of {sender}'s log: {lost['kind']} {lost['round']} went to {receiver}, which "
                "did not receive it"
            )
        for line in left[len(came) :]:
            open_ends[line["kind"]] += 1
    lines = [line for messages in sent.values() for line in messages]
    return [_crossing(sender, receiver, kind, lines, open_ends) for kind in sorted({line["kind"] for line in lines})]


def _crossing(
    sender: str, receiver: str, kind: str, lines: list[dict[str, Any]], open_ends: dict[str, int]
) -> Crossing:
    these = [line for line in lines if line["kind"] == kind]
    return Crossing(
        sender=sender,
        receiver=receiver,
        kind=kind,
        messages=len(these),
        size=sum(line["bytes"] for line in these),
        clip=these[-1].get("clip"),
        noise=these[-1].get("noise", 0.0),
        open=open_ends[kind],
    )
