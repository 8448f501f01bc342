"""One line to the user that is no error: printed once a process, on standard error."""

from __future__ import annotations

import functools
import sys


@functools.cache
def notice(text: str) -> None:
    """Say `text`, unless it was said before."""
    print(text, file=sys.stderr)
