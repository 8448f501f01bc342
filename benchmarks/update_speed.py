"""How fast one update is, against the same update agent by agent, and against its matrix products alone.

    OMP_NUM_THREADS=1 python -m benchmarks.update_speed

writes results/update_speed.json and .md. One update is a step of critics, policies and targets on one drawn batch,
already on the device. The baseline `benchmarks.maac_loop` has the structure of the published MAAC code; a test holds
both to the same parameters after five updates (tests/pmarl_trainer/learners/test_update_oracle.py).

Method. One process, `--threads` threads; all variants take turns, round after round, with the same batch and random
numbers; the first rounds warm up. On the CPU with one thread the clock is the process's CPU time, because others may
use the machine; otherwise wall time. Medians, with the quartiles of the rounds. Ratios are medians of the rounds' own.
The floor is every matrix product of one update (shapes and layouts as they occur), and every convolution that stands
for one, timed alone: no update made of the same products can take less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import scenv
from benchmarks.maac_loop import LoopLearner
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Batch
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.graph import neighbour_mask
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
METHODS = ("maac", "pmarl")
VARIANTS = ("loop", "stacked", "stacked, bf16")


def spec_of(adjacency: np.ndarray, observation_size: int, actions: int) -> EnvSpec:
    """An environment's facts, without an environment."""
    n = len(adjacency)
    return EnvSpec(
        agents=tuple(map(str, range(n))),
        observation_size=observation_size,
        num_actions=np.full(n, actions),
        adjacency=adjacency,
        reward_delay=np.zeros(n, dtype=np.int64),
        observation_scale=np.ones(n, dtype=np.float32),
        max_steps=49,
    )


def random_batch(spec: EnvSpec, batch_size: int, device: torch.device) -> Batch:
    """Transitions of the right shapes and sizes."""
    rng, n, actions = torch.Generator().manual_seed(0), len(spec.agents), int(spec.num_actions.max())
    observations, next_observations = 2 * torch.rand(2, n, batch_size, spec.observation_size, generator=rng)
    return Batch(
        observations=observations.to(device),
        actions=torch.randint(actions, (n, batch_size), generator=rng).to(device),
        rewards=torch.randn(n, batch_size, generator=rng).to(device),
        terminated=torch.zeros(batch_size, device=device),
        next_observations=next_observations.to(device),
    )


