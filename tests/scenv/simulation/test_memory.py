"""What cannot fit into memory is refused before anything is allocated."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

import scenv
from scenv.simulation import memory


@pytest.mark.parametrize(
    "make",
    [
        lambda: scenv.vector_env("bg", num_envs=10**18),
        lambda: scenv.vector_env("r2", num_envs=10**8, horizon=100_000),
        lambda: scenv.evaluate("base-stock", "bg", episodes=10**12),
        lambda: scenv.vector_env("bg", num_envs=10**7, history=1000),
        lambda: scenv.vector_env("bg", num_envs=10**7, reward_window=1000, horizon=2000),
        lambda: scenv.vector_env("bg", num_envs=10**9, shipment_lead_time={"values": [1, 900]}),
    ],
)
def test_too_large_a_batch_is_refused_at_once(make: Any) -> None:
    begin = time.perf_counter()
    with pytest.raises(scenv.ScenarioError, match=r"episodes of [\d,]+ periods at once need [\d,]+ GB, this machine"):
        make()
    assert time.perf_counter() - begin < 5


def test_the_limit_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenv.load_scenario("r2")
    monkeypatch.setattr(memory, "memory_of_machine", lambda: memory.memory_of_batch(scenario, 100))
    scenv.vector_env(scenario, num_envs=100)
    with pytest.raises(scenv.ScenarioError, match=r"^101 episodes of 50 periods at once need 0\.0 GB"):
        scenv.vector_env(scenario, num_envs=101)
    monkeypatch.setattr(memory, "memory_of_machine", lambda: None)  # a system that does not say
    scenv.vector_env(scenario, num_envs=101)


def test_this_machine_says_how_much_it_has() -> None:
    there = memory.memory_of_machine()
    assert there is None or 10**8 < there < 10**15


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({"horizon": 500}, 500),
        ({"history": 100}, 200),
        ({"shipment_lead_time": {"values": [1, 9]}, "horizon": 300}, 200),
        ({"disruptions": [{"kind": "closure", "probability": 0.1}], "horizon": 300}, 200),
    ],
)
def test_the_estimate_is_of_the_right_size(fields: dict[str, Any], rows: int) -> None:
    scenario = scenv.load_scenario("r2", **fields)
    scenv.vector_env(scenario, num_envs=1).reset(seed=0)  # tables that are made once
    tracemalloc.start()
    env = scenv.vector_env(scenario, num_envs=rows)
    env.reset(seed=0)
    env.step(np.zeros((rows, len(env.agents)), dtype=np.int64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / 4 < memory.memory_of_batch(scenario, rows) < 3 * peak
