"""Copies of environments, deep and pickled, in the middle of an episode: tree search plays on from where it stands."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from pettingzoo.utils import parallel_to_aec

import scenv
from scenv.envs.wrappers import NormalisedObservations, PerPeriodObservations, UniformSpaces

torch = pytest.importorskip("torch")

WAYS: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
}
EVERYTHING: dict[str, Any] = {
    "shipment_lead_time": {"values": [1, 3], "probabilities": [0.5, 0.5]},
    "capacity": 60.0,
    "lost_sales": True,
    "allocation": "priority",
    "reward_scope": "neighbours",
    "disruptions": [
        {"kind": "closure", "probability": 0.1},
        {"kind": "delay", "probability": 0.1, "extra": 2, "duration": {"values": [1, 4]}},
    ],
}


def flat(value: Any) -> list[np.ndarray]:
    """All numbers of what a call returned, in a fixed order."""
    if isinstance(value, dict):
        return [array for key in sorted(value, key=str) for array in flat(value[key])]
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in flat(part)]
    return [np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)]


def parallel(env: Any, rng: np.random.Generator) -> Any:
    return env.step({name: int(rng.integers(env.action_space(name).n)) for name in env.agents})


def turns(env: Any, rng: np.random.Generator) -> Any:
    name = env.agent_selection
    env.step(int(rng.integers(env.action_space(name).n)))
    return env.last()


def batch(env: Any, rng: np.random.Generator) -> Any:
    actions = rng.integers(env.num_actions, size=(env.num_envs, len(env.agents)))
    return env.step(torch.as_tensor(actions) if env.differentiable else actions)


def gym(env: Any, rng: np.random.Generator) -> Any:
    space = getattr(env, "single_action_space", env.action_space)
    rows = (env.num_envs,) if hasattr(env, "num_envs") else ()
    return env.step(
        rng.integers(space.nvec, size=(*rows, *space.shape))
        if space.shape
        else rng.integers(space.n, size=rows or None)
    )


def alone(env: Any, rng: np.random.Generator) -> Any:
    env.send(action=rng.integers(env.num_actions, size=env.num_envs))
    likes = env.local_state.demand if not env.differentiable else env.local_state.demand.detach()
    seen = env.receive({name: likes for name in env.customers}, {name: likes + 1.0 for name in env.suppliers})
    return seen, env.cost, env.reward


KINDS: dict[str, tuple[Callable[[], Any], Callable[..., Any]]] = {
    "parallel": (lambda: scenv.parallel_env("r1"), parallel),
    "parallel with everything": (lambda: scenv.parallel_env("bg", **EVERYTHING), parallel),
    "parallel watched": (lambda: scenv.parallel_env("bg", render_mode="ansi"), parallel),
    "parallel, the paper's reward": (
        lambda: scenv.parallel_env("bg", reward_window_end="after_action", shipment_lead_time={"whole_0 -> ret_0": 3}),
        parallel,
    ),
    "wrapped": (
        lambda: UniformSpaces(PerPeriodObservations(NormalisedObservations(scenv.parallel_env("r1"))), identity=True),
        parallel,
    ),
    "turns": (lambda: scenv.env("bg"), turns),
    "raw turns": (lambda: scenv.raw_env("bg"), turns),
    "wrapped turns": (lambda: parallel_to_aec(NormalisedObservations(scenv.parallel_env("bg"))), turns),
    "vector": (lambda: scenv.vector_env("r2", 3, seed=1), batch),
    "vector in blocks": (lambda: scenv.vector_env("r2", 800, seed=1, horizon=20), batch),
    "vector with everything": (lambda: scenv.vector_env("bg", 3, seed=1, **EVERYTHING), batch),
    "torch": (lambda: scenv.vector_env("bg", 3, seed=1, backend="torch"), batch),
    "torch with everything": (lambda: scenv.vector_env("bg", 3, seed=1, backend="torch", **EVERYTHING), batch),
    "one firm by itself": (lambda: scenv.firm_env("bg", "whole_0", num_envs=3, seed=1), alone),
    "one source by itself, torch": (lambda: scenv.firm_env("bg", "sup_0", num_envs=2, backend="torch"), alone),
    "one firm": (lambda: scenv.single_firm_env("bg", "whole_0", others="sterman"), gym),
    "one firm among random others": (lambda: scenv.single_firm_env("bg", others="random"), gym),
    "planner": (lambda: scenv.centralised_env("r1", normalise=True), gym),
    "registered": (lambda: gymnasium.make("scenv/SingleFirm-v0", disable_env_checker=True), gym),
    "one firm, many rows": (lambda: scenv.single_firm_vector_env("bg", num_envs=3, others="random"), gym),
    "all firms, many rows": (lambda: scenv.multi_agent_vector_env("r1", 3), gym),
    "planner, many rows": (lambda: scenv.centralised_vector_env("r1", 3, autoreset_mode="SameStep"), gym),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_on_exactly_as_the_original(kind: str, way: str) -> None:
    make, step = KINDS[kind]
    env = make()
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(9):
        step(env, rng)
    twin = WAYS[way](env)
    before = flat(step(WAYS[way](twin), np.random.default_rng(1)))
    played = [[step(one, own) for _ in range(6)] for one, own in ((twin, rng_of(1)), (env, rng_of(1)))]
    assert all(np.array_equal(a, b) for a, b in zip(*map(flat, played), strict=True))
    # The copy of the copy went its own way without a trace in either, and the next episode is the same too.
    assert all(np.array_equal(a, b) for a, b in zip(before, flat(played[0][0]), strict=True))
    again = [flat(one.reset()) for one in (twin, env)]
    assert all(np.array_equal(a, b) for a, b in zip(*again, strict=True))


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["parallel", "vector", "torch", "one firm", "planner, many rows"])
def test_a_copy_of_a_new_environment_is_as_good_as_new(kind: str, way: str) -> None:
    make, step = KINDS[kind]
    twin, env = WAYS[way](make()), make()
    first = [flat(one.reset(seed=5)) + flat(step(one, rng_of(0))) for one in (twin, env)]
    assert all(np.array_equal(a, b) for a, b in zip(*first, strict=True))


def test_playing_on_a_copy_leaves_the_original_where_it_was() -> None:
    env, untouched = scenv.parallel_env("r2"), scenv.parallel_env("r2")
    for one in (env, untouched):
        one.reset(seed=0)
    rng, same = rng_of(0), rng_of(0)
    for _ in range(20):
        twin = copy.deepcopy(env)
        for _ in range(3):
            parallel(twin, rng_of(7))
        one, other = flat(parallel(env, rng)), flat(parallel(untouched, same))
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_infos_of_a_copy_belong_to_whoever_has_it() -> None:
    env = scenv.vector_env("bg", 2, seed=0)
    env.reset()
    env.step(np.full((2, 4), 8))
    twin = copy.deepcopy(env)
    expected = np.array(env.last_info["cost"])
    twin.last_info["cost"] *= 0.0
    np.testing.assert_array_equal(env.last_info["cost"], expected)
    assert twin.scenario is env.scenario
    assert twin.structure is env.structure
    assert next(iter(twin.baselines)) == "base-stock"


def test_a_deep_copy_keeps_the_gradient_of_what_has_happened() -> None:
    env = scenv.vector_env("bg", 2, seed=0, backend="torch")
    env.reset()
    orders = torch.full((2, 4), 30.0, dtype=torch.float64, requires_grad=True)
    for _ in range(4):
        env.step_orders(orders)
    gradients = []
    for one in (copy.deepcopy(env), env):
        for _ in range(8):
            _, reward, _, _, info = one.step_orders(orders)
        (gradient,) = torch.autograd.grad(info["cost"].sum() + reward.sum(), orders, retain_graph=True)
        gradients.append(gradient)
    assert torch.equal(*gradients)
    assert gradients[0].abs().min() > 0


def test_a_pickled_copy_goes_on_with_the_same_numbers_where_there_is_a_gradient() -> None:
    env = scenv.vector_env("bg", 2, seed=0, backend="torch")
    env.reset()
    orders = torch.full((2, 4), 30.0, dtype=torch.float64, requires_grad=True)
    for _ in range(10):
        env.step_orders(orders)
    twin = pickle.loads(pickle.dumps(env))
    for one, other in zip(env.step_orders(orders)[:2], twin.step_orders(orders)[:2], strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("seed", [-1, 1.0, "3", True, [1, 2], np.float64(2), (0.5,), [None]])
@pytest.mark.parametrize("kind", ["parallel", "vector", "torch", "one firm", "planner, many rows"])
def test_what_is_no_seed_is_refused_in_one_line(kind: str, seed: Any) -> None:
    with pytest.raises(ValueError, match="seed must be ") as caught:
        KINDS[kind][0]().reset(seed=seed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 1.0, "3", True, [1, 2, True], [1, 2]])
def test_a_vector_environment_checks_its_seed_when_made(seed: Any) -> None:
    with pytest.raises(scenv.ScenvError, match="seed must be "):
        scenv.vector_env("bg", 3, seed=seed)


def test_numpys_whole_numbers_are_as_good_as_pythons() -> None:
    assert scenv.parallel_env("bg", max_cycles=np.int64(7)).horizon == 8
    assert scenv.vector_env("bg", np.int32(2), seed=np.int64(3)).num_envs == 2
    assert scenv.vector_env("bg", 2, seed=np.array([3, 4])).reset().shape[0] == 2
    assert scenv.vector_env("bg", 2, seed=range(2)).reset().shape[0] == 2
    one, other = (scenv.parallel_env("bg").reset(seed=seed)[0]["ret_0"] for seed in (np.uint8(3), 3))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("num_envs", [0, -1, 2.5, 2.0, True, "2", None])
def test_the_number_of_rows_is_checked(num_envs: Any) -> None:
    for make in (scenv.vector_env, scenv.single_firm_vector_env, scenv.centralised_vector_env):
        with pytest.raises(scenv.ScenvError, match="num_envs must be a whole number of at least 1"):
            make("bg", num_envs=num_envs)
