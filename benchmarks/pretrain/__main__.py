"""Train the policy that `scenv` ships as `pretrained`.

    python -m benchmarks.pretrain --out FOLDER

One core; a step is one episode of a few random networks. The learning rate stays as it is until, over the last part of
the steps, it falls to 0. The run is saved every 50 steps in FOLDER and goes on from there when started again; the same
arguments give the same numbers on the same machine. Until the last part begins, --steps does not matter, so a run may
go on with another one.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.pretrain.learning import Worlds, fresh_parameters, play, tamed
from benchmarks.pretrain.worlds import random_scenario
from scenv.evaluation.run import evaluate
from scenv.policies.base_stock import BaseStock
from scenv.scenario.files import load_scenario

#: Watched while training, never trained on.
WATCHED = ("bg", "r1", "r2", "r3")
#: The last part of the steps.
_LAST = 0.3
#: A gradient so many times as large as usual is one of a network whose orders swing ever higher: it says nothing.
_WILD = 10.0


class Run:
    """A training run and what it needs to go on: parameters, their running mean, Adam, the step, a usual gradient."""

    def __init__(self, args: Any) -> None:
        self.args, self.step, self.norm = args, 0, math.inf
        self.parameters = fresh_parameters(args.seed, args.width, args.hidden)
        self.optimiser = torch.optim.Adam(self.parameters.values(), lr=args.lr)
        self.mean = {name: tensor.detach().clone() for name, tensor in self.parameters.items()}

    def load(self, path: Path) -> None:
        """Go on from `save`."""
        saved = torch.load(path, weights_only=True)
        self.step, self.norm = saved["step"], saved["norm"]
        with torch.no_grad():
            for name, tensor in self.parameters.items():
                tensor.copy_(saved["parameters"][name])
        self.mean = saved["mean"]
        self.optimiser.load_state_dict(saved["optimiser"])

    def save(self, path: Path) -> None:
        """Everything, in one file, which is there whole or not at all."""
        whole = {"step": self.step, "norm": self.norm, "parameters": dict(self.parameters), "mean": self.mean}
        torch.save({**whole, "optimiser": self.optimiser.state_dict()}, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def improve(self) -> tuple[float, float]:
        """One step; the mean logarithm of the networks' costs, and the gradient's norm."""
        args = self.args
        left = (args.steps - self.step) / args.steps
        for group in self.optimiser.param_groups:
            group["lr"] = args.lr * min(1.0, (self.step + 1) / 50, left / _LAST)
        rng = np.random.default_rng([args.seed, self.step])
        worlds = Worlds.of([random_scenario(rng) for _ in range(args.networks)])
        rows = args.rows if left > _LAST else 2 * args.rows
        costs, gradients = play(self.parameters, worlds, rows, int(rng.integers(2**31)), learn=True)
        self.optimiser.zero_grad()
        gradients = tamed(gradients, worlds.member)
        torch.autograd.backward([z for z, _ in gradients], [by for _, by in gradients])
        norm = float(torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), args.clip))
        if not math.isfinite(norm):
            raise SystemExit(f"step {self.step}: the gradient is {norm}")
        self.norm = norm if self.step < 20 else min(self.norm * 1.005, 0.98 * self.norm + 0.02 * norm)
        if norm < _WILD * self.norm:
            self.optimiser.step()
        self.step += 1
        keep = min(0.995, self.step / (self.step + 10))
        with torch.no_grad():
            for name, tensor in self.parameters.items():
                self.mean[name].lerp_(tensor, 1 - keep)
        return float(np.log(costs).mean()), norm


def watched() -> dict[str, tuple[Worlds, float]]:
    """The watched networks with base-stock's cost."""
    found = {}
    for name in WATCHED:
        scenario = load_scenario(name)
        found[name] = Worlds.of([scenario]), evaluate(BaseStock(scenario), scenario, episodes=32, seed=11).mean
    return found


def ratios(parameters: dict[str, Tensor], watched: dict[str, tuple[Worlds, float]]) -> dict[str, float]:
    """What the policy pays of base-stock's cost."""
    return {
        name: round(float(play(parameters, worlds, 32, 11, learn=False)[0].sum()) / cost, 4)
        for name, (worlds, cost) in watched.items()
    }


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--steps", default=6000, type=int)
    parser.add_argument("--networks", default=12, type=int, help="side by side in a step")
    parser.add_argument("--rows", default=4, type=int, help="paths of each, in the last part twice as many")
    parser.add_argument("--lr", default=1.5e-3, type=float)
    parser.add_argument("--clip", default=1.0, type=float)
    parser.add_argument("--width", default=48, type=int)
    parser.add_argument("--hidden", default=64, type=int)
    parser.add_argument("--seed", default=0, type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    run, kept, tests = Run(args), args.out / "run.pt", watched()
    if kept.exists():
        run.load(kept)
    began, logs = time.monotonic(), []
    with (args.out / "log.jsonl").open("a") as log:
        while run.step < args.steps:
            logs.append(run.improve())
            if run.step % 50 == 0 or run.step == args.steps:
                run.save(kept)
                if run.step % 500 == 0:
                    run.save(args.out / f"step_{run.step}.pt")
                cost, norm = np.mean(logs, axis=0)
                entry = {"step": run.step, "seconds": round(time.monotonic() - began), "cost": cost, "norm": norm}
                log.write(json.dumps(entry | ratios(run.mean, tests)) + "\n")
                log.flush()
                logs.clear()


if __name__ == "__main__":
    main()
