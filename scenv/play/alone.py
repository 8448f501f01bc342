"""The pages of a game alone: choose, play, see what it came to."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scenv.errors import ScenvError
from scenv.play import texts
from scenv.play.forms import Form, whole_field
from scenv.play.game import Game, Seat
from scenv.play.pages import go_to, policy_name, render
from scenv.play.result_view import ResultView
from scenv.play.seat_view import SeatView
from scenv.play.setup import Choices, PlaySettings, first_firm, lead_times, offered_here
from scenv.play.store import Kept, Store

__all__ = ["AlonePages", "csv_response", "setup_values"]

_MOST_GAMES = 300
_MOST_SEED = 2**31
_ROUNDS = (12, 24, 36, 52)


@dataclass
class _Alone:
    """One person's game."""

    game: Game
    seat: Seat
    choices: Choices
    result: ResultView | None = None


class AlonePages:
    """Handlers; each gets the request and the form's fields."""

    def __init__(self, settings: PlaySettings) -> None:
        self._settings = settings
        self._games: Store[_Alone] = Store(_MOST_GAMES)

    def setup(self, request: Request, form: Form, error: str = "") -> Response:
        """The choices; a network chosen in the address changes what the others offer."""
        given = {**request.query_params, **form}
        values = setup_values(given, self._settings)
        return render("alone_setup.html", 422 if error else 200, error=error, **values)

    def begin(self, request: Request, form: Form) -> Response:
        """Open a game and go to it."""
        try:
            choices = Choices.read(form, self._settings)
            seed = whole_field(form, "seed", 0, _MOST_SEED, secrets.randbelow(_MOST_SEED))
        except ScenvError as error:
            return self.setup(request, form, str(error))
        game = Game(choices.scenario, choices.others, seed=seed)
        seat = Seat(0, choices.scenario.network.index(choices.firm))
        game.sit(seat)
        return go_to(f"/alone/{self._games.add(_Alone(game, seat, choices))}")

    def show(self, request: Request, form: Form) -> Response:
        """The present round, or the result."""
        kept = self._game(request)
        with kept.lock:
            return self._shown(request, kept.value)

    def order(self, request: Request, form: Form) -> Response:
        """Order, and live through the next period. A round that is over already is not played twice."""
        kept = self._game(request)
        with kept.lock:
            mine = kept.value
            if form.get("round") == str(mine.game.period):
                try:
                    mine.game.order(mine.seat, form.get("quantity", ""))
                except ScenvError as error:
                    return self._shown(request, mine, str(error))
                mine.game.advance()
        return go_to(request.url.path)

    def csv(self, request: Request, form: Form) -> Response:
        """The record so far as a table."""
        kept = self._game(request)
        with kept.lock:
            return csv_response(kept.value.game.episode().table(), "game.csv")

    def _game(self, request: Request) -> Kept[_Alone]:
        kept = self._games.get(request.path_params["key"])
        if kept is None:
            raise HTTPException(404)
        return kept

    def _shown(self, request: Request, mine: _Alone, error: str = "") -> Response:
        path = request.url.path
        if not mine.game.is_over:
            view = SeatView(mine.game, mine.seat, mine.choices.sees_all)
            return render("alone_game.html", 422 if error else 200, view=view, error=error, path=path, mine=mine)
        if mine.result is None:
            mine.result = ResultView(mine.game, mine.seat, self._settings.others)
        return render("alone_result.html", result=mine.result, path=path, mine=mine)


def setup_values(given: Form, settings: PlaySettings) -> dict[str, Any]:
    """What the form of choices shows: everything offered, and what of it is chosen."""
    key = given.get("network", settings.source)
    key = key if key in settings.networks else settings.source
    scenario = settings.scenario(key)
    names = offered_here(settings, scenario)
    usual = {
        "network": key,
        "firm": first_firm(settings, scenario.network),
        "lead_time": "own",
        "costs": "own",
        "view": "own",
        "others": settings.others[0] if settings.others[0] in names else names[0],
        "demand": "own",
        "rounds": "36",
    }
    chosen = {name: given.get(name, value) for name, value in usual.items()} | {"network": key}
    if chosen["firm"] not in scenario.network.agents:
        chosen["firm"] = usual["firm"]
    if chosen["others"] not in names:
        chosen["others"] = usual["others"]
    costs = texts.COSTS_OF if max(scenario.network.stages.values()) in (3, 4) else _without_cs2000()
    return {
        "networks": settings.networks,
        "firms": [(name, name) for name in scenario.network.agents],
        "lead_times": [("own", texts.LEAD_TIME_OWN), *((periods, periods) for periods in lead_times())],
        "costs": costs,
        "opponents": [(name, policy_name(name)) for name in names],
        "rounds": [(rounds, texts.ROUNDS_SHOWN.format(rounds=rounds)) for rounds in _ROUNDS],
        "chosen": chosen,
    }


def _without_cs2000() -> dict[str, str]:
    return {name: text for name, text in texts.COSTS_OF.items() if name != "cs2000"}


def csv_response(rows: Iterable[list[Any]], name: str) -> Response:
    """A table to save."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
