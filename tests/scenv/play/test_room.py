"""A class at play, without the web: seats, rounds, time, players who come, go and come back."""

import pytest

from scenv.errors import ActionError, ScenarioError
from scenv.play.game import Game, Seat, game_scenario
from scenv.play.room import AWAY_AFTER, Room, checked_name


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(seconds: int = 0, rounds: int = 4, teams: int = 1) -> tuple[Room, Clock]:
    clock = Clock()
    game = Game(game_scenario("bg", rounds), "pass-through", teams=teams, seed=1)
    return Room(game, sees_all=False, seconds=seconds, clock=clock), clock


def test_a_round_ends_when_all_have_ordered() -> None:
    room, _ = opened()
    ann, bob = room.join("Ann", Seat(0, 0)), room.join("Bob", Seat(0, 1))
    with pytest.raises(ActionError, match="not begun"):
        room.order(ann, 5)
    room.start()
    room.order(ann, 5)
    assert room.game.period == 0
    room.order(bob, 6)
    assert room.game.period == 1
    assert room.game.episode().orders[0, :2].tolist() == pytest.approx([5, 6])


def test_when_time_is_up_the_policy_orders_for_who_has_not() -> None:
    room, clock = opened(seconds=30)
    room.join("Ann", Seat(0, 0))
    room.start()
    clock.now = 29
    room.tick()
    assert (room.game.period, room.seconds_left) == (0, 1)
    clock.now = 30
    room.tick()
    assert (room.game.period, room.seconds_left) == (1, 30)
    episode = room.game.episode()
    assert episode.orders[0, 0] == pytest.approx(episode.local.demand[0, 0])


def test_nobody_waits_for_who_is_away_and_who_comes_back_sits_where_before() -> None:
    room, clock = opened()
    ann, bob = room.join("Ann", Seat(0, 0)), room.join("Bob", Seat(0, 1))
    room.start()
    clock.now = AWAY_AFTER + 1
    assert room.player(ann.token) is ann
    room.order(ann, 5)
    assert room.game.period == 1
    assert room.player(bob.token) is bob
    assert bob.seat == Seat(0, 1)
    room.order(ann, 5)
    assert room.game.period == 1  # waits for Bob again
    room.order(bob, 7)
    assert room.game.period == 2
    clock.now += 2 * AWAY_AFTER
    room.tick()
    assert room.game.period == 2  # nobody is there: nothing happens


def test_who_leaves_is_played_on_and_the_seat_is_free() -> None:
    room, _ = opened()
    ann, bob = room.join("Ann", Seat(0, 0)), room.join("Bob", Seat(0, 1))
    room.start()
    room.order(ann, 5)
    room.leave(bob)
    assert room.game.period == 1  # nobody waits for Bob
    with pytest.raises(ActionError, match="only who sits"):
        room.order(bob, 7)
    assert room.join("Cem", Seat(0, 1)).seat == Seat(0, 1)


def test_starting_needs_a_player_and_a_table_names_them() -> None:
    room, _ = opened(teams=2)
    with pytest.raises(ActionError, match="needs a player"):
        room.start()
    room.join("Ann", Seat(1, 2))
    room.start()
    room.end_round()
    rows = list(room.table())
    assert rows[0][:5] == ["team", "player", "period", "firm", "stage"]
    assert {row[1] for row in rows if row[0] == 2 and row[3] == "dist_0"} == {"Ann"}
    assert len(rows) == 1 + 2 * 2 * 4


@pytest.mark.parametrize("name", ["", "   ", "x" * 25, "x" * 10_000, "<b>Ann</b>", "=1+1", "Ann\0", "&amp;", "a;b"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ScenarioError, match="a name has"):
        checked_name(name)


@pytest.mark.parametrize("name", ["Ann", " Ann  Lee ", "Zoë", "李雷", "O'Neill-2"])
def test_names_of_people_are_taken(name: str) -> None:
    assert checked_name(name) == " ".join(name.split())
