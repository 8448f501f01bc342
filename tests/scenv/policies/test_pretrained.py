"""The pretrained policy: what a firm may know while it operates, what it costs, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

import scenv
from scenv.cli import app
from scenv.errors import ScenarioError
from scenv.policies import BaseStock, DecompositionAggregation, Pretrained, make_policy
from scenv.policies.place import FEATURES, places_of
from scenv.policies.pretrained import WEIGHTS
from scenv.simulation.dynamics import LocalState


def states(scenario: scenv.Scenario, periods: int, rows: int = 3, seed: int = 0) -> np.ndarray:
    """Made-up local states [T, 5, B, N], around what is usual."""
    places, rng = places_of(scenario), np.random.default_rng(seed)
    noise = rng.normal(size=(periods, 5, rows, len(places.unit))) * places.unit
    return np.maximum(places.usual[:, None] + noise, 0)


def decided(policy: Pretrained, seen: np.ndarray) -> np.ndarray:
    """[T, B, N]"""
    policy.reset(seen.shape[2])
    return np.stack([policy.orders(LocalState(*period)) for period in seen])


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
def test_a_firm_decides_from_its_own_periods_only(name):
    """Whatever all other firms live through changes nothing, in any firm's place."""
    scenario = scenv.load_scenario(name)
    policy, seen = Pretrained(scenario), states(scenario, 9)
    before, other = decided(policy, seen), states(scenario, 9, seed=1)
    for firm in range(len(policy.agents)):
        changed = other.copy()
        changed[..., firm] = seen[..., firm]
        np.testing.assert_array_equal(decided(policy, changed)[..., firm], before[..., firm])
    assert (decided(policy, other) != before).mean() > 0.5


