"""One firm's part of a run, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from pmarl_trainer.parties.factory import make_party, take_seat
from pmarl_trainer.parties.party_log import Line
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.training import Party, train
from pmarl_trainer.parties.wire.audit_join import LOG_NAME
from pmarl_trainer.parties.wire.audit_log import AuditLog
from pmarl_trainer.parties.wire.gate import Gate
from pmarl_trainer.parties.wire.grpc_exchange import GrpcExchange, Spent
from pmarl_trainer.parties.wire.kinds import kinds_by_name, kinds_of_method
from pmarl_trainer.parties.wire.party_folder import PartyFolder, protections, read_folder
from pmarl_trainer.parties.wire.session import JOIN, JOINED, NONCE_BYTES
from pmarl_trainer.training.interruption import interruption
from pmarl_trainer.training.state import RunState

TRAINING = "training"


def run_party(
    folder: Path,
    *,
    say: Callable[[str], None],
    report: Callable[[Line], None] = lambda _: None,
    place: Path | None = None,
) -> tuple[RunState, Spent]:
    """Train with the others from where all can go on; what was done, and what the exchange has cost.

    Args:
        folder: the firm's (`party_folder`).
        say: shows a line to people.
        report: is told of every rollout.
        place: where checkpoints and own numbers go; training/ in the folder unless given.

    Raises:
        TrainerError: one line, if anything in the folder is wrong, a firm is lost, or a message is refused.
    """
    torch.set_num_threads(1)
    party_folder = read_folder(folder)
    own, description = party_folder.own, party_folder.description
    seat = take_seat(party_folder.config, own.firm, place or folder / TRAINING, secret=own.secret_seed)
    party = make_party(seat)
    firm = seat.simulator(1)
    heard = () if seat.train.method == "hdpo" else seat.heard
    neighbours = tuple(dict.fromkeys((*firm.suppliers, *firm.customers, *heard)))
    with closing(AuditLog(folder / LOG_NAME, party_folder.run, own.firm)) as log:
        gate = gate_of(party_folder, seat, party, neighbours, log)
        exchange = GrpcExchange(
            party_folder.identity,
            description,
            party_folder.run,
            neighbours,
            gate,
            listen=own.listen,
            deadline=own.deadline,
            patience=own.patience,
            say=say,
        )
        with interruption([lambda: say("stops after this rollout, with all others, and saves")]) as asked, exchange:
            phase = train(party, seat, report=report, stop=asked)
            state: RunState = exchange.run({own.firm: phase})[own.firm]
    return state, exchange.spent


def gate_of(folder: PartyFolder, seat: Seat, party: Party, neighbours: tuple[str, ...], log: AuditLog) -> Gate:
    """The firm's gate, which knows every message of the run."""
    learner: Any = party.learner
    hdpo = seat.train.method == "hdpo"
    shared = 0 if hdpo else 2 * sum(parameter.numel() for parameter in learner.critic.shared_parameters())
    sizes = {
        "rows": {seat.train.num_envs, seat.train.evaluation_episodes},
        "batch": {seat.train.batch_size},
        "width": {seat.train.hidden_size},
        "attention": {shared},
        "nonce": {NONCE_BYTES},
        "firms": {len(folder.description.firms)},
        **{purpose: {1} for purpose in ("cost", "evaluation", "stop")},
    }
    return Gate(
        seat.agent,
        neighbours,
        folder.description.peers(seat.agent),
        kinds_of_method(seat.train.method) | kinds_by_name((JOIN, JOINED)),
        {dimension: frozenset(allowed) for dimension, allowed in sizes.items()},
        log,
        protections=protections(folder.own, neighbours),
        secret=folder.secret,
    )
