"""One firm's own simulator: all firms of a network, exchanging on their links, live what the whole simulator does."""

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import scenv
from scenv.simulation.dynamics import LocalState
from tests.scenv.strategies import scenarios


def rounds(firms, quantities_of):
    """One exchange: every firm sends, then every firm receives what its neighbours sent to it."""
    sent = {name: firm.send(quantities=quantities_of(name)) for name, firm in firms.items()}
    return {
        name: firm.receive(
            orders={other: sent[other].orders[name] for other in firm.customers},
            goods={other: sent[other].goods[name] for other in firm.suppliers},
        )
        for name, firm in firms.items()
    }


def compare(scenario, *, num_envs=3, seed=5, backend="numpy", tolerance=1e-12):
    """Both simulators on the same paths and random orders; every period is compared."""
    whole = scenv.vector_env(scenario, num_envs, seed=seed, backend=backend)
    firms = {
        name: scenv.firm_env(scenario, name, num_envs=num_envs, seed=seed, backend=backend) for name in whole.agents
    }
    seen, own = whole.reset(), {name: firm.reset() for name, firm in firms.items()}
    rng, reward = np.random.default_rng(seed), np.zeros((num_envs, len(whole.agents)))
    while True:
        for i, (name, firm) in enumerate(firms.items()):
            np.testing.assert_allclose(own[name], seen[:, i], rtol=1e-6, atol=1e-5)  # float32
            np.testing.assert_allclose(firm.cost, whole.last_info["cost"][:, i], rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(firm.reward, reward[:, i], rtol=tolerance, atol=tolerance)
            for field in LocalState._fields:
                mine, theirs = getattr(firm.local_state, field), getattr(whole.local_state, field)[:, i]
                np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance, err_msg=f"{name} {field}")
        if whole.period == whole.horizon - 1:
            return
        mean = whole.observation_scale
        orders = np.round(rng.uniform(0, 2.2, size=(num_envs, len(mean))) * mean, 3)
        seen, reward, *_ = whole.step_orders(orders)
        own = rounds(firms, lambda name: orders[:, whole.agents.index(name)])  # noqa: B023


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
@pytest.mark.parametrize("allocation", ["proportional", "priority"])
def test_equals_the_whole_simulator_on_the_papers_networks(name, allocation):
    compare(scenv.load_scenario(name, allocation=allocation, horizon=25), num_envs=2)


def test_equals_the_whole_simulator_with_everything_at_once():
    compare(
        scenv.load_scenario(
            "r1",
            order_lead_time={"values": [1, 2], "probabilities": [0.5, 0.5]},
            shipment_lead_time={"values": [1, 2, 4], "probabilities": [0.3, 0.4, 0.3]},
            capacity={"manu_0": 6.0, "default": 40.0},
            lost_sales=True,
            allocation="priority",
            disruptions=[
                {"kind": "closure", "probability": 0.1, "duration": 3},
                {"kind": "delay", "period": 6, "duration": 5, "extra": 2},
                {"kind": "demand_shock", "between": [3, 9], "duration": 4, "factor": 3.0},
            ],
        )
    )


@given(scenario=scenarios(shortest=1, reward_scope="own"), seed=st.integers(0, 1000))
@hypothesis_settings(max_examples=60)
def test_equals_the_whole_simulator_on_any_network(scenario, seed):
    compare(scenario, seed=seed, num_envs=2)


def test_equals_the_whole_simulator_on_torch():
    pytest.importorskip("torch")
    compare(scenv.load_scenario("r2", horizon=15, lost_sales=True), num_envs=2, backend="torch")


def test_actions_mean_what_they_mean_in_the_batched_environment():
    whole, rng = scenv.vector_env("bg", 4, seed=1), np.random.default_rng(0)
    firms = {name: scenv.firm_env("bg", name, num_envs=4, seed=1) for name in whole.agents}
    whole.reset()
    for firm in firms.values():
        firm.reset()
    for _ in range(10):
        actions = rng.integers(0, 33, size=(4, 4))
        whole.step(actions)
        sent = {name: firm.send(action=actions[:, i]) for i, (name, firm) in enumerate(firms.items())}
        for name, firm in firms.items():
            firm.receive(
                {o: sent[o].orders[name] for o in firm.customers}, {o: sent[o].goods[name] for o in firm.suppliers}
            )
        np.testing.assert_allclose(np.stack([f.cost for f in firms.values()], axis=1), whole.last_info["cost"])


