"""Ctrl-C and SIGTERM: a run stops after the rollout under way, where its state is whole."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruption(first: Sequence[Callable[[], None]] = ()) -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether to stop. A second signal stops at once, by a KeyboardInterrupt.

    Args:
        first: called at the first signal, to say what goes on.
    """
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        for call in first:
            call()

    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup stays nohup
    try:
        before = {number: signal.signal(number, ask) for number in heard}
    except ValueError:  # not in the main thread: there is no signal to catch
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