def test_rows_do_not_know_of_each_other():
    scenario = scenv.load_scenario("r1")
    policy, seen = Pretrained(scenario), states(scenario, 8)
    alone = np.concatenate([decided(policy, seen[:, :, [row]]) for row in range(3)], axis=1)
    np.testing.assert_allclose(alone, decided(policy, seen), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("firm", range(4))
def test_it_remembers_six_periods_and_no_more(firm):
    scenario = scenv.load_scenario("bg")
    policy, seen = Pretrained(scenario), states(scenario, 12)
    before = decided(policy, seen)
    changed = seen.copy()
    changed[5, :, :, firm] *= 1.5
    differs = (decided(policy, changed) != before)[:, :, firm].any(axis=1)
    assert not differs[:5].any()
    assert differs[5:11].any()
    assert not differs[11:].any()


def test_reset_forgets():
    policy, seen = Pretrained("r2"), states(scenv.load_scenario("r2"), 4)
    np.testing.assert_array_equal(decided(policy, seen), decided(policy, seen))


@pytest.mark.parametrize("name", ["r1", "r3"])
def test_the_order_in_which_firms_are_listed_does_not_matter(name):
    """Renumbered, renamed firms decide the same."""
    scenario = scenv.load_scenario(name)
    graph, rng = scenario.network.graph, np.random.default_rng(3)
    agents = list(scenario.network.agents)
    renamed = {agent: f"firm{k}" for agent, k in zip(agents, rng.permutation(len(agents)), strict=True)}
    turned = nx.DiGraph()
    for agent in rng.permutation(agents).tolist():
        turned.add_node(renamed[agent], **graph.nodes[agent])
    for u, v in rng.permutation(list(graph.edges)).tolist():
        turned.add_edge(renamed[u], renamed[v])
    twin = scenv.load_scenario(turned, demand=scenario.demand)
    seen = states(scenario, 8)
    position = [twin.network.agents.index(renamed[agent]) for agent in agents]
    assert position != list(range(len(agents)))
    seen_there = np.empty_like(seen)
    seen_there[..., position] = seen
    there = decided(Pretrained(twin), seen_there)[..., position]
    np.testing.assert_allclose(there, decided(Pretrained(scenario), seen), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("lead_time", [1, 2, 3])
@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
def test_never_having_seen_a_network_it_pays_less_than_formulas_and_the_best_constant_levels(name, lead_time):
    """Loose bounds around what the shipped weights were measured to pay; see the docs' page."""
    scenario = scenv.load_scenario(name, shipment_lead_time=lead_time)
    policies = {"bs": BaseStock(scenario), "da": DecompositionAggregation(scenario), "new": Pretrained(scenario)}
    policies["best"] = make_policy("optimised-base-stock", scenario)
    paid = {key: result.mean for key, result in scenv.evaluate(policies, scenario, episodes=40).evaluations.items()}
    assert paid["new"] < 0.62 * paid["bs"]
    assert paid["new"] < min(paid["da"], paid["best"])


@pytest.mark.parametrize(
    "fields",
    [
        {"costs": "uniform"},
        {"costs": "cs2000"},
        {"costs": {"backorder_ratio": 10}},
        {"demand": {"kind": "negative_binomial", "mean": 10, "std": 7}},
        {"demand": {"kind": "normal", "mean": 1e5, "std": 3e4}},
        {"demand": 0.3},
        {"shipment_lead_time": 8},
    ],
)
def test_other_costs_and_demand_suit_it(fields):
    scenario = scenv.load_scenario("bg", **fields)
    both = scenv.evaluate([BaseStock(scenario), Pretrained(scenario)], scenario, episodes=30)
    assert both.difference("Pretrained").ratio < 0.9


def test_one_firm_alone_is_a_network():
    scenario = scenv.load_scenario(scenv.generators.serial(1))
    both = scenv.evaluate([BaseStock(scenario), Pretrained(scenario)], scenario, episodes=30)
    assert both.difference("Pretrained").ratio < 1


def test_a_firm_that_no_demand_reaches_orders_nothing():
    graph = nx.DiGraph([("mill", "shop"), ("depot", "kiosk"), ("mill", "kiosk")])
    scenario = scenv.load_scenario(graph, costs="uniform", demand={"kind": "poisson", "mean": {"shop": 5, "kiosk": 0}})
    policy = Pretrained(scenario)
    orders = decided(policy, states(scenario, 6))
    still = [policy.agents.index(name) for name in ("kiosk", "depot")]
    assert (orders[..., still] == 0).all()
    assert (orders[..., policy.agents.index("shop")] > 0).any()


def test_places_of_the_beer_game_by_hand():
    scenario = scenv.load_scenario("bg")
    places = places_of(scenario)
    column = {name: places.features[:, k] for k, name in enumerate(FEATURES)}
    np.testing.assert_allclose(places.unit, np.sqrt(32))
    np.testing.assert_allclose(column["log mean demand"], np.log(32) / 2, rtol=1e-6)
    np.testing.assert_allclose(column["lead time"], 1, rtol=1e-6)  # 1 + 2 periods, over 3
    np.testing.assert_allclose(column["log backorder over holding cost"], np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(column["is a retailer"], [1, 0, 0, 0])
    np.testing.assert_array_equal(column["is a source"], [0, 0, 0, 1])
    np.testing.assert_allclose(column["links to the customer"] * 4, [0, 1, 2, 3])
    np.testing.assert_allclose(column["links to the source"] * 4, [3, 2, 1, 0])
    ratios = [np.log(1.6 / 1.2), np.log(1.2 / 0.8), np.log(0.8 / 0.4), 0]
    np.testing.assert_allclose(column["log holding cost over suppliers' mean"] * 2, ratios, rtol=1e-5)
    np.testing.assert_array_equal(places.of_customers.toarray(), np.eye(4, k=-1))
    np.testing.assert_array_equal(places.of_suppliers.toarray(), np.eye(4, k=1))
    np.testing.assert_array_equal(places.usual[:, 0], [0, 0, 96, 32, 32])


def test_means_over_neighbours_by_hand():
    """A mill that supplies a shop with 6 and a kiosk with 2 units; the shop's other supplier gets 6 too."""
    graph = nx.DiGraph([("mill", "shop"), ("farm", "shop"), ("mill", "kiosk")])
    demand = {"kind": "poisson", "mean": {"shop": 12, "kiosk": 2}}
    scenario = scenv.load_scenario(graph, costs="uniform", demand=demand)
    shop, kiosk, mill, farm = (scenario.network.index(name) for name in ("shop", "kiosk", "mill", "farm"))
    places = places_of(scenario)
    of_customers, of_suppliers = places.of_customers.toarray(), places.of_suppliers.toarray()
    assert of_customers[mill, [shop, kiosk]].tolist() == [0.75, 0.25]
    assert of_suppliers[shop, [mill, farm]].tolist() == [0.5, 0.5]
    assert of_suppliers[kiosk, mill] == 1
    column = {name: places.features[:, k] for k, name in enumerate(FEATURES)}
    assert column["share of suppliers' demand"][shop] == pytest.approx((0.75 + 1) / 2)
    assert np.exp(column["log number of equal customers"][mill]) == pytest.approx(1 / (0.75**2 + 0.25**2))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"lost_sales": True}, "unmet demand waits; expected lost_sales: false"),
        ({"costs": {"holding": 0.0, "backorder": 1.0}}, "expected both above 0 somewhere"),
        ({"costs": {"holding": 1.0, "backorder": 0.0}}, "expected both above 0 somewhere"),
    ],
)
def test_what_it_has_not_learned_is_refused(fields, match):
    with pytest.raises(ScenarioError, match=match):
        Pretrained(scenv.load_scenario("bg", **fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ()),
        ({"shipment_lead_time": 9}, ("lead times of 10 to 10 periods: 2 to 9 in training",)),
        ({"costs": {"backorder_ratio": 30}}, ("backorder over holding cost at a retailer: 1 to 10 in training",)),
        ({"demand": 1000.0}, ("a retailer's demand that varies by less than 5 % of its mean: more in training",)),
        ({"capacity": 40}, ("capacity: none in training",)),
        (
            {"shipment_lead_time": {"values": [1, 3], "probabilities": [0.5, 0.5]}},
            ("random lead times: fixed ones in training",),
        ),
    ],
)
def test_what_is_unlike_its_training_is_said(fields, said):
    assert Pretrained(scenv.load_scenario("bg", **fields)).beyond == said


