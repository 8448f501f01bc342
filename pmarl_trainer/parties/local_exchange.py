"""All parties in one process, one after the other: the reference that every other exchange equals bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import fixed_point
from pmarl_trainer.parties.messages import Agree, Phase, Total, Trade, Wish


class LocalExchange:
    """Hands tensors over between parties of one process.

    Every party is driven to its next wish, in the parties' order; when all have one, all are answered.
    """

    def __init__(self, watch: Callable[[Mapping[str, Wish]], None] | None = None) -> None:
        """`watch` is shown every round: all parties' wishes, by name."""
        self._watch = watch

    def run(self, phases: Mapping[str, Phase]) -> dict[str, Any]:
        """Drive all parties through one phase; what each returned, by name.

        Raises:
            TrainerError: if parties do not wish for the same, name somebody who does not answer, or cannot agree.
        """
        results: dict[str, Any] = {}
        answers: dict[str, Any] = dict.fromkeys(phases)
        while len(results) < len(phases):
            wishes: dict[str, Wish] = {}
            for name, phase in phases.items():
                try:
                    wishes[name] = phase.send(answers[name])
                except StopIteration as done:
                    results[name] = done.value
            if results and wishes:
                raise TrainerError(f"{next(iter(results))} is done, but {next(iter(wishes))} still waits for messages")
            if self._watch is not None and wishes:
                self._watch(wishes)
            answers = _answers(wishes)
        return results


def _answers(wishes: Mapping[str, Wish]) -> dict[str, Any]:
    if len({_point(wish) for wish in wishes.values()}) > 1:
        raise TrainerError("the parties are not at the same point of the exchange")
    trades = {name: wish for name, wish in wishes.items() if isinstance(wish, Trade)}
    totals = {name: wish for name, wish in wishes.items() if isinstance(wish, Total)}
    agreements = {name: wish for name, wish in wishes.items() if isinstance(wish, Agree)}
    if totals:
        return dict.fromkeys(totals, _sum(totals))
    if agreements:
        return dict.fromkeys(agreements, greatest_common({name: wish.values for name, wish in agreements.items()}))
    return {name: _parcels_for(name, trades) for name in trades}


def _point(wish: Wish) -> tuple[Any, ...]:
    """Where in the exchange a party is."""
    if isinstance(wish, Trade):
        return Trade, wish.kind, wish.round
    return (Total, wish.purpose, wish.round) if isinstance(wish, Total) else (Agree, wish.purpose)


def _sum(totals: Mapping[str, Total]) -> Tensor:
    return fixed_point.decode(fixed_point.add(fixed_point.encode(wish.value, len(totals)) for wish in totals.values()))


def greatest_common(held: Mapping[str, tuple[int, ...]]) -> int:
    """The greatest number that all hold.

    Raises:
        TrainerError: if there is none.
    """
    common = set.intersection(*map(set, held.values()))
    if not common:
        raise TrainerError(f"{', '.join(held)} hold no number in common")
    return max(common)


def _parcels_for(name: str, trades: Mapping[str, Trade]) -> dict[str, Mapping[str, Tensor]]:
    came = {}
    for neighbour in trades[name].parcels:
        if neighbour not in trades or name not in trades[neighbour].parcels:
            raise TrainerError(f"{name} sends to {neighbour}, but nothing came back from there")
        came[neighbour] = trades[neighbour].parcels[name]
    return came
