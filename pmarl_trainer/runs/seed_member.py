"""One run of a group, as a process: `python -m pmarl_trainer.runs.seed_member FOLDER`.

It says on standard output, a line of JSON each, how it goes; the word "stop" on standard input, or its end, which comes
with the end of the process that started it, makes it save and stop.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.lock import locked
from pmarl_trainer.runs.run_folder import run_session
from pmarl_trainer.training.observer import Beginning, Observer, Rollout


class Reporter(Observer):
    """Tells the process that started this one, and hears from it."""

    def __init__(self) -> None:
        self._stop = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        sys.stdin.readline()  # "stop", or nothing: nobody is there any more
        self._stop = True

    def say(self, **message: Any) -> None:
        """One message."""
        try:
            print(json.dumps(message), flush=True)
        except OSError:  # nobody is there any more
            self._stop = True

    def begin(self, beginning: Beginning) -> None:
        """Where it begins."""
        self.say(begin={"rollout": beginning.rollout, "baseline": beginning.baseline, "device": beginning.device})

    def rollout(self, rollout: Rollout) -> bool:
        """How it goes; True if it was asked to stop."""
        self.say(rollout=asdict(rollout))
        return self._stop


def main(folder: Path) -> int:
    """Train and evaluate; the exit code is 0 also if it was asked to stop, 2 if something cannot be used."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the business of the process that started this one
    reporter = Reporter()
    try:
        with locked(folder):
            finished = run_session(load_config(folder), folder, [reporter], quiet=True, table=False)
    except TrainerError as error:
        reporter.say(error=str(error))
        return 2
    reporter.say(finished=finished)
    return 0


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)  # the thread that listens would hold an ordinary exit up
