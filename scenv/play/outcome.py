"""What a game came to: its cost beside every policy's on the same demand, and which orders cost most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenv.play.game import Game, Seat
from scenv.play.opponents import make_opponent, suitable
from scenv.play.replay import replay, with_policy

__all__ = ["Lesson", "Standing", "best_policy", "lessons", "standings"]


@dataclass(frozen=True)
class Standing:
    """What the firms that people played cost, and everybody, with the people or with a policy in their seats.

    Attributes:
        policy: its name, or None for the people themselves.
        own: cost of the people's firms over the game, money.
        everybody: cost of all firms.
        by_firm: [N] cost of each firm.
    """

    policy: str | None
    own: float
    everybody: float
    by_firm: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """One order that cost more than the best policy's would have.

    Attributes:
        period: at the end of which it was placed.
        ordered: units.
        advised: units that the best policy would have ordered, having seen what the person had seen until then.
        loss: what the order cost the firm, money: the cost of playing on as the person did up to and with this order
            and as the best policy after it, less the cost of following the policy from this order on. The losses of
            all orders add up to the whole difference.
    """

    period: int
    ordered: float
    advised: float
    loss: float


def standings(game: Game, team: int = 0, more: Sequence[str] = ()) -> list[Standing]:
    """A finished team's own result, then each policy's in its people's seats, cheapest first.

    Args:
        game: a game that is over.
        team: of it.
        more: policies beside the registry's, as in `offered`.
    """
    firms = game.seats_of(team)
    cost = game.episode(team).cost.sum(axis=0)
    own = Standing(None, float(cost[firms].sum()), float(cost.sum()), cost)
    rows = []
    for name, policy in suitable(game.scenario, more).items():
        mixed = with_policy(game.scenario, firms, policy, game.others)
        by_firm = replay(game.scenario, game.seed, mixed, _nothing_given(game, 1))[0][0].sum(axis=0)
        rows.append(Standing(name, float(by_firm[firms].sum()), float(by_firm.sum()), by_firm))
    return [own, *sorted(rows, key=lambda row: row.own)]


def best_policy(rows: Sequence[Standing]) -> str:
    """The policy with the least cost in the people's seats."""
    return min((row for row in rows if row.policy is not None), key=lambda row: row.own).policy or ""


def lessons(game: Game, seat: Seat, policy: str) -> list[Lesson]:
    """The orders of a person, the most expensive first, each beside what a policy would have ordered in its place.

    The team's other people are taken to order what they ordered; the policies at the free seats react.

    Args:
        game: a game that is over.
        seat: the person's.
        policy: the name of the policy to compare with.
    """
    rounds, firm = game.rounds, seat.firm
    ordered = game.episode(seat.team).orders
    people = game.seats_of(seat.team)
    given = _nothing_given(game, rounds + 1)
    given[:, :, people] = ordered[:, people]
    # Row k: the person's own orders in the first k rounds, the policy's from there on.
    for k in range(rounds + 1):
        given[k, k:, firm] = np.nan
    mixed = with_policy(game.scenario, [firm], make_opponent(policy, game.scenario), game.others)
    cost, advice = replay(game.scenario, game.seed, mixed, given)
    loss = np.diff(cost[:, :, firm].sum(axis=1))
    return [
        Lesson(k, float(ordered[k, firm]), float(advice[k, k, firm]), float(loss[k]))
        for k in np.argsort(-loss, kind="stable").tolist()
    ]


def _nothing_given(game: Game, rows: int) -> np.ndarray:
    return np.full((rows, game.rounds, len(game.env.agents)), np.nan)
