"""The benchmarks measure what they say: every part is found, nothing stays patched, slower runs are named."""

from __future__ import annotations

import numpy as np
import pytest

import scenv
from benchmarks.env_parts import PARTS, bytes_per_step, time_by_part
from benchmarks.small import compare
from benchmarks.timing import batched_speed, pettingzoo_speed


def test_every_part_of_a_step_is_timed_and_the_clocks_are_taken_off() -> None:
    before = {part: [getattr(owner, name) for owner, name in places] for part, places in PARTS.items()}
    parts = time_by_part(scenv.load_scenario("bg"), num_envs=3, repeats=1)
    assert set(parts) == {*PARTS, "the rest"}
    assert all(microseconds > 0 for microseconds in parts.values())
    assert before == {part: [getattr(owner, name) for owner, name in places] for part, places in PARTS.items()}


def test_bytes_of_a_step_counted_by_hand() -> None:
    """bg: 4 firms, 1 supply link, 3 edges, 1 retailer; order lead time 1, shipment lead time 2."""
    state = (
        4 + 4 + 4 + (3 + 1) + 2 * (1 + 3)
    )  # stock, on order, owed; backorders; two slots of shipments, none of orders
    given = 1 + 4
    rewarded = 4 * 2
    observed = 4 * (5 + 2 * 30)
    assert bytes_per_step(scenv.load_scenario("bg")) == 8 * (2 * state + given + rewarded) + 4 * observed


def test_speeds_are_positive_and_consistent() -> None:
    scenario = scenv.load_scenario("bg", horizon=6, warmup=0)
    for speed in (
        batched_speed(scenario, 5, seconds=0.01, repeats=2),
        pettingzoo_speed(scenario, seconds=0.01, repeats=2),
    ):
        assert 0 < speed.steps_with_resets < speed.best
        assert np.isfinite(list(speed.rounded().values())).all()


@pytest.mark.parametrize(("now", "warnings"), [(1.0, 0), (0.71, 0), (0.69, 1)])
def test_a_run_well_below_the_record_is_named(now: float, warnings: int) -> None:
    record = {"bg": {"ratio batched / numpy": 1.0, "batched steps per CPU s": 1e9}}
    lines = compare({"bg": {"ratio batched / numpy": now, "batched steps per CPU s": 1.0}}, record)
    assert len(lines) == warnings
    assert all("bg: ratio batched / numpy" in line for line in lines)
