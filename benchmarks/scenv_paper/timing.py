"""Figure 7: training time per episode of the three methods by number of nodes, in one run on one machine.

The methods take turns on each network, round after round, so that what slows the machine slows all. A turn is one
rollout (32 episodes) with its 32 updates, after the replay holds enough; evaluation is left out. The clock is the CPU
time of this process with one thread, which other processes disturb less than wall time. Each method computes as it
does in training: PMaRL and FV over the graph's edges where that is faster than over all pairs with a mask.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from pmarl_trainer.config.env_section import EnvConfig
from pmarl_trainer.config.methods import METHODS
from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.training.setup import open_env
from scenv_paper.design import NETWORKS
from scenv_paper.provenance import provenance


def _turns(network: str, method: str) -> tuple[int, Callable[[], float]]:
    """(number of agents, a function that does one turn and returns CPU seconds per episode)."""
    env_config = EnvConfig.model_validate({"entry": "scenv:vector_env", "scenario": network})
    cfg = TrainConfig(method=method, threads=1)
    env, spec = open_env(RunConfig(env=env_config, train=cfg), cfg.num_envs, cfg.seed)
    device, rng = torch.device("cpu"), torch.Generator().manual_seed(0)
    learner, replay = Learner(spec, cfg, device), Replay(spec, cfg.memory_size, cfg.num_envs, device)
    delay, act = torch.as_tensor(spec.reward_delay), partial(learner.act, generator=rng)

    def turn() -> float:
        began = time.process_time()
        episodes = align(collect(env, spec, act, int(torch.randint(2**31, (1,), generator=rng)), device), delay)
        learner.observe(episodes)
        replay.add(episodes)
        for _ in range(cfg.updates_per_rollout):
            learner.update(replay.sample(cfg.batch_size, rng), rng)
        return (time.process_time() - began) / cfg.num_envs

    return len(spec.agents), turn


def measure(repeats: int = 7, networks: tuple[str, ...] = NETWORKS) -> dict[str, Any]:
    """The raw file: rows of network, nodes, method and seconds per episode, one number a repeat."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    try:
        for network in networks:
            turns = {method: _turns(network, method) for method in METHODS}
            for _, turn in turns.values():  # the first one fills caches and the replay
                turn()
            seconds: dict[str, list[float]] = {method: [] for method in turns}
            for _ in range(repeats):
                for method, (_, turn) in turns.items():
                    seconds[method].append(round(turn(), 6))
            rows += [
                {"network": network, "nodes": nodes, "method": method, "seconds_per_episode": seconds[method]}
                for method, (nodes, _) in turns.items()
            ]
    finally:
        torch.set_num_threads(threads)
    clock = "CPU time of the process, one thread"
    return {"rows": rows, "clock": clock, "provenance": provenance(("numpy", "torch", "scenv"))}
