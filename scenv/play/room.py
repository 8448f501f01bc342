"""A class at play: one game with teams, players at its seats, rounds that end when all have ordered or time is up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from scenv.errors import ActionError, ScenarioError, shown
from scenv.play.game import Game, Seat

__all__ = ["AWAY_AFTER", "LONGEST_NAME", "Player", "Room", "checked_name"]

LONGEST_NAME = 24
AWAY_AFTER = 20.0
"""Seconds without a sign of life after which nobody waits for a player; the policy plays on until there is one."""


@dataclass
class Player:
    """Somebody who has joined.

    Attributes:
        name: as checked.
        token: what the player's browser keeps; it opens the seat again after a lost connection.
        seat: where the player sits, or None before choosing and after leaving.
        seen: when the player's browser last asked for something, seconds.
        result: what the page of the finished game shows, once asked for.
    """

    name: str
    token: str
    seat: Seat | None
    seen: float
    result: Any = None


class Room:
    """Whoever opens it is the facilitator, who starts it and may end rounds; a token tells who that is.

    Attributes:
        game: the teams' game.
        sees_all: whether players see every firm of their team.
        seconds: how long a round lasts at most, 0 without a limit.
        host_token: the facilitator's.
        started: whether the first round has begun.
        version: grows whenever a player's page has something new to show.
    """

    def __init__(
        self, game: Game, *, sees_all: bool, seconds: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.game = game
        self.sees_all = sees_all
        self.seconds = seconds
        self.host_token = secrets.token_urlsafe(16)
        self.started = False
        self.version = 0
        self._clock = clock
        self._deadline: float | None = None
        self._players: dict[str, Player] = {}

    @property
    def players(self) -> list[Player]:
        """Everybody who joined, in this order."""
        return list(self._players.values())

    @property
    def seconds_left(self) -> int | None:
        """Of the round, or None without a limit."""
        return None if self._deadline is None else max(0, round(self._deadline - self._clock()))

    @property
    def host_version(self) -> str:
        """Changes whenever the facilitator's screen has something new to show: with every order too."""
        return f"{self.version}.{len(self.game.people) - len(self.game.waiting)}"

    def join(self, name: str, seat: Seat) -> Player:
        """A new player takes a free seat.

        Raises:
            ScenarioError: for a name that is none.
            ActionError: if the seat is taken or the game is over.
        """
        name = checked_name(name)
        self.game.sit(seat)
        player = Player(name, secrets.token_urlsafe(16), seat, self._clock())
        self._players[player.token] = player
        self.version += 1
        return player

    def player(self, token: str) -> Player | None:
        """The player with this token, who thereby gives a sign of life."""
        player = self._players.get(token)
        if player is not None:
            player.seen = self._clock()
        return player

    def at(self, seat: Seat) -> Player | None:
        """Who sits there."""
        return next((player for player in self._players.values() if player.seat == seat), None)

    def is_away(self, player: Player) -> bool:
        """Whether nothing has been heard of a player for long."""
        return self._clock() - player.seen > AWAY_AFTER

    def leave(self, player: Player) -> None:
        """A player gives the seat back; the policy plays on."""
        if player.seat is not None:
            self.game.leave(player.seat)
            player.seat = None
            self.version += 1
            self.tick()

    def order(self, player: Player, quantity: Any) -> None:
        """What a player orders in this round.

        Raises:
            ActionError: before the start, after the end, without a seat, or for what is no order.
        """
        if not self.started:
            raise ActionError("the game has not begun yet")
        if player.seat is None:
            raise ActionError("only who sits at a firm orders for it")
        self.game.order(player.seat, quantity)
        self.tick()

    def start(self) -> None:
        """Begin the first round.

        Raises:
            ActionError: if nobody has joined.
        """
        if not self.game.people:
            raise ActionError("nobody has joined yet; a game needs a player")
        if not self.started:
            self.started = True
            self._begin_round()

    def end_round(self) -> None:
        """End the round now: the policy orders for who has not."""
        if self.started and not self.game.is_over:
            self.game.advance()
            self._begin_round()

    def tick(self) -> None:
        """End the round if its time is up, or everybody who is there has ordered."""
        if not self.started or self.game.is_over:
            return
        late = self._deadline is not None and self._clock() >= self._deadline
        waiting = [self.at(seat) for seat in self.game.waiting]
        nobody_there = all(self.is_away(player) for player in self.players if player.seat is not None)
        everybody_ordered = not nobody_there and all(player is None or self.is_away(player) for player in waiting)
        if late or everybody_ordered:
            self.end_round()

    def table(self) -> Iterable[list[Any]]:
        """The record of all teams, one row a period and firm, with who played it."""
        for team in range(self.game.teams):
            rows = iter(self.game.episode(team).table())
            heading = next(rows)
            if team == 0:
                yield ["team", "player", *heading]
            names = {self.game.env.agents[p.seat.firm]: p.name for p in self.players if p.seat and p.seat.team == team}
            for row in rows:
                yield [team + 1, names.get(row[1], ""), *row]

    def _begin_round(self) -> None:
        self.version += 1
        going_on = self.seconds > 0 and not self.game.is_over
        self._deadline = self._clock() + self.seconds if going_on else None


def checked_name(name: str) -> str:
    """A player's name: letters, digits, spaces and - . ' _, beginning with a letter or digit.

    Raises:
        ScenarioError: for anything else.
    """
    name = " ".join(name.split()) if len(name) <= 200 else name
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ScenarioError(f"a name has 1 to {LONGEST_NAME} characters, not {len(name)}")
    if not name[0].isalnum() or any(not (letter.isalnum() or letter in " -.'_") for letter in name):
        raise ScenarioError(f"a name has letters, digits, spaces and - . ' _ only, got {shown(name)}")
    return name
