"""Terminals that are not UTF-8: what they cannot show is written in their own letters, never a traceback."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

__all__ = ["make_readable"]

_HANDLER = "scenv.readable"
_IN_ASCII = {
    "±": "+-",
    "÷": "/",
    "×": "x",
    "·": "-",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "•": "*",
    "■": "#",
    "█": "#",
    "│": "|",
    "┃": "|",
    "α": "alpha",
    "γ": "gamma",
    "σ": "sigma",
}


def make_readable() -> None:
    """Let standard output and standard error replace what their encoding lacks, for this process."""
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_nearest(letter) for letter in text), error.end


def _nearest(letter: str) -> str:
    """The letter in ASCII: by the table above, as a line of a frame, without its accent, or a question mark."""
    if letter in _IN_ASCII:
        return _IN_ASCII[letter]
    name = unicodedata.name(letter, "")
    if name.startswith("BOX DRAWINGS"):
        return "-" if "HORIZONTAL" in name and "VERTICAL" not in name else "+"
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain or "?"
