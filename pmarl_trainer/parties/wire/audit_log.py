"""The audit log: one JSON line for every message that left a firm or came in, in a hash chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from pmarl_trainer.errors import TrainerError

#: What the first line of a log is chained to.
BEGINNING = "0" * 64


class AuditError(TrainerError):
    """An audit log was changed, or does not fit another's."""


def _link(before: str, fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(before.encode() + json.dumps(fields, sort_keys=True).encode()).hexdigest()


class AuditLog:
    """Appends to one firm's log; a log that is there is gone on with, if its chain is whole.

    Every line is written before the message that it speaks of leaves.
    """

    def __init__(self, path: Path, run: str, agent: str) -> None:
        """Open the log of `agent` in the run whose description has the SHA-256 `run`.

        Raises:
            AuditError: if the file there is broken, or of another run or firm.
        """
        self.path, self._run, self._agent = path, run, agent
        self._last, self._count, cut = BEGINNING, 0, 0
        self._lock = Lock()  # a refusal may come from a thread of the server
        if path.exists():
            self._last, self._count, cut = self._continue()
        self._file: BinaryIO = path.open("ab")
        if cut:
            self.write("cut", cut_bytes=cut)

    def _continue(self) -> tuple[str, int, int]:
        """(hash of the last whole line, how many lines, bytes of a line that a killed process left unfinished)."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.path.open("rb+") as file:
                file.truncate(whole)
        last, count = BEGINNING, 0
        for line in read_log(self.path):
            if (line["run"], line["firm"]) != (self._run, self._agent):
                raise AuditError(f"{self.path} is the log of {line['firm']} in another run; take another folder")
            last, count = line["chain"], count + 1
        return last, count, len(data) - whole

    def write(self, event: str, **fields: Any) -> None:
        """Add a line.

        Raises:
            TrainerError: if the disk does not take it.
        """
        with self._lock:
            line = {"line": self._count, "run": self._run, "firm": self._agent, "event": event, **fields}
            chain = _link(self._last, line)
            try:
                self._file.write(json.dumps({**line, "chain": chain}, sort_keys=True).encode() + b"\n")
                self._file.flush()
            except OSError as problem:
                raise TrainerError(f"{self.path}: the audit log cannot be written: {problem.strerror}") from problem
            self._last, self._count = chain, self._count + 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log, each checked against the one before.

    Raises:
        AuditError: where a line is no JSON, or was changed, removed, added or moved.
    """
    before = BEGINNING
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise AuditError(f"{path}: cannot be read as an audit log: {problem}") from problem
    for number, text in enumerate(lines):
        try:
            line = json.loads(text)
            chain = line.pop("chain")
        except (ValueError, KeyError, AttributeError, TypeError) as problem:
            raise AuditError(f"{path}: line {number + 1} is no line of an audit log") from problem
        if line.get("line") != number or chain != _link(before, line):
            raise AuditError(f"{path}: line {number + 1} was changed, or lines before it are missing")
        before = chain
        yield {**line, "chain": chain}