def test_what_a_neighbour_sends_is_checked():
    firm = scenv.firm_env("bg", "whole_0")
    firm.reset(seed=0)
    with pytest.raises(ResetNeeded, match="after send"):
        firm.receive({}, {})
    firm.send(quantities=[3.0])
    with pytest.raises(ResetNeeded, match="once after each period"):
        firm.send(quantities=[3.0])
    with pytest.raises(scenv.ActionError, match=r"whole_0: orders must come from \['ret_0'\], got \['dist_0'\]"):
        firm.receive({"dist_0": [1.0]}, {"dist_0": [1.0]})
    for bad, why in (([np.nan], "finite"), ([-1.0], "not negative"), ([1.0, 2.0], "shape"), (1.0, "shape")):
        with pytest.raises(scenv.ActionError, match=f"whole_0: goods from dist_0 must .*{why}"):
            firm.receive({"ret_0": [1.0]}, {"dist_0": bad})
    assert firm.receive({"ret_0": [1.0]}, {"dist_0": [1.0]}).shape == (1, 30)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({}, "either an action or quantities"),
        ({"action": [1], "quantities": [1.0]}, "either an action or quantities"),
        ({"action": [33]}, r"0 \.\. 32"),
        ({"action": [0.5]}, "integers"),
        ({"quantities": [-1.0]}, "not negative"),
    ],
)
def test_bad_orders_are_refused(order, why):
    firm = scenv.firm_env("bg", "ret_0")
    firm.reset(seed=0)
    with pytest.raises(scenv.ActionError, match=why):
        firm.send(**order)


def test_a_stranger_is_no_firm():
    with pytest.raises(scenv.ScenarioError, match=r"'ret_1' is no firm of network 'bg' \(did you mean 'ret_0'\?\)"):
        scenv.firm_env("bg", "ret_1")


def test_a_firm_by_itself_is_rewarded_for_its_own_costs_only() -> None:
    with pytest.raises(scenv.ScenarioError, match="reward_scope must be 'own' for one firm by itself"):
        scenv.firm_env("bg", "ret_0", reward_scope="neighbours")
    for rows in (0, 2.5, True):
        with pytest.raises(scenv.ScenvError, match="num_envs must be a whole number"):
            scenv.firm_env("bg", "ret_0", num_envs=rows)


def test_own_demand_follows_from_a_seed_of_its_own_and_lead_times_from_the_common_one():
    fields = {"shipment_lead_time": {"values": [1, 3], "probabilities": [0.5, 0.5]}}
    firm = scenv.vector_env("bg", 1, **fields).firm_env("ret_0", num_envs=5)

    def demand_and_arrivals(**seeds):
        firm.reset(**seeds)
        return firm._exogenous.demand.tolist(), [period.shipments.periods.tolist() for period in conditions()]

    def conditions():
        return firm._exogenous.conditions.periods

    common, journeys = demand_and_arrivals(seed=1)
    assert demand_and_arrivals(seed=1) == (common, journeys)
    own, same_journeys = demand_and_arrivals(seed=1, demand_seed=2)
    assert own != common
    assert same_journeys == journeys
    assert demand_and_arrivals(seed=3, demand_seed=2)[0] == own


@pytest.mark.parametrize(
    ("demand", "alone"),
    [
        (7.0, True),
        ({"kind": "normal", "mean": 10, "std": 3}, True),
        ({"kind": "correlated", "marginal": {"kind": "poisson", "mean": 5}, "correlation": 0.5}, False),
        ({"kind": "correlated", "marginal": {"kind": "poisson", "mean": 5}, "correlation": 0.0}, True),
    ],
)
def test_a_retailer_cannot_draw_by_itself_what_hangs_together(demand, alone):
    firm = scenv.firm_env("r1", "ret_0", demand=demand)
    assert firm.demand_stands_alone is alone
    if alone:
        firm.reset(seed=0, demand_seed=1)
        return
    with pytest.raises(scenv.ScenarioError, match="drawn for all retailers together"):
        firm.reset(seed=0, demand_seed=1)
