"""Code that is not ours is called here: whatever it raises becomes one line that names it, and it cannot take for ever
without a word.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pmarl_trainer.errors import DoorError, TrainerError

#: Seconds after which a call that has not returned is spoken of, and after which it is given up.
PATIENCE, LIMIT = 10.0, 300.0


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Turn every error of the code within, an exit included, into a DoorError "`what`: error" with it as the cause."""
    try:
        yield
    except TrainerError:
        raise
    except (Exception, SystemExit) as error:
        raise DoorError(f"{what}: {in_one_line(error)}") from error


def in_one_line(error: BaseException) -> str:
    """The kind of an error and what it says, in one line of bearable length."""
    if isinstance(error, SystemExit):
        return f"it wanted to end the program (exit code {error.code!r:.40})"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:400]}" if text else type(error).__name__


class _GivenUp(BaseException):
    """A call took too long. No Exception, for code that swallows all of those must not swallow this."""


@contextmanager
def patience(what: str) -> Iterator[None]:
    """Say so when the code within has taken `PATIENCE` seconds, and give it up after `LIMIT`.

    By a timer's signal, so only in the main thread of a system that has those, and where nobody else uses it: elsewhere
    there is Ctrl-C alone.

    Raises:
        DoorError: when it is given up.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer") or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    began = time.monotonic()

    def ring(_number: int, _frame: FrameType | None) -> None:
        taken = time.monotonic() - began
        if taken >= LIMIT:
            raise _GivenUp
        print(f"{what} has not returned for {taken:.0f} s; it is given up after {LIMIT:.0f} s", file=sys.stderr)
        signal.setitimer(signal.ITIMER_REAL, LIMIT - taken)

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, min(PATIENCE, LIMIT))
    try:
        yield
    except _GivenUp as error:
        raise DoorError(f"{what} has not returned for {LIMIT:.0f} s") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
