"""A run whose firms are processes of this machine: the same folder as any other run's, and the same numbers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties.assembly import newest_common, secret_of
from pmarl_trainer.parties.local_run import Meeting
from pmarl_trainer.parties.party_log import read_log
from pmarl_trainer.parties.wire.founding import found
from pmarl_trainer.parties.wire.party_folder import PARTY
from pmarl_trainer.parties.wire.post import HEARSAY
from pmarl_trainer.training.file_names import agent_folders
from pmarl_trainer.training.interruption import interruption
from pmarl_trainer.training.observer import Observer
from pmarl_trainer.training.selection import Selection
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState

_PARTY = "import sys; from pmarl_trainer.cli import party; sys.argv[0] = 'pmarl-party'; party()"
_STOPPED = 130
_PAUSE = 0.1


def train_processes(config: RunConfig, folder: Path, *, observers: Sequence[Observer] = ()) -> RunState:
    """Train from where all firms can go on until the configured number of rollouts is done, or somebody asks to stop.

    Keys and certificates are made for the run, in consortium/ of its folder; audit logs stand there too.

    Raises:
        TrainerError: one line, with what stopped the first firm that was stopped.
    """
    _, spec = open_env(config, 1, config.train.seed)
    meeting = Meeting(config, spec, folder, Selection(config, spec), observers)
    consortium = folder / "consortium"
    places = agent_folders(consortium, spec.agents)
    if not all((place / PARTY).exists() for place in places.values()):
        ports = _free_ports(len(places))
        found(
            config,
            folder.name,
            consortium,
            addresses=lambda number: f"127.0.0.1:{ports[number]}",
            secret=lambda number: secret_of(config, number),
            few=True,  # whoever has all firms on one machine hides nothing from himself
            whole=True,
        )
    with ExitStack() as stack:
        beginning = meeting.beginning
        for observer in observers:
            observer.begin(beginning)
            stack.callback(observer.end)
        asked = stack.enter_context(interruption([observer.interrupted for observer in observers]))
        parties = {name: _start(places[name], meeting.folders[name]) for name in spec.agents}
        stack.callback(_kill, parties)
        told, stopping = beginning.rollout, False
        while any(party.poll() is None for party in parties.values()):
            time.sleep(_PAUSE)
            told = _tell(meeting, told)
            if (asked() or meeting.stop) and not stopping:
                stopping = True
                next(iter(parties.values())).terminate()  # it asks all others to stop with it
        _refuse_failed(parties)
        _tell(meeting, told)
        rollout = newest_common(meeting.folders)
        for name in spec.agents:
            meeting.saved(name, rollout)
    last = read_log(meeting.folders[spec.agents[0]])[-1]
    return RunState(rollout=last.rollout, updates=last.updates, seconds=last.seconds)


def _start(place: Path, training: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PARTY, "run", str(place), "--training", str(training), "--quiet"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _tell(meeting: Meeting, told: int) -> int:
    """Tell the meeting of rollouts after `told` that all firms have written down; the newest of them."""
    lines = {
        name: {line.rollout: line for line in read_log(folder, after=told)} for name, folder in meeting.folders.items()
    }
    newest = min(max(own, default=told) for own in lines.values())
    for rollout in range(told + 1, newest + 1):
        for name, own in lines.items():
            meeting.report(name, own[rollout])
    return newest


def _refuse_failed(parties: Mapping[str, subprocess.Popen[str]]) -> None:
    said = {name: party.communicate()[1].strip().splitlines() for name, party in parties.items()}
    failed = {name: lines for name, lines in said.items() if parties[name].returncode not in (0, _STOPPED)}
    killed = [name for name in failed if parties[name].returncode < 0]
    if killed:
        raise TrainerError(f"{killed[0]}'s process was killed; all firms stopped, and --resume goes on")
    if failed:
        name, lines = min(failed.items(), key=lambda entry: HEARSAY in "".join(entry[1]))
        raise TrainerError(f"{name}: {lines[-1] if lines else 'stopped without a word'}")


def _kill(parties: Mapping[str, subprocess.Popen[str]]) -> None:
    for party in parties.values():
        if party.poll() is None:
            party.kill()
            party.communicate()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]
