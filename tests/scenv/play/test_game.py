"""The game without the web: people and policies on the package's own simulator."""

import numpy as np
import pytest

import scenv
from scenv.errors import ActionError, ScenarioError
from scenv.play.game import MOST_ROUNDS, MOST_TEAMS, Game, Seat, game_scenario
from scenv.play.opponents import make_opponent, offered, suitable
from scenv.play.seat_view import goods_under_way


def played(game: Game, orders: dict[Seat, list[float]]) -> Game:
    for k in range(game.rounds):
        for seat, quantities in orders.items():
            game.order(seat, quantities[k])
        game.advance()
    return game


@pytest.mark.parametrize("network", ["bg", "r1", "r3"])
@pytest.mark.parametrize("policy", ["base-stock", "sterman", "decomposition-aggregation"])
def test_a_game_without_people_is_the_episode_of_its_policy(network: str, policy: str) -> None:
    scenario = game_scenario(network, 12)
    game = played(Game(scenario, policy, seed=3), {})
    expected = scenv.record_episode(policy, scenario, seed=3)
    np.testing.assert_array_equal(game.episode().cost, expected.cost)
    np.testing.assert_array_equal(game.episode().orders, expected.orders)


def test_a_person_orders_for_the_own_firm_only() -> None:
    scenario = game_scenario("bg", 6)
    seat = Seat(0, scenario.network.index("whole_0"))
    game = Game(scenario, "pass-through", seed=1)
    game.sit(seat)
    wishes = [3.0, 70.0, 0.0, 12.5, 40.0, 8.0]
    played(game, {seat: wishes})
    orders, demand = game.episode().orders, game.episode().local.demand
    np.testing.assert_allclose(orders[:, seat.firm], wishes, atol=1e-9)
    others = [i for i in range(4) if i != seat.firm]
    np.testing.assert_allclose(orders[:, others], demand[:-1, others], atol=1e-9)


def test_who_has_not_ordered_is_played_by_the_policy() -> None:
    game = Game(game_scenario("bg", 4), "pass-through", seed=2)
    seat = Seat(0, 0)
    game.sit(seat)
    assert game.waiting == {seat}
    game.advance()
    episode = game.episode()
    assert episode.orders[0, 0] == pytest.approx(episode.local.demand[0, 0])
    game.order(seat, 99)
    assert game.waiting == frozenset()
    assert game.ordered(seat) == 99
    game.leave(seat)  # what was ordered stands
    game.advance()
    assert game.episode().orders[1, 0] == pytest.approx(99)
    game.advance()
    assert game.episode().orders[2, 0] == pytest.approx(game.episode().local.demand[2, 0])
    assert game.ever == {seat}
    assert not game.people


def test_teams_meet_the_same_demand_and_do_not_touch_each_other() -> None:
    scenario = game_scenario("bg", 8)
    game = Game(scenario, "base-stock", teams=3, seed=4)
    seat = Seat(1, 0)
    game.sit(seat)
    played(game, {seat: [90.0] * 8})
    for team in (0, 1, 2):
        np.testing.assert_array_equal(game.episode(team).local.demand[:, 0], game.episode(0).local.demand[:, 0])
    np.testing.assert_array_equal(game.episode(2).cost, game.episode(0).cost)
    assert game.episode(1).cost.sum() > 1.5 * game.episode(0).cost.sum()
    alone = played(Game(scenario, "base-stock", seed=4), {})
    np.testing.assert_array_equal(alone.episode().cost, game.episode(2).cost)


@pytest.mark.parametrize(
    "quantity", [-1, -0.01, float("nan"), float("inf"), 1e300, "1e300", "nan", "", "x", None, True]
)
def test_what_is_no_order_is_refused_and_changes_nothing(quantity: object) -> None:
    game = Game(game_scenario("bg", 3), seed=0)
    seat = Seat(0, 0)
    game.sit(seat)
    with pytest.raises(ActionError, match=r"a number from 0 to 3,200 units"):
        game.order(seat, quantity)
    assert game.ordered(seat) is None
    assert game.period == 0


def test_strangers_and_finished_games_are_refused() -> None:
    game = Game(game_scenario("bg", 1), seed=0)
    seat = Seat(0, 2)
    game.sit(seat)
    with pytest.raises(ActionError, match="taken"):
        game.sit(seat)
    with pytest.raises(ActionError, match="only who sits"):
        game.order(Seat(0, 1), 5)
    for nowhere in (Seat(1, 0), Seat(-1, 0), Seat(0, 4), Seat(0, -1)):
        with pytest.raises(ActionError, match="no such seat"):
            game.sit(nowhere)
    game.advance()
    assert game.is_over
    with pytest.raises(ActionError, match="is over"):
        game.order(seat, 5)
    with pytest.raises(ActionError, match="is over"):
        game.advance()
    with pytest.raises(ActionError, match="is over"):
        game.sit(Seat(0, 0))


def test_sizes_have_limits() -> None:
    with pytest.raises(ScenarioError, match=f"at most {MOST_ROUNDS}"):
        game_scenario("bg", MOST_ROUNDS + 1)
    with pytest.raises(ScenarioError, match="at least 1"):
        game_scenario("bg", 0)
    with pytest.raises(ScenarioError, match=f"at most {MOST_TEAMS}"):
        Game(game_scenario("bg", 3), teams=MOST_TEAMS + 1)


def test_the_best_levels_are_taken_from_the_record_whatever_the_length() -> None:
    scenario = game_scenario("r2", 20, shipment_lead_time=3)
    levels = make_opponent("optimised-base-stock", scenario).level_of  # type: ignore[attr-defined]
    usual = scenv.load_scenario("r2", shipment_lead_time=3)
    assert levels == scenv.policies.OptimisedBaseStock(usual).level_of
    with pytest.raises(ScenarioError, match="search would take minutes"):
        make_opponent("optimised-base-stock", game_scenario("r2", 20, costs="uniform"))


def test_every_policy_of_the_registry_is_offered_but_noise_and_twins() -> None:
    assert {"base-stock", "sterman", "decomposition-aggregation", "optimised-base-stock"} <= set(offered())
    assert "random" not in offered()
    assert offered(["a/folder", "sterman"])[-1] == "a/folder"
    assert "echelon-base-stock" not in suitable(game_scenario("r2", 5))
    assert "echelon-base-stock" in suitable(game_scenario("bg", 5, costs="cs2000"))


def test_goods_under_way_are_what_the_simulator_holds() -> None:
    game = Game(game_scenario("bg", 5, shipment_lead_time=2), "pass-through", teams=2, seed=1)
    game.advance()
    flows = goods_under_way(game, 1)
    assert list(flows) == list(game.env.structure.edge_names)
    total = sum(float(np.asarray(slot)[game.env.structure.num_sources :, 1].sum()) for slot in game.env.state.shipments)
    assert sum(flows.values()) == pytest.approx(total)
    assert total > 0


@pytest.mark.parametrize("changes", [{"order_lead_time": 0}, {"order_lead_time": 0, "shipment_lead_time": 0}])
def test_firms_that_order_within_a_period_are_asked_as_in_an_evaluation(changes: dict[str, int]) -> None:
    scenario = game_scenario("bg", 10, **changes)
    game = played(Game(scenario, "sterman", seed=3), {})
    expected = scenv.record_episode("sterman", scenario, seed=3)
    np.testing.assert_array_equal(game.episode().cost, expected.cost)
