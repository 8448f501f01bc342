"""Facts of an environment: weights by their signs, mappings by agent, the same ones through either door of scenv."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import DoorError
from tests.pmarl_trainer.toy_envs import IdentityGame

CHAIN = [[0, -1], [1, 0]]


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[0, -0.5], [0.5, 0]]),
        np.array([[0, -0.01], [1e9, 0]], dtype=np.float32),
        [[0, -7], [3, 0]],
        [[9.5, -7], [3, -2]],  # nobody is his own neighbour
        {"agent_1": {"agent_1": 0, "agent_0": 0.2}, "agent_0": {"agent_0": 0, "agent_1": -0.2}},
        sparse.csr_matrix([[0, -0.5], [0.5, 0]]),
        np.array([[0, -1], [1, 0]], dtype=np.int8),
    ],
    ids=lambda m: type(m).__name__,
)
def test_of_weights_the_signs_count(matrix):
    env = IdentityGame(2)
    env.adjacency_matrix = matrix
    assert describe(env).adjacency.tolist() == CHAIN
    if not isinstance(matrix, dict):
        env.adjacency_matrix = None
        assert describe(env, matrix).adjacency.tolist() == CHAIN


def test_a_matrix_of_halves_has_neighbours():
    env = IdentityGame(3, agents=3)
    env.adjacency_matrix = np.full((3, 3), 0.5)
    assert describe(env).adjacency.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    env.adjacency_matrix = np.array([[False, True, False], [True, False, False], [False] * 3])
    assert describe(env).adjacency.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0, float("nan")], [1, 0]], "finite numbers, got nan between 'agent_0' and 'agent_1'"),
        ([[0, 1], [float("inf"), 0]], "finite numbers, got inf between 'agent_1' and 'agent_0'"),
        ([["0", "1"], ["1", "0"]], "must hold numbers"),
        ([[0, 1j], [1, 0]], "must hold numbers"),
        ([[0, 1], [1]], "must be an array of numbers"),
        ({"agent_0": {"agent_0": 0, "agent_1": 1}}, "has nothing for agent 'agent_1'"),
        ("neighbours", r"shape \[2, 2\]"),
    ],
)
def test_what_cannot_be_read_as_a_graph_is_refused(matrix, message):
    env = IdentityGame(2)
    env.adjacency_matrix = matrix
    with pytest.raises(DoorError, match=message):
        describe(env)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adjacency_matrix": None}, "has no adjacency_matrix"),
        ({"adjacency_matrix": np.eye(3)}, r"must have shape \[2, 2\]"),
        ({"num_actions": np.array([3])}, r"num_actions must have shape \[2\]"),
        ({"reward_delay": np.array([-1, 0])}, "agent 'agent_0': reward_delay must be a whole number, at least 0"),
        ({"reward_delay": np.array([8, 0])}, "too short"),
        (
            {"observation_scale": np.array([1.0, -1.0])},
            "agent 'agent_1': observation_scale must be positive",
        ),
        ({"agents": ("a", "a")}, "two agents of the name 'a'"),
        ({"agents": (1, "1")}, "two agents of the name '1'"),
        ({"agents": ()}, "agents is empty"),
        ({"agents": "ab"}, "must be a list of names"),
        ({"num_actions": np.array([3, 0])}, "agent 'agent_1': num_actions must be a whole number, at least 1"),
        ({"num_actions": np.array([2.5, 3])}, "agent 'agent_0': num_actions must be a whole number"),
        ({"reward_delay": {"agent_0": 1}}, "reward_delay has nothing for agent 'agent_1'"),
        ({"reward_delay": np.array([0.5, 1])}, "agent 'agent_0': reward_delay must be a whole number"),
        ({"observation_scale": np.array([1.0, np.nan])}, "agent 'agent_1': observation_scale must be positive"),
        ({"observation_scale": ["1", "2"]}, "observation_scale must hold numbers"),
        ({"horizon": 9.0}, "horizon must be a whole number"),
        ({"horizon": True}, "horizon must be a whole number"),
        ({"warmup": -1}, "warmup must be a whole number, at least 0"),
        ({"adjustments": np.zeros((2, 7))}, r"adjustments must have shape \[2, 3\]"),
    ],
)
def test_a_wrong_fact_is_named(change, message):
    env = IdentityGame(2)
    vars(env).update(change)
    with pytest.raises(DoorError, match=message):
        describe(env)


def test_facts_by_agent_are_put_in_order():
    env = IdentityGame(2)
    env.reward_delay = {"agent_1": 2, "agent_0": np.int64(1)}
    env.observation_scale = {"agent_1": 5, "agent_0": 0}  # nothing to scale by
    env.adjustments = {"agent_1": [4, 5, 6], "agent_0": [1, 2, 3]}
    spec = describe(env)
    assert spec.reward_delay.tolist() == [1, 2]
    assert spec.observation_scale.tolist() == [1, 5]
    assert spec.adjustments.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_shop_without_demand_can_be_trained_on():
    """Its scale is 1, as everywhere else."""
    env = make_env("scenv:vector_env", {"scenario": "bg", "demand": {"kind": "poisson", "mean": 0}}, 2, seed=0)
    assert describe(env).observation_scale.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "arguments",
    [
        {"scenario": "bg"},
        {"scenario": "r2"},
        {"scenario": "bg", "reward": "cost", "warmup": 3, "history": 2},
        {"scenario": "r1", "horizon": 30, "shipment_lead_time": 3, "demand": {"kind": "poisson", "mean": 3}},
    ],
)
def test_both_doors_of_scenv_are_the_same_task(arguments):
    """Every fact, one that is added tomorrow too."""
    batched = describe(make_env("scenv:vector_env", arguments, 2, seed=0))
    copies = describe(make_env("scenv:parallel_env", arguments, 2, seed=0))
    for field in dataclasses.fields(EnvSpec):
        one, two = getattr(batched, field.name), getattr(copies, field.name)
        assert type(one) is type(two), field.name
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype, field.name
        np.testing.assert_array_equal(one, two, err_msg=field.name)
