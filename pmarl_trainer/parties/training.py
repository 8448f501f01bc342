"""The whole training of one firm as one generator: what it yields is all that ever leaves the firm."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import torch

from pmarl_trainer.data.replay import Replay
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.parties import party_checkpoints
from pmarl_trainer.parties.messages import Agree, Phase, Total
from pmarl_trainer.parties.party_log import Line, cut_log, write_line
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.training.atomic_file import remove_leftovers
from pmarl_trainer.training.run_checkpoints import save_best
from pmarl_trainer.training.state import RunState


class Party(Protocol):
    """How one firm learns, rollout by rollout."""

    @property
    def learner(self) -> Trainable:
        """What is trained: of this firm alone."""

    @property
    def replay(self) -> Replay | None:
        """What it learns from, where a method has a memory."""

    def improve(self, state: RunState) -> Phase:
        """Play rollout number `state.rollout` with the neighbours, learn from it; returns what to log."""

    def evaluate(self, seed: int) -> Phase:
        """Play the policy on the paths of `seed`; returns the firm's own costs [episodes]."""


def train(
    party: Party,
    seat: Seat,
    *,
    report: Callable[[Line], None] = lambda _: None,
    saved: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Phase:
    """Train until the configured number of rollouts is done or any party is asked to stop; returns the `RunState`.

    It goes on from the newest checkpoint that all parties hold, and begins anew where there is none; either way a run
    that was interrupted ends like one that was not, bit for bit.

    Args:
        party: the firm's method.
        seat: the firm.
        report: is told of every rollout, after it is in the firm's log and before it is in a checkpoint.
        saved: is told of every checkpoint: its rollout.
        stop: whether this party has been asked to stop; then all do, after the rollout under way, and save.
    """
    cfg, rounds = seat.train, seat.rounds
    for place in (seat.folder, seat.folder / "checkpoints"):
        place.mkdir(parents=True, exist_ok=True)
        remove_leftovers(place)
    agreed = yield Agree("resume", party_checkpoints.held(seat.folder))
    state = party_checkpoints.load(seat, party.learner, party.replay, agreed)
    cut_log(seat.folder, state.rollout)
    began = time.monotonic() - state.seconds
    while state.rollout < cfg.rollouts:
        metrics = yield from party.improve(state)
        state.rollout += 1
        last, costs, best = state.rollout == cfg.rollouts, None, False
        if last or state.rollout % cfg.evaluation_interval == 0:
            costs, best = yield from _evaluate(party, seat, state)
        state.seconds = time.monotonic() - began
        line = Line(state.rollout, state.updates, metrics, costs, best, state.seconds)
        write_line(seat.folder, line)
        report(line)
        asked = yield Total("stop", rounds.next("stop"), torch.tensor([float(stop())], dtype=torch.float64))
        stopping = float(asked) > 0
        if last or stopping or state.rollout % cfg.checkpoint_interval == 0:
            party_checkpoints.save(seat, party.learner, party.replay, state)
            saved(state.rollout)
        if stopping:
            break
    return state


def _evaluate(party: Party, seat: Seat, state: RunState) -> Phase:
    """(own costs by episode, whether everybody's policies are the best so far, and so kept)."""
    costs = yield from party.evaluate(seat.public("selection"))
    own = torch.tensor([float(costs.mean())], dtype=torch.float64)
    total = float((yield Total("evaluation", seat.rounds.next("evaluation"), own)))
    best = total < state.best_score
    if best:
        state.best_score, state.best_rollout = total, state.rollout
        save_best(seat.folder, seat.spec, seat.train, party.learner, state)
    return costs.tolist(), best
