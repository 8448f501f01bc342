"""The whole training loop on one device: environment steps and updates per second, and the update against its floor.

    python -m benchmarks.loop_speed                       a CUDA device where there is one, else one CPU thread
    python -m benchmarks.loop_speed --device cpu --backend torch

writes results/loop_speed.json and .md. A turn is what training does in a rollout: every one of `--num-envs` rows plays
an episode on r3 with the present policies, the episodes go into the replay, 32 updates follow (PMaRL, the trainer's
defaults). On a CUDA device the environment is there too (`backend="torch"`), so nothing goes through the host but the
clock; on a CPU it is numpy's. Medians of `--rounds` turns after one that warms up; wall time on CUDA, CPU time of the
process with one thread on a CPU. The floor is the update's matrix products alone (`benchmarks.update_speed`), which
is the roofline that the device really reaches for these shapes; the share is what the update gets of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.update_speed import Products, make_clock, timed
from pmarl_trainer.config.env_section import EnvConfig
from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.training.setup import open_env
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"


def measure(device: torch.device, backend: str, num_envs: int, rounds: int, network: str = "r3") -> dict[str, float]:
    """Steps and updates per second, and the update's share of its floor."""
    arguments = {"scenario": network, "backend": backend}
    if backend == "torch":
        arguments["device"] = str(device)
    cfg = TrainConfig(num_envs=num_envs)
    env_config = EnvConfig.model_validate({"entry": "scenv:vector_env", **arguments})
    env, spec = open_env(RunConfig(env=env_config, train=cfg), num_envs, cfg.seed)
    learner, replay = Learner(spec, cfg, device), Replay(spec, cfg.memory_size, num_envs, device)
    rng, delay = torch.Generator(device).manual_seed(0), torch.as_tensor(spec.reward_delay, device=device)
    _, clock = make_clock(device, torch.get_num_threads())
    playing, updating = [], []
    for round_ in range(rounds + 1):

        def play(seed: int = round_) -> None:
            episodes = align(collect(env, spec, partial(learner.act, generator=rng), seed, device), delay)
            learner.observe(episodes)
            replay.add(episodes)

        def update() -> None:
            for _ in range(cfg.updates_per_rollout):
                learner.update(replay.sample(cfg.batch_size, rng), rng)

        spent = timed(play, clock), timed(update, clock)
        if round_ > 0:
            playing.append(spent[0])
            updating.append(spent[1] / cfg.updates_per_rollout)
    products = Products()
    with products:
        learner.update(replay.sample(cfg.batch_size, rng), rng)
    one = statistics.median(updating)
    return {
        "env_steps_per_second": num_envs * spec.max_steps / statistics.median(playing),
        "updates_per_second": 1 / one,
        "share_of_the_turn_that_is_updates": one * cfg.updates_per_rollout
        / (one * cfg.updates_per_rollout + statistics.median(playing)),
        "share_of_the_floor": products.seconds_alone(device, clock) / one,
    }  # fmt: skip


def report(document: dict[str, Any]) -> str:
    """The table as markdown."""
    facts = document["provenance"]
    lines = ["# The whole loop on one device", "", f"`{facts['command']}`", ""]
    lines += [", ".join(f"{key} {value}" for key, value in facts.items() if key != "command") + ".", ""]
    lines += ["| device | environment | rows | env steps/s | updates/s | updates' share of the time | floor ÷ update |"]
    lines += ["|---|---|---:|---:|---:|---:|---:|"]
    for row in document["rows"]:
        lines.append(
            f"| {row['device']} | {row['backend']} | {row['num_envs']} | {row['env_steps_per_second']:,.0f} "
            f"| {row['updates_per_second']:.1f} | {row['share_of_the_turn_that_is_updates']:.0%} "
            f"| {row['share_of_the_floor']:.2f} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, then write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--backend", choices=("numpy", "torch"), help="of the environment (default: torch on CUDA)")
    parser.add_argument("--num-envs", type=lambda text: [int(word) for word in text.split(",")], default=[32, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    device = torch.device(args.device)
    if device.type == "cpu":
        torch.set_num_threads(1)
    backend = args.backend or ("torch" if device.type == "cuda" else "numpy")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    rows = []
    for num_envs in args.num_envs:
        found = measure(device, backend, num_envs, args.rounds)
        rows.append({"device": name, "backend": backend, "num_envs": num_envs, **found})
        print(rows[-1], flush=True)
    document = {"provenance": provenance(("torch", "numpy", "scenv")), "rows": rows}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "loop_speed.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "loop_speed.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