class Products(TorchDispatchMode):
    """Records every matrix product inside the context: operands' shapes and strides, type.

    A convolution of width 1 (`pmarl_trainer.networks.shared_product`) is one product, its backward pass two.
    """

    NAMES = ("mm", "addmm", "bmm", "baddbmm", "addmm_", "baddbmm_")
    CONVOLUTIONS = ("convolution", "convolution_backward")

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[tuple[Any, ...]] = Counter()
        self.convolutions: Counter[tuple[Any, ...]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in self.NAMES:
            operands = args[-2:]
            layout = tuple((tuple(x.shape), tuple(x.stride())) for x in operands)
            self.seen[(*layout, operands[0].dtype)] += 1
        elif name in self.CONVOLUTIONS:
            images, weight = args[:2] if name == "convolution" else args[1:3]
            self.convolutions[(name, tuple(images.shape), tuple(weight.shape))] += 1
        return func(*args, **(kwargs or {}))

    def flops(self) -> int:
        """Multiplications and additions of one run."""
        products = sum(2 * count * _volume(a[0]) * b[0][-1] for (a, b, _), count in self.seen.items())
        passes = {"convolution": 1, "convolution_backward": 2}
        return products + sum(
            2 * count * passes[name] * _volume(images) * weight[0]
            for (name, images, weight), count in self.convolutions.items()
        )

    def seconds_alone(self, device: torch.device, clock: Callable[[], float], repeats: int = 9) -> float:
        """What these products take when nothing else is done: the sum of each one's fastest time."""
        total = 0.0
        for (a, b, dtype), count in self.seen.items():
            operands = [torch.rand(1, device=device).to(dtype).new_empty(_span(*x)).uniform_() for x in (a, b)]
            left, right = (x.as_strided(*layout) for x, layout in zip(operands, (a, b), strict=True))
            product = torch.mm if left.dim() == 2 else torch.bmm
            out = product(left, right)

            def once(p: Any = product, x: Any = left, y: Any = right, out: Any = out) -> None:
                p(x, y, out=out)

            total += count * min(timed(once, clock) for _ in range(repeats))
        for (name, images, weight), count in self.convolutions.items():
            x = torch.rand(images, device=device).to(memory_format=torch.channels_last).requires_grad_()
            w = torch.rand(weight, device=device).requires_grad_()
            y = torch.conv2d(x, w)
            gradient = torch.rand_like(y)

            def once(name: str = name, x: Any = x, w: Any = w, y: Any = y, gradient: Any = gradient) -> None:
                if name == "convolution":
                    torch.conv2d(x.detach(), w.detach())
                else:
                    torch.autograd.grad(y, (x, w), gradient, retain_graph=True)

            total += count * min(timed(once, clock) for _ in range(repeats))
        return total


def _volume(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def _span(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))


def timed(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Seconds of one call."""
    began = clock()
    work()
    return clock() - began


def make_clock(device: torch.device, threads: int) -> tuple[str, Callable[[], float]]:
    """The clock that other processes disturb least, and its name."""
    if device.type == "cuda":

        def synchronised() -> float:
            torch.cuda.synchronize(device)
            return time.perf_counter()

        return "wall time", synchronised
    return ("CPU time", time.process_time) if threads == 1 else ("wall time", time.perf_counter)


def variants_of(spec: EnvSpec, method: str, args: Any, device: torch.device) -> dict[str, Any]:
    """Name -> something with `update(batch, generator)`, all with the same initial parameters."""
    settings = {"method": method, "hidden_size": args.hidden, "attention_heads": args.heads}
    learners = {p: Learner(spec, TrainConfig(**settings, precision=p), device) for p in ("float32", "bf16")}
    neighbours = [
        np.flatnonzero(row).tolist() for row in neighbour_mask(spec.adjacency, learners["float32"].config.row.attention)
    ]
    made = (LoopLearner(learners["float32"], neighbours), learners["float32"], learners["bf16"])
    return dict(zip(VARIANTS, made, strict=True))


def measure(spec: EnvSpec, method: str, args: Any, device: torch.device) -> dict[str, Any]:
    """One method: seconds of every variant by round, FLOPs, floor."""
    clock_name, clock = make_clock(device, args.threads)
    variants, batch = variants_of(spec, method, args, device), random_batch(spec, args.batch, device)
    rng = torch.Generator(device)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in range(args.warmup + args.rounds):
        for name, learner in variants.items():
            rng.manual_seed(round_)
            spent = timed(lambda learner=learner: learner.update(batch, rng), clock)
            if round_ >= args.warmup:
                seconds[name].append(spent)
    entry: dict[str, Any] = {"method": method, "clock": clock_name, "variants": {}}
    for name, learner in variants.items():
        row = {"seconds": statistics.median(seconds[name]), "quartiles": statistics.quantiles(seconds[name], n=4)[::2]}
        ratios = [loop / own for loop, own in zip(seconds["loop"], seconds[name], strict=True)]
        row["times_faster_than_loop"] = statistics.median(ratios)
        products = Products()
        with products:
            learner.update(batch, rng)
        row["gigaflops"] = products.flops() / 1e9
        row["floor_seconds"] = products.seconds_alone(device, clock)
        entry["variants"][name] = row
        print(method, name, {key: np.round(value, 4).tolist() for key, value in row.items()}, flush=True)
    return entry


def report(document: dict[str, Any]) -> str:
    """The table as markdown."""
    sizes, facts = document["sizes"], document["provenance"]
    lines = [
        "# One update",
        "",
        f"`{facts['command']}`",
        "",
        ", ".join(f"{key} {value}" for key, value in facts.items() if key != "command") + ".",
        "",
        "Critics, policies and targets of {agents} agents ({network}), batch {batch}, hidden {hidden}, {heads} heads, "
        "{observation} observations, {actions} actions, {threads} thread(s), {device}.".format(**sizes),
        "",
        "| method | update | median s | quartiles | faster than the loop | GFLOP | products alone, s | of that |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for entry in document["table"]:
        for name, row in entry["variants"].items():
            low, high = row["quartiles"]
            lines.append(
                f"| {entry['method']} | {name} | {row['seconds']:.3f} | {low:.3f}–{high:.3f} "
                f"| {row['times_faster_than_loop']:.2f} × | {row['gigaflops']:.1f} "
                f"| {row['floor_seconds']:.3f} | {row['seconds'] / row['floor_seconds']:.2f} × |"
            )
    lines += ["", f"Clock: {document['table'][0]['clock']}. Method: see benchmarks/update_speed.py.", ""]
    return "\n".join(lines)


def parse() -> Any:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="r3", help="r3 has 27 firms")
    defaults = {"batch": 1024, "hidden": 128, "heads": 4, "observation": 30, "actions": 10, "threads": 1}
    for name, value in {**defaults, "warmup": 2, "rounds": 15}.items():
        parser.add_argument(f"--{name}", default=value, type=int)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", default=RESULTS, type=Path)
    return parser.parse_args()


def main() -> None:
    """Measure, then write both files."""
    args = parse()
    torch.set_num_threads(args.threads)
    device, adjacency = torch.device(args.device), scenv.load_network(args.network).adjacency_matrix
    spec = spec_of(adjacency, args.observation, args.actions)
    sizes = {**vars(args), "agents": len(adjacency), "out": None}
    table = [measure(spec, method, args, device) for method in METHODS]
    document = {"provenance": provenance(("torch", "numpy")), "sizes": sizes, "table": table}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "update_speed.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "update_speed.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
