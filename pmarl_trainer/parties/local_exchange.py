"""All parties in one process, one after the other: the reference that every other exchange equals bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import fixed_point
from pmarl_trainer.parties.messages import Phase, Total, Trade


class LocalExchange:
    """Hands tensors over between parties of one process.

    Every party is driven to its next wish, in the parties' order; when all have one, all are answered.
    """

    def run(self, phases: Mapping[str, Phase]) -> dict[str, Any]:
        """Drive all parties through one phase; what each returned, by name.

        Raises:
            TrainerError: if parties do not wish for the same, or name somebody who does not answer.
        """
        results: dict[str, Any] = {}
        answers: dict[str, Any] = dict.fromkeys(phases)
        while len(results) < len(phases):
            wishes: dict[str, Trade | Total] = {}
            for name, phase in phases.items():
                try:
                    wishes[name] = phase.send(answers[name])
                except StopIteration as done:
                    results[name] = done.value
            if results and wishes:
                raise TrainerError(f"{next(iter(results))} is done, but {next(iter(wishes))} still waits for messages")
            answers = self._answers(wishes)
        return results

    def _answers(self, wishes: Mapping[str, Trade | Total]) -> dict[str, Any]:
        trades = {name: wish for name, wish in wishes.items() if isinstance(wish, Trade)}
        totals = {name: wish for name, wish in wishes.items() if isinstance(wish, Total)}
        if len({(wish.kind, wish.round) for wish in trades.values()}) > 1 or (trades and totals):
            raise TrainerError("the parties are not at the same point of the exchange")
        if totals:
            if len({(wish.purpose, wish.round) for wish in totals.values()}) > 1:
                raise TrainerError("the parties are not at the same point of the exchange")
            total = _sum(totals)
            return dict.fromkeys(totals, total)
        return {name: _parcels_for(name, trades) for name in trades}


def _sum(totals: Mapping[str, Total]) -> Tensor:
    return fixed_point.decode(fixed_point.add(fixed_point.encode(wish.value, len(totals)) for wish in totals.values()))


def _parcels_for(name: str, trades: Mapping[str, Trade]) -> dict[str, Mapping[str, Tensor]]:
    came = {}
    for neighbour in trades[name].parcels:
        if neighbour not in trades or name not in trades[neighbour].parcels:
            raise TrainerError(f"{name} sends to {neighbour}, but nothing came back from there")
        came[neighbour] = trades[neighbour].parcels[name]
    return came
