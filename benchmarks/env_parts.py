"""Where the time of a batched step goes, and how near it comes to the speed of the memory.

*Parts.* The functions that a step calls are wrapped in clocks while whole episodes run, so each part is timed where it
works, with the caches as they then are; a part's own parts are taken out of it. It is CPU time, so that other processes
do not count. The clocks themselves cost about half a microsecond a call, some ten calls per block of rows: two or three
percent.

*Floor.* A step cannot move fewer bytes than these: it reads and writes the state once (stock, on order, owed per firm;
backorders and pipelines per link), reads the external demand and the actions, writes the new period into the history,
copies the observations (read and written), and writes rewards and costs. These
bytes over the measured bandwidth of a plain copy (bytes read + bytes written per second) are the floor. It is given for
copies that stay in the second-level cache, where the simulation works block by block, and for copies from and to main
memory.

*Memory per copy.* What the environment holds between two steps (tracemalloc, which numpy reports to), for 2,048
environments less that for 1,024, divided by 1,024. Arrays that it hands out are the caller's.
"""

from __future__ import annotations

import contextlib
import statistics
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import scenv
import scenv.simulation.dynamics
import scenv.simulation.row_block
from scenv.simulation.observation import LOCAL_STATE_SIZE, SlidingHistory
from scenv.simulation.random_streams import RandomStreams
from scenv.simulation.reward import WindowedReward
from scenv.simulation.row_block import NumpyOutput, RowBlock

#: part -> (owner, attribute) of the functions that do it; the order of the table.
PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "demand (at reset)": ((RandomStreams, "demand"),),
    "check and translate actions": ((scenv.VectorEnv, "_checked_actions"), (RowBlock, "adjusted_orders")),
    "place orders": ((scenv.simulation.dynamics, "place_orders"),),
    "serve": ((scenv.simulation.dynamics, "serve"),),
    "cost": ((scenv.simulation.dynamics, "period_cost"),),
    "receive, take orders, send": ((scenv.simulation.dynamics, "advance"),),
    "history": ((SlidingHistory, "append"),),
    "reward": ((WindowedReward, "step"),),
    "copy out": ((NumpyOutput, "take"),),
}


class Clocks:
    """Seconds per part, each without the parts within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within: list[float] = [0.0]

    def wrap(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._within.append(0.0)
            start = time.process_time()
            result = function(*args, **kwargs)
            elapsed = time.process_time() - start
            self.seconds[part] += elapsed - self._within.pop()
            self._within[-1] += elapsed
            return result

        return timed


@contextlib.contextmanager
def timed_parts() -> Iterator[Clocks]:
    """Clocks around every part while the context lasts."""
    clocks, originals = Clocks(), []
    for part, places in PARTS.items():
        for owner, name in places:
            originals.append((owner, name, getattr(owner, name)))
            setattr(owner, name, clocks.wrap(part, getattr(owner, name)))
    try:
        yield clocks
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)


def time_by_part(scenario: scenv.Scenario, num_envs: int, repeats: int = 7) -> dict[str, float]:
    """CPU microseconds per call of `step` for all `num_envs` environments, by part; medians over episodes."""
    rng = np.random.default_rng(0)
    samples: dict[str, list[float]] = defaultdict(list)
    with timed_parts() as clocks:
        env = scenv.VectorEnv(scenario, num_envs, seed=0)
        steps = env.horizon - 1
        actions = rng.integers(0, env.num_actions, size=(num_envs, len(env.agents)))
        for repeat in range(repeats + 1):
            env.reset()
            demand = clocks.seconds["demand (at reset)"]
            clocks.seconds.clear()
            start = time.process_time()
            for _ in range(steps):
                env.step(actions)
            total = time.process_time() - start
            if repeat > 0:  # the first one warms up
                seconds = {**clocks.seconds, "the rest": total - sum(clocks.seconds.values())}
                for part, value in {**seconds, "demand (at reset)": demand}.items():
                    samples[part].append(1e6 * value / steps)
            clocks.seconds.clear()
    return {part: statistics.median(samples[part]) for part in (*PARTS, "the rest") if part in samples}


def bytes_per_step(scenario: scenv.Scenario) -> int:
    """Bytes that one step of one environment has to read or write at least (see the module's text)."""
    env = scenv.VectorEnv(scenario, 1, seed=0)
    env.reset()
    state, structure = env.state, env.structure
    firms, double, single = structure.num_firms, 8, 4
    held = [state.on_hand, state.on_order, state.backorder, state.owed, *state.orders, *state.shipments]
    in_state = 2 * double * sum(array.shape[0] for array in held)
    given = double * (structure.num_retailers + firms)
    observed = single * firms * (LOCAL_STATE_SIZE + 2 * env.observation_size)
    rewarded = 2 * double * firms
    return in_state + given + observed + rewarded


def copy_bandwidth(num_bytes: int, seconds: float = 0.3) -> float:
    """Bytes read and written per second by numpy's copy of an array of `num_bytes`; the best of many, as a bound is."""
    source = np.ones(num_bytes // 8)
    target = np.zeros_like(source)
    target += 1.0  # so that its pages exist
    copies = max(1, (1 << 24) // num_bytes)
    best, rounds, end = float("inf"), 0, time.perf_counter() + seconds
    while rounds < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(copies):
            np.copyto(target, source)
        best, rounds = min(best, (time.perf_counter() - start) / copies), rounds + 1
    return 2 * num_bytes / best


def memory_per_copy(scenario: scenv.Scenario) -> float:
    """Bytes that one more environment of a batch holds between two steps."""
    held = []
    for num_envs in (1024, 2048):
        tracemalloc.start()
        env = scenv.VectorEnv(scenario, num_envs, seed=0)
        env.reset()
        for _ in range(12):  # until rewards look back on a full window
            env.step(np.zeros((num_envs, len(env.agents)), dtype=np.int64))
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    return (held[1] - held[0]) / 1024
