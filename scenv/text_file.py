"""Reading small files that somebody else wrote: regular files only, no larger than a cap, UTF-8 where it is text."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scenv.errors import ScenvError, shown

__all__ = ["named", "read_bytes", "read_text", "text_of"]


def read_bytes(path: str | Path, max_bytes: int, error: type[ScenvError] = ScenvError, kind: str = "file") -> bytes:
    """The content of a file.

    Args:
        path: of a regular file. A pipe or a device, which could block or flow for ever, is never waited for.
        max_bytes: the largest file that is read.
        error: what to raise.
        kind: what messages call the file that was expected, for example "network file".

    Raises:
        ScenvError: as `error`, naming the file, if it cannot be read, is no regular file, or is over the cap.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait here for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            mode = os.fstat(handle).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError
            if not stat.S_ISREG(mode):
                raise error(f"{named(path)}: not a regular file")
            data = file.read(max_bytes + 1)
    except error:
        raise
    except (FileNotFoundError, ValueError):  # ValueError: a name with a NUL
        raise error(f"{named(path)}: no such file") from None
    except OSError as problem:
        if os.path.isdir(path):
            raise error(f"{named(path)} is a directory; expected a {kind}") from None
        raise error(f"{named(path)}: cannot be read: {problem.strerror or problem}") from None
    if len(data) > max_bytes:
        raise error(f"{named(path)}: larger than {max_bytes / 2**20:g} MiB; expected a smaller {kind}")
    return data


def read_text(path: str | Path, max_bytes: int, error: type[ScenvError] = ScenvError, kind: str = "file") -> str:
    """The text of a file, without a byte-order mark. Raises as `read_bytes`, and if it is not UTF-8 text."""
    return text_of(read_bytes(path, max_bytes, error, kind), named(path), error)


def text_of(data: bytes, origin: str, error: type[ScenvError] = ScenvError) -> str:
    """Bytes as text, without a byte-order mark. Raises `error` if they are not UTF-8 or hold a NUL."""
    if b"\0" in data:
        raise error(f"{origin}: not a text file (it holds NUL bytes)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{origin}: not UTF-8 text (byte {problem.start}); save it as UTF-8") from None


def named(path: str | Path) -> str:
    """The path as a message can show it on one line."""
    text = str(path)
    return text if text.isprintable() and len(text) <= 1000 else shown(text)
