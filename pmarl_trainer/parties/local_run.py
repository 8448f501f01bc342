"""A run whose firms are parties, all in this process: the same folder as any other run's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.notices import notice
from pmarl_trainer.parties.assembly import (
    assemble_best,
    assemble_last,
    evaluated,
    metrics_row,
    newest_common,
    party_folders,
    secret_of,
)
from pmarl_trainer.parties.factory import build_party, take_seat
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.messages import Wish
from pmarl_trainer.parties.party_log import Line
from pmarl_trainer.parties.refusals import refuse_undivided
from pmarl_trainer.training.interruption import interruption
from pmarl_trainer.training.observer import Beginning, Observer, Rollout
from pmarl_trainer.training.selection import Selection
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState


class Meeting:
    """Where the lines that every firm writes of a rollout come together: told to observers, policies put together."""

    def __init__(
        self, config: RunConfig, spec: EnvSpec, folder: Path, selection: Selection, observers: Sequence[Observer]
    ) -> None:
        """`folder` is the run's."""
        self.folders = party_folders(folder, spec.agents)
        self._config, self._spec, self._folder = config, spec, folder
        self._selection, self._observers = selection, observers
        self._lines: dict[str, Line] = {}
        self._saved: set[str] = set()
        self.stop = False

    @property
    def beginning(self) -> Beginning:
        """Where the run stands."""
        rollout = newest_common(self.folders)
        return Beginning(self._config, self._folder, rollout, self._selection.baseline, "cpu")

    def report(self, agent: str, line: Line) -> None:
        """A firm has written its line; once all have, the rollout is done."""
        self._lines[agent] = line
        if len(self._lines) < len(self.folders):
            return
        lines = [self._lines[name] for name in self.folders]
        self._lines = {}
        if line.best:
            assemble_best(self._config, self._spec, self.folders, self._folder)
        row, outcome = metrics_row(lines), evaluated(lines)
        row |= {} if outcome is None else self._selection.columns(outcome)
        row |= {"rollout": line.rollout, "updates": line.updates, "seconds": max(each.seconds for each in lines)}
        row["episodes"] = line.rollout * self._config.train.num_envs
        totals = None if outcome is None else outcome.episodes.tolist()
        done = Rollout(line.rollout, self._config.train.rollouts, row, self._config.train.seed, totals)
        wishes = [observer.rollout(done) for observer in self._observers]
        self.stop = any(wish is True for wish in wishes)

    def saved(self, agent: str, rollout: int) -> None:
        """A firm has written a checkpoint; once all have, the run has one too."""
        self._saved.add(agent)
        if len(self._saved) < len(self.folders):
            return
        self._saved.clear()
        assemble_last(self._config, self._spec, self.folders, self._folder, rollout)


def check_parties(config: RunConfig) -> None:
    """Refuse now what training among parties would refuse; say what a user may not expect.

    Raises:
        TrainerError: one line.
    """
    refuse_undivided(config.train)
    env = open_env(config, 1, config.train.seed)
    agents = env[1].agents
    seat = take_seat(config, agents[0], Path(), secret=0, env=env)
    simulator = seat.simulator(1)
    if not simulator.demand_stands_alone:
        notice("among parties: retailers' demands hang together here, so they are drawn by the common seed")
    if config.train.method == "maac":
        notice("among parties: with maac every firm tells every other its embeddings, not its neighbours only")


def train_local(
    config: RunConfig,
    folder: Path,
    *,
    observers: Sequence[Observer] = (),
    watch: Callable[[Mapping[str, Wish]], None] | None = None,
) -> RunState:
    """Train from where all firms can go on until the configured number of rollouts is done, or somebody asks to stop.

    `watch` is shown every round of the exchange (`LocalExchange`).
    """
    torch.set_num_threads(1)  # as in the processes of parties that are far apart
    env = open_env(config, 1, config.train.seed)
    spec = env[1]
    meeting = Meeting(config, spec, folder, Selection(config, spec), observers)
    with ExitStack() as stack:
        beginning = meeting.beginning
        for observer in observers:
            observer.begin(beginning)
            stack.callback(observer.end)
        asked = stack.enter_context(interruption([observer.interrupted for observer in observers]))
        phases = {
            agent: build_party(
                config,
                agent,
                place,
                secret=secret_of(config, number),
                report=partial(meeting.report, agent),
                saved=partial(meeting.saved, agent),
                stop=lambda: asked() or meeting.stop,
                env=env,
            )
            for number, (agent, place) in enumerate(meeting.folders.items())
        }
        states: dict[str, RunState] = LocalExchange(watch).run(phases)
    return states[spec.agents[0]]
