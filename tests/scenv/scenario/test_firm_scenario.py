"""What one firm knows: enough to simulate it exactly, and nothing that is another firm's."""

import numpy as np
import pytest

import scenv
from scenv.scenario.firm_scenario import write_firm_scenario
from scenv.simulation.exogenous import Exogenous

RANDOM = {"values": [1, 3], "probabilities": [0.4, 0.6]}
HARDER = {
    "capacity": {"default": 30.0, "whole_0": 25.0},
    "lost_sales": True,
    "allocation": "priority",
    "shipment_lead_time": RANDOM,
    "disruptions": [{"kind": "closure", "probability": 0.1, "duration": 2}],
    "demand": {"kind": "poisson", "mean": {"ret_0": 5, "default": 9.5}},
}


def lives(env, drawn, incoming):
    """Everything that a firm sees and sends in an episode, told the same on its links."""
    seen = [env.reset(seed=3, drawn=drawn)]
    for period in range(env.horizon - 1):
        sent = env.send(quantities=env.local_state.demand)
        seen += [*sent.orders.values(), *sent.goods.values()]
        orders = {name: incoming[period] for name in env.customers}
        goods = {name: incoming[period] for name in env.suppliers}
        seen += [env.receive(orders, goods), env.cost, env.reward]
    return seen


@pytest.mark.parametrize(("name", "fields"), [("bg", {}), ("r1", {}), ("r1", HARDER), ("r2", {}), ("r3", {})])
def test_the_same_firm_is_simulated_from_what_it_knows(tmp_path, name, fields):
    scenario = scenv.load_scenario(name, horizon=12, **fields)
    whole = scenv.vector_env(scenario, 3, seed=1)
    whole.reset()
    incoming = np.random.default_rng(0).uniform(0, 20, (12, 3))
    agents = scenario.network.agents
    for agent in agents if name != "r3" else agents[:: len(agents) // 8]:
        folder = tmp_path / agent
        folder.mkdir()
        write_firm_scenario(scenario, agent, folder)
        known = scenv.load_scenario(folder / "scenario.yaml")
        whole_firm, alone = (scenv.firm_env(source, agent, num_envs=3) for source in (scenario, known))
        assert (alone.suppliers, alone.customers) == (whole_firm.suppliers, whole_firm.customers)
        assert alone.reward_delay == whole_firm.reward_delay
        drawn: Exogenous = whole.exogenous
        for one, other in zip(lives(alone, drawn, incoming), lives(whole_firm, drawn, incoming), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_nothing_that_is_anothers_is_in_the_files(tmp_path):
    costs = {"ret_0": 0.7311, "whole_0": 0.5877, "dist_0": 0.4123, "sup_0": 0.3019}
    scenario = scenv.load_scenario(
        "bg",
        costs={"holding": costs, "backorder_ratio": 3},
        capacity={name: 1000 + 7777 * cost for name, cost in costs.items()},
        demand={"kind": "normal", "mean": 8, "std": 2.625},
    )
    for agent in costs:
        write_firm_scenario(scenario, agent, tmp_path)
        text = (tmp_path / "scenario.yaml").read_text() + (tmp_path / "network.json").read_text()
        assert str(costs[agent]) in text
        for other in set(costs) - {agent}:
            assert str(costs[other]) not in text
            assert str(scenario.capacity[other]) not in text
        assert ("2.625" in text) == (agent == "ret_0")


def test_demand_that_hangs_together_cannot_be_one_firms_alone():
    demand = {"kind": "correlated", "marginal": {"kind": "normal", "mean": 8, "std": 2}, "correlation": 0.5}
    scenario = scenv.load_scenario("r1", demand=demand)
    with pytest.raises(scenv.ScenarioError, match="hangs together"):
        scenv.firm_scenario(scenario, "ret_0")


def test_a_name_that_is_no_firms_is_refused():
    with pytest.raises(scenv.ScenarioError, match="did you mean"):
        scenv.firm_scenario(scenv.load_scenario("bg"), "ret_1")
