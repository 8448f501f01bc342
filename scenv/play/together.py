"""The pages of a game in class: open it, join with a code, take a firm, play, see all results on one screen."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scenv.errors import ActionError, ScenvError
from scenv.play import texts
from scenv.play.alone import csv_response, setup_values
from scenv.play.charts import quantity
from scenv.play.forms import Form, whole_field
from scenv.play.game import MOST_TEAMS, Game, Seat
from scenv.play.pages import go_to, render
from scenv.play.result_view import ResultView
from scenv.play.room import LONGEST_NAME, Player, Room
from scenv.play.seat_view import SeatView
from scenv.play.setup import Choices, PlaySettings
from scenv.play.store import Kept, Store

__all__ = ["TogetherPages"]

_MOST_ROOMS = 50
_LONGEST_ROUND = 600
_TEAMS = (1, 2, 4, 6, 8, 10, 30)
_SECONDS = (0, 30, 60, 90, 120)


class TogetherPages:
    """Handlers; each gets the request and the form's fields."""

    def __init__(self, settings: PlaySettings) -> None:
        self._settings = settings
        self._rooms: Store[Room] = Store(_MOST_ROOMS, code_letters=5)

    def setup(self, request: Request, form: Form, error: str = "") -> Response:
        """Join with a code, or open a game."""
        given = {**request.query_params, **form}
        values = setup_values(given, self._settings)
        teams = [(n, texts.TEAMS_SHOWN.format(teams=n)) for n in _TEAMS]
        seconds = [(n, texts.SECONDS_SHOWN.format(seconds=n) if n else texts.NO_LIMIT) for n in _SECONDS]
        more = {"teams": teams, "seconds": seconds, "code": given.get("code", "")[:5]}
        return render("together_setup.html", 422 if error else 200, error=error, **values, **more)

    def open(self, request: Request, form: Form) -> Response:
        """Open a game; its facilitator's token goes into a cookie."""
        try:
            choices = Choices.read(form, self._settings)
            teams = whole_field(form, "teams", 1, MOST_TEAMS, 1)
            seconds = whole_field(form, "seconds", 0, _LONGEST_ROUND, 0)
        except ScenvError as error:
            return self.setup(request, form, str(error))
        game = Game(choices.scenario, choices.others, teams=teams, seed=secrets.randbelow(2**31))
        room = Room(game, sees_all=choices.sees_all, seconds=seconds)
        code = self._rooms.add(room)
        return _with_token(go_to(f"/together/{code}/host"), f"host_{code}", room.host_token)

    def find(self, request: Request, form: Form) -> Response:
        """From a code to its game."""
        code = form.get("code", "").strip().upper()
        if len(code) > 20 or self._rooms.get(code) is None:
            return self.setup(request, {}, texts.NO_CODE)
        return go_to(f"/together/{code}")

    def show(self, request: Request, form: Form, error: str = "") -> Response:
        """A player's page: the free seats, the round, or the result."""
        kept, code = self._room(request)
        with kept.lock:
            room, player = kept.value, self._player(request, kept.value)
            room.tick()
            path, status = f"/together/{code}", 422 if error else 200
            common: dict[str, Any] = {"room": room, "code": code, "path": path, "error": error, "version": room.version}
            if player is None or player.seat is None:
                return render("together_join.html", status, seats=_free(room), longest=LONGEST_NAME, **common)
            if room.game.is_over:
                if player.result is None:
                    player.result = ResultView(room.game, player.seat, self._settings.others, texts.YOUR_TEAM)
                return render("together_result.html", result=player.result, **common)
            view = SeatView(room.game, player.seat, room.sees_all)
            return render("together_game.html", status, view=view, player=player, **common)

    def sit(self, request: Request, form: Form) -> Response:
        """Take a free seat; the player's token goes into a cookie."""
        kept, code = self._room(request)
        with kept.lock:
            if self._player(request, kept.value, seated=True) is not None:
                return go_to(f"/together/{code}")
            try:
                team = whole_field(form, "team", 1, MOST_TEAMS, 0) - 1
                player = kept.value.join(form.get("name", ""), Seat(team, _firm(kept.value, form.get("firm", ""))))
            except ScenvError as error:
                return self.show(request, form, str(error))
        return _with_token(go_to(f"/together/{code}"), f"seat_{code}", player.token)

    def order(self, request: Request, form: Form) -> Response:
        """A player's order, for the round that the player saw."""
        kept, code = self._room(request)
        with kept.lock:
            room, player = kept.value, self._player(request, kept.value, seated=True)
            if player is None:
                raise HTTPException(403, texts.NOT_YOURS)
            if form.get("round") == str(room.game.period):
                try:
                    room.order(player, form.get("quantity", ""))
                except ScenvError as error:
                    return self.show(request, form, str(error))
        return go_to(f"/together/{code}")

    def leave(self, request: Request, form: Form) -> Response:
        """A player leaves."""
        kept, code = self._room(request)
        with kept.lock:
            player = self._player(request, kept.value)
            if player is not None:
                kept.value.leave(player)
        return go_to(f"/together/{code}")

    def state(self, request: Request, form: Form) -> Response:
        """What a page asks for every second: whether there is something new, and how long the round lasts."""
        kept, _ = self._room(request)
        with kept.lock:
            room = kept.value
            self._player(request, room)
            room.tick()
            return JSONResponse({"version": room.version, "host": room.host_version, "left": room.seconds_left})

    def host(self, request: Request, form: Form, error: str = "") -> Response:
        """The facilitator's screen."""
        kept, code = self._room(request)
        with kept.lock:
            room = self._hosted(request, kept.value, code)
            room.tick()
            costs = [room.game.episode(team).cost for team in range(room.game.teams)]
            values = {"room": room, "code": code, "error": error, "version": room.host_version}
            return render(
                "together_host.html", 422 if error else 200, seats=_taken(room, costs), teams=_totals(costs), **values
            )

    def steer(self, request: Request, form: Form) -> Response:
        """The facilitator starts the game, or ends a round."""
        kept, code = self._room(request)
        with kept.lock:
            room = self._hosted(request, kept.value, code)
            try:
                if form.get("do") == "start":
                    room.start()
                elif form.get("do") == "next" and form.get("round") == str(room.game.period):
                    room.end_round()
            except ScenvError as error:
                return self.host(request, form, str(error))
        return go_to(f"/together/{code}/host")

    def csv(self, request: Request, form: Form) -> Response:
        """All teams' records; the facilitator's."""
        kept, code = self._room(request)
        with kept.lock:
            return csv_response(self._hosted(request, kept.value, code).table(), f"game_{code}.csv")

    def _room(self, request: Request) -> tuple[Kept[Room], str]:
        code = request.path_params["code"]
        kept = self._rooms.get(code)
        if kept is None:
            raise HTTPException(404)
        return kept, code

    def _player(self, request: Request, room: Room, *, seated: bool = False) -> Player | None:
        player = room.player(request.cookies.get(f"seat_{request.path_params['code']}", ""))
        return None if player is None or (seated and player.seat is None) else player

    def _hosted(self, request: Request, room: Room, code: str) -> Room:
        if not secrets.compare_digest(request.cookies.get(f"host_{code}", "").encode(), room.host_token.encode()):
            raise HTTPException(403, texts.NOT_HOST)
        return room


