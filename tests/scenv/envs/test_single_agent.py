"""Gymnasium environments: conformance, the same world as the multi-agent one, refusals."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium
import networkx as nx
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from tests.scenv.strategies import scenarios

# check_env advises finite bounds; stock has none. It also advises against environments without a spec.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*maximum value is infinity"),
    pytest.mark.filterwarnings("ignore:.*not able to test alternative render modes"),
]
MAKERS = {"single_firm": scenv.single_firm_env, "centralised": scenv.centralised_env}


@pytest.mark.filterwarnings("error")
@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
@pytest.mark.filterwarnings("ignore:.*not able to test alternative render modes")
@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_passes_gymnasiums_checker(make: Any, name: str) -> None:
    check_env(make(name))


@pytest.mark.parametrize("id_", ["scenv/SingleFirm-v0", "scenv/Centralised-v0"])
def test_gymnasium_makes_it_and_renders_it(id_: str) -> None:
    env = gymnasium.make(id_, scenario="bg", max_cycles=6)
    check_env(env.unwrapped)  # with a spec it also tries every render mode


def test_the_beer_game_against_base_stock_is_what_evaluate_simulates() -> None:
    """Where the learning firm does what base stock would (as far as A allows), nothing else differs."""
    wide = {"actions": {"low": -200, "high": 200}, "demand": {"kind": "poisson", "mean": 32}}
    env = scenv.single_firm_env("bg", "whole_0", objective="chain", **wide)
    policy = scenv.policies.BaseStock("bg")
    _, info = env.reset(seed=7)
    firm = env.agents.index("whole_0")
    total = 0.0
    truncated = False
    while True:
        total += info["cost"] if info["period"] >= env.scenario.warmup else 0.0
        assert info["cost"] == pytest.approx(info["costs"].sum())
        if truncated:
            break
        state = env._batch.local_state
        action = round(float(policy.orders(state)[0, firm] - state.demand[0, firm])) + 200
        _, _, terminated, truncated, info = env.step(action)
        assert not terminated
    # Levels are not whole numbers, orders here are: the stock differs by at most half a unit and period.
    assert total == pytest.approx(scenv.evaluate(policy, "bg", episodes=1, seed=7).mean, rel=0.02)


@pytest.mark.parametrize("name", ["bg", "r2"])
def test_the_planner_lives_in_the_multi_agent_world(name: str) -> None:
    central, multi = scenv.centralised_env(name), scenv.parallel_env(name, reward="cost")
    observation, _ = central.reset(seed=3)
    observations, _ = multi.reset(seed=3)
    rng = np.random.default_rng(0)
    while multi.agents:
        names = multi.agents
        np.testing.assert_array_equal(observation, np.concatenate([observations[agent] for agent in names]))
        actions = rng.integers(0, central.action_space.nvec)
        observation, reward, _, truncated, info = central.step(actions)
        observations, _, _, truncations, infos = multi.step(dict(zip(names, actions.tolist(), strict=True)))
        chain_cost = sum(i["cost"] for i in infos.values())
        assert info["cost"] == pytest.approx(chain_cost)
        demand = sum(multi.observation_scale.values())
        assert reward == pytest.approx(-0.1 * chain_cost / demand)
        assert truncated == truncations[names[0]]


def test_the_firm_sees_and_pays_its_own_part_only() -> None:
    env = scenv.single_firm_env("r2", "dist_3", others="pass-through")
    multi = scenv.parallel_env("r2", reward="cost")
    observation, info = env.reset(seed=1)
    observations, _ = multi.reset(seed=1)
    pass_through = int(np.flatnonzero(multi.adjustments == 0)[0])
    for action in (0, 5, 9, 2):
        np.testing.assert_array_equal(observation, observations["dist_3"])
        observation, reward, _, _, info = env.step(action)
        actions = {name: action if name == "dist_3" else pass_through for name in multi.agents}
        observations, rewards, _, _, infos = multi.step(actions)
        assert reward == rewards["dist_3"]
        assert info["cost"] == infos["dist_3"]["cost"]


def test_chain_objective_rewards_otherwise_than_the_own_cost() -> None:
    own, chain = scenv.single_firm_env("bg"), scenv.single_firm_env("bg", objective="chain")
    central = scenv.centralised_env("bg", normalise=True)
    for env in (own, chain, central):
        env.reset(seed=0)
    assert own.step(4)[1] != chain.step(4)[1]
    assert central.step([4, 4, 4, 4])[0].max() < 20


@settings(max_examples=25)
@given(scenario=scenarios(reward_scope="own"), seeds=st.lists(st.integers(0, 99), min_size=2, max_size=5, unique=True))
def test_a_chains_returns_rank_as_its_costs_do(scenario: scenv.Scenario, seeds: list[int]) -> None:
    """Random policies, each with adjustments of its own for every firm, on the same demand."""
    makers = (scenv.centralised_env, lambda source: scenv.single_firm_env(source, objective="chain"))
    for make in makers:
        env = make(scenario)
        outcomes = []
        for seed in seeds:
            env.reset(seed=0)
            env.action_space.seed(seed)
            action, ended, total, paid = env.action_space.sample(), False, 0.0, 0.0
            while not ended:
                _, reward, _, ended, info = env.step(action)
                total += info["cost"]
                paid += reward
            outcomes.append((total, paid))
        for one, other in itertools.combinations(outcomes, 2):
            cheaper, dearer = sorted((one, other))
            assert cheaper[1] >= dearer[1] - 1e-9 * abs(dearer[1])
            if dearer[0] > cheaper[0] * (1 + 1e-6):
                assert cheaper[1] > dearer[1]


def test_of_two_policies_the_cheaper_one_has_the_larger_return() -> None:
    """The small shop's stock weighs no more than the large one's: with the mean of scaled costs it was otherwise."""
    graph = nx.DiGraph([("depot", "large"), ("depot", "small")])
    env = scenv.centralised_env(
        graph, costs="uniform", demand={"kind": "deterministic", "values": {"large": 100.0, "small": 1.0}}, horizon=30
    )
    outcomes = {}
    for spoilt in ("large", "small"):
        env.reset(seed=0)
        action = [4 + 3 * (agent == spoilt) for agent in env.agents]  # 3 units too many, every period
        cost = paid = 0.0
        for _ in range(29):
            _, reward, _, _, info = env.step(action)
            cost, paid = cost + info["cost"], paid + reward
        outcomes[spoilt] = cost, paid
    assert outcomes["large"][0] == pytest.approx(outcomes["small"][0])
    assert outcomes["large"][1] == pytest.approx(outcomes["small"][1])


def test_a_chains_cost_counts_once() -> None:
    with pytest.raises(scenv.ScenarioError, match="reward_scope must be 'own' where the whole chain is answered for"):
        scenv.centralised_env("bg", reward_scope="network")
    assert scenv.single_firm_env("bg", reward_scope="network").scenario.reward_scope == "network"


def test_normalised_observations_are_in_periods_of_mean_demand() -> None:
    raw, scaled = scenv.single_firm_env("bg"), scenv.single_firm_env("bg", normalise=True)
    one, other = raw.reset(seed=2)[0], scaled.reset(seed=2)[0]
    np.testing.assert_allclose(one / 32, other, rtol=1e-6)
    assert other.dtype == np.float32


def test_windowed_reward_is_declared_late_or_refused() -> None:
    env = scenv.single_firm_env("bg", reward="windowed")
    assert env.reward_delay == 7
    assert scenv.single_firm_env("bg").reward_delay == 0
    uneven = {"shipment_lead_time": {"default": 2, "whole_0 -> ret_0": 4}}
    assert scenv.single_firm_env("bg", "ret_0", reward="windowed", **uneven).reward_delay == 9
    for make in (scenv.centralised_env, lambda *a, **k: scenv.single_firm_env(*a, objective="chain", **k)):
        with pytest.raises(scenv.ScenarioError, match=r"7 to 9 periods late.*use reward='cost'"):
            make("bg", reward="windowed", **uneven)
        assert make("bg", reward="windowed", reward_window_end="after_action", **uneven).reward_delay == 9


def test_random_others_are_repeated_by_the_seed() -> None:
    env = scenv.single_firm_env("bg", others="random")
    episodes = []
    for seed in (4, 4, 5):
        record = [env.reset(seed=seed)[0]]
        record += [env.step(3)[0] for _ in range(10)]
        episodes.append(np.stack(record))
    np.testing.assert_array_equal(episodes[0], episodes[1])
    assert (episodes[0] != episodes[2]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"agent": "ret_1"}, r"unknown firm 'ret_1' \(did you mean 'ret_0'\?\)"),
        ({"others": "base-stocks"}, r"unknown policy 'base-stocks' \(did you mean 'base-stock'\?\)"),
        ({"objective": "profit"}, "objective must be 'firm' or 'chain', got 'profit'"),
        ({"horizont": 3}, "unknown field 'horizont'"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(scenv.ScenarioError, match=message):
        scenv.single_firm_env("bg", **arguments)


@pytest.mark.parametrize("bad", [33, -1, 1.5, True, [1], None])
def test_bad_actions_of_a_firm_are_refused(bad: Any) -> None:
    env = scenv.single_firm_env("bg")
    env.reset(seed=0)
    with pytest.raises(scenv.ActionError):
        env.step(bad)


@pytest.mark.parametrize("bad", [[1, 1, 1], [1, 1, 1, 33], 5, [0.5] * 4])
def test_bad_actions_of_a_planner_are_refused(bad: Any) -> None:
    env = scenv.centralised_env("bg")
    env.reset(seed=0)
    with pytest.raises(scenv.ActionError):
        env.step(bad)


def test_steps_outside_an_episode_are_refused() -> None:
    env = scenv.single_firm_env("bg", max_cycles=1)
    for _ in range(2):
        with pytest.raises(ResetNeeded):
            env.step(0)
        env.reset()
        assert env.step(0)[3] is True


def test_rendering() -> None:
    env = scenv.single_firm_env("bg", render_mode="ansi")
    with pytest.raises(ResetNeeded):
        env.render()
    env.reset(seed=0)
    assert "whole_0" in env.render()
    with pytest.warns(UserWarning, match="render_mode"):
        assert scenv.centralised_env("bg").render() is None
