"""How speed is measured here: whole episodes, resets apart from steps, medians of several repeats on one thread.

One repeat plays as many episodes as fit into a given time. Steps and resets are timed separately, by the wall clock and
by the CPU clock of this process: on a machine that others use too, CPU seconds tell what the code costs, wall seconds
what the user waits. Actions are drawn before the clock starts, and every returned array is dropped at once, as by a
learner that copies what it wants.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import scenv


@dataclass(frozen=True)
class Speed:
    """Environment steps per second, B environments counting B per call; medians over repeats.

    Attributes:
        steps: per wall second, resets left out.
        steps_per_cpu_second: the same by the CPU clock.
        best: the fastest repeat, per wall second.
        steps_with_resets: per wall second, resets (with the demand drawn in them) included.
        reset_ms: wall milliseconds of one reset of all B environments.
    """

    steps: float
    steps_per_cpu_second: float
    best: float
    steps_with_resets: float
    reset_ms: float

    def rounded(self) -> dict[str, float]:
        """For JSON."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


def episode_speed(
    reset: Callable[[], object], play: Callable[[], object], steps: int, *, seconds: float = 0.4, repeats: int = 7
) -> Speed:
    """Time `reset()` and `play()`, which lives through one episode of `steps` environment steps."""
    reset()
    play()
    samples = []
    for _ in range(repeats):
        episodes, in_steps, in_resets, cpu = 0, 0.0, 0.0, 0.0
        while in_steps + in_resets < seconds:
            start = time.perf_counter()
            reset()
            ready, cpu_ready = time.perf_counter(), time.process_time()
            play()
            done, cpu_done = time.perf_counter(), time.process_time()
            episodes += 1
            in_resets += ready - start
            in_steps += done - ready
            cpu += cpu_done - cpu_ready
        total = episodes * steps
        samples.append((total / in_steps, total / cpu, total / (in_steps + in_resets), 1e3 * in_resets / episodes))
    wall, per_cpu, with_resets, reset_ms = (statistics.median(column) for column in zip(*samples, strict=True))
    return Speed(wall, per_cpu, max(sample[0] for sample in samples), with_resets, reset_ms)


def batched_speed(
    scenario: scenv.Scenario,
    num_envs: int,
    *,
    backend: str = "numpy",
    device: str | None = None,
    seconds: float = 0.4,
    repeats: int = 7,
) -> Speed:
    """`scenv.vector_env` with random actions: observations, rewards and costs of every step included."""
    env = scenv.VectorEnv(scenario, num_envs, backend=backend, device=device, seed=0)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    actions: list[Any] = [rng.integers(0, env.num_actions, size=(num_envs, len(env.agents))) for _ in range(8)]
    synchronise: Callable[[], None] = lambda: None  # noqa: E731
    if backend == "torch":
        import torch

        actions = [torch.as_tensor(block, device=device) for block in actions]
        if device == "cuda":
            synchronise = torch.cuda.synchronize

    def play() -> None:
        for step in range(env.horizon - 1):
            env.step(actions[step % len(actions)])
        synchronise()

    return episode_speed(env.reset, play, num_envs * (env.horizon - 1), seconds=seconds, repeats=repeats)


def pettingzoo_speed(scenario: scenv.Scenario, *, seconds: float = 0.4, repeats: int = 7) -> Speed:
    """`scenv.parallel_env` with random actions, one dictionary in, five out."""
    env = scenv.SupplyChainEnv(scenario)
    rng = np.random.default_rng(0)
    actions = [
        dict(
            zip(
                env.possible_agents,
                rng.integers(0, len(env.adjustments), len(env.possible_agents)).tolist(),
                strict=True,
            )
        )
        for _ in range(scenario.horizon - 1)
    ]

    def play() -> None:
        for row in actions:
            env.step(row)

    env.reset(seed=0)
    return episode_speed(env.reset, play, len(actions), seconds=seconds, repeats=repeats)


def load_average() -> float | None:
    """Processes that wanted a core in the last minute: above 1 on a machine that is measuring, others are at work."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