def _with_token(answer: Response, name: str, token: str) -> Response:
    answer.set_cookie(name, token, max_age=86400, path="/together", httponly=True, samesite="strict")
    return answer


def _firm(room: Room, name: str) -> int:
    if name not in room.game.env.agents:
        raise ActionError("there is no such seat in this game")
    return room.game.env.agents.index(name)


def _free(room: Room) -> list[tuple[int, list[str]]]:
    """(team from 1, its free firms) for every team that has some."""
    agents, taken = room.game.env.agents, room.game.people
    free = [(t + 1, [a for i, a in enumerate(agents) if Seat(t, i) not in taken]) for t in range(room.game.teams)]
    return [row for row in free if row[1]]


def _taken(room: Room, costs: Sequence[np.ndarray]) -> list[tuple[str, int, str, str, str]]:
    """(name, team, firm, what the player is doing, cost so far); costs [T, N] are each team's."""
    rows = []
    for player in room.players:
        if player.seat is None:
            continue
        waiting = player.seat in room.game.waiting
        doing = texts.AWAY if room.is_away(player) else texts.THINKING if waiting else texts.ORDERED
        if not room.started or room.game.is_over:
            doing = texts.AWAY if room.is_away(player) else texts.THERE
        cost = float(costs[player.seat.team][:, player.seat.firm].sum())
        rows.append((player.name, player.seat.team + 1, room.game.env.agents[player.seat.firm], doing, quantity(cost)))
    return rows


def _totals(costs: Sequence[np.ndarray]) -> list[tuple[int, str, float]]:
    """(team, cost of all its firms so far, bar length of 100), cheapest first; costs [T, N] are each team's."""
    totals = [float(cost.sum()) for cost in costs]
    largest = max(totals) or 1.0
    cheapest_first = sorted(range(len(totals)), key=totals.__getitem__)
    return [(t + 1, quantity(totals[t]), 100 * totals[t] / largest) for t in cheapest_first]