def _damaged(case: str, path: Path) -> None:
    tensors = load_file(WEIGHTS)
    if case == "not finite":
        tensors["second"][0, 0] = np.nan
    elif case == "another shape":
        tensors["place.weight"] = tensors["place.weight"][:-1].copy()
    elif case == "another type":
        tensors["second"] = tensors["second"].astype(np.float64)
    elif case == "an array too few":
        del tensors["round_2.bias"]
    elif case == "something else":
        tensors = {"weight": np.zeros(3, dtype=np.float32)}
    save_file(tensors, path)
    if case == "cut off":
        path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    "case", ["not finite", "another shape", "another type", "an array too few", "something else", "cut off"]
)
def test_damaged_weights_are_refused_by_name(case, tmp_path):
    path = tmp_path / "weights.safetensors"
    _damaged(case, path)
    with pytest.raises(ScenarioError, match=r"weights\.safetensors: "):
        Pretrained("bg", weights=path)


def test_states_of_another_network_are_refused():
    with pytest.raises(ScenarioError, match="a policy of 4 firms, not of 22"):
        decided(Pretrained("bg"), states(scenv.load_scenario("r2"), 1))


def test_the_command_line_takes_it_for_a_network_of_one_s_own(tmp_path):
    scenv.generators.layered(9, 3, 5).to_json(tmp_path / "mine.json")
    arguments = ["evaluate", "--policy", "base-stock,pretrained", "--network", str(tmp_path / "mine.json")]
    out = tmp_path / "out.json"
    result = CliRunner().invoke(app, [*arguments, "--episodes", "20", "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert "pretrained" in result.output
    assert "pretrained" in json.dumps(json.loads(out.read_text()))


def test_the_command_line_says_what_is_unlike_its_training():
    out = CliRunner().invoke(app, ["evaluate", "bg", "-p", "pretrained", "--lead-times", "2,9", "--episodes", "2"])
    assert out.exit_code == 0, out.output
    assert "pretrained: lead times of 10 to 10 periods: 2 to 9 in training" in out.output
