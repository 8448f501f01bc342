"""What a game came to: the same demand with others in the seat, and which orders cost most."""

import numpy as np
import pytest

from scenv.play import Game, Seat, lessons, standings
from scenv.play.game import game_scenario
from scenv.play.outcome import best_policy
from scenv.play.replay import replay, with_policy
from scenv.policies import BaseStock


def finished(network: str, orders: list[float], *, firm: int = 0, others: str = "base-stock", teams: int = 1) -> Game:
    game = Game(game_scenario(network, len(orders)), others, teams=teams, seed=6)
    seat = Seat(teams - 1, firm)
    game.sit(seat)
    for units in orders:
        game.order(seat, units)
        game.advance()
    return game


ORDERS = [30, 55, 0, 0, 80, 32, 20, 44, 10, 61]


@pytest.mark.parametrize(("network", "firm"), [("bg", 0), ("bg", 3), ("r1", 5), ("r3", 0)])
def test_a_replay_of_all_orders_is_the_game_itself(network: str, firm: int) -> None:
    game = finished(network, ORDERS, firm=firm)
    given = np.full((2, 10, len(game.env.agents)), np.nan)
    given[:, :, firm] = game.episode().orders[:, firm]
    policy = with_policy(game.scenario, [firm], BaseStock(game.scenario), game.others)
    cost, _ = replay(game.scenario, game.seed, policy, given)
    for row in cost:
        np.testing.assert_allclose(row, game.episode().cost, rtol=1e-12, atol=1e-9)


def test_standings_put_every_policy_into_the_seat() -> None:
    game = finished("bg", ORDERS)
    own, *rest = standings(game)
    assert own.policy is None
    assert own.own == pytest.approx(game.episode().cost[:, 0].sum())
    assert own.everybody == pytest.approx(game.episode().cost.sum())
    by_name = {row.policy: row for row in rest}
    assert {"base-stock", "sterman", "optimised-base-stock", "pass-through"} <= by_name.keys()
    same = Game(game.scenario, "base-stock", seed=6)
    while not same.is_over:
        same.advance()
    assert by_name["base-stock"].everybody == pytest.approx(same.episode().cost.sum())
    assert [row.own for row in rest] == sorted(row.own for row in rest)
    assert best_policy([own, *rest]) == rest[0].policy


def test_losses_of_all_orders_add_up_to_the_whole_difference() -> None:
    game = finished("bg", ORDERS, firm=1, others="sterman")
    rows = standings(game)
    best = best_policy(rows)
    found = lessons(game, Seat(0, 1), best)
    assert sum(lesson.loss for lesson in found) == pytest.approx(rows[0].own - min(row.own for row in rows[1:]))
    assert [lesson.loss for lesson in found] == sorted((lesson.loss for lesson in found), reverse=True)
    assert sorted(lesson.period for lesson in found) == list(range(10))
    for lesson in found:
        assert lesson.ordered == pytest.approx(ORDERS[lesson.period])


def test_advice_is_what_the_policy_orders_from_the_persons_own_state() -> None:
    game = finished("bg", ORDERS)
    episode = game.episode()
    levels = BaseStock(game.scenario).levels
    for lesson in lessons(game, Seat(0, 0), "base-stock"):
        local = [float(values[lesson.period, 0]) for values in episode.local]
        position = local[1] + local[2] - local[0]  # IL + OO - BO
        assert lesson.advised == pytest.approx(max(0.0, levels[0] - position))


def test_who_plays_like_the_policy_loses_nothing_to_it() -> None:
    scenario = game_scenario("bg", 10)
    game = Game(scenario, "base-stock", seed=6)
    game.sit(Seat(0, 0))
    while not game.is_over:
        game.advance()  # the policy orders for who does not
    assert all(lesson.loss == pytest.approx(0, abs=1e-6) for lesson in lessons(game, Seat(0, 0), "base-stock"))


def test_one_expensive_order_is_found() -> None:
    scenario = game_scenario("bg", 14)
    game = Game(scenario, "base-stock", seed=6)
    game.sit(Seat(0, 0))
    for period in range(14):
        if period == 4:
            game.order(Seat(0, 0), 400)
        game.advance()
    worst = lessons(game, Seat(0, 0), "base-stock")[0]
    assert worst.period == 4
    assert worst.ordered == pytest.approx(400)
    assert worst.loss > 100


def test_a_team_is_judged_by_its_own_people() -> None:
    game = finished("bg", ORDERS, firm=2, teams=2)
    own = standings(game, 1)[0]
    assert own.own == pytest.approx(game.episode(1).cost[:, 2].sum())
    assert len(lessons(game, Seat(1, 2), "sterman")) == 10
