"""How an update's time, and a rollout step's, grow with the number of agents: the paper's Figure 7, to 2,000 firms.

    OMP_NUM_THREADS=1 python -m benchmarks.agents_scaling
    OMP_NUM_THREADS=1 python -m benchmarks.agents_scaling --attention

writes results/agents_scaling.json, .md and .png. bg, r1, r2 and r3 have 4, 17, 22 and 27 firms; the others are
`scenv.generators.random_dag` with r3's 1.15 edges a firm. One update is a step of critics, policies and targets on one
drawn batch (hidden 64, 4 heads, 30 observations, 10 actions): of 64 samples for every size; for the paper's networks
also of 256, the trainer's default; for 2,000 firms also of 8, with which dense attention fits into memory. PMaRL is
timed with attention over edges and with masked dense attention; a star marks what `attention.edges_pay` takes. FV's
attention is PMaRL's. A rollout step is the choice of actions and the environment's step, of 32 rows; MAAC and PMaRL
have the same policies.

Method. One process, one thread, CPU time of the process; the variants take turns, round after round, the first round
warms up; medians and quartiles, ratios are medians of the rounds' own. What would need more than `--gigabytes` by the
count below is not run, and the table says so. Exponents are slopes of log time a sample from 100 firms on, with their
standard error, where constant costs are small.

--attention measures attention alone on random masks, forward and backward, over edges and dense, by the share of pairs
that attend: where the two break even is where `edges_pay` switches.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import scenv
from benchmarks.agents_scaling_report import draw, exponents, report
from benchmarks.update_speed import make_clock, random_batch, spec_of, timed
from pmarl_trainer.config.methods import METHODS
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.rollout import agent_major, for_env
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.graph import neighbour_mask
from pmarl_trainer.networks.attention import attend_dense, attend_edges, edges_pay, neighbour_lists
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
NETWORKS = ("bg", "r1", "r2", "r3")
GENERATED, EDGES_PER_FIRM = (100, 500, 2000), 31 / 27
HIDDEN, HEADS, OBSERVATION, ACTIONS = 64, 4, 30, 10
BATCH, DEFAULT_BATCH, SMALL_BATCH = 64, 256, 8
ENV_ROWS, ENV_STEPS = 32, 20


@dataclass(frozen=True)
class Variant:
    """What is timed: a method, with attention over edges or dense."""

    name: str
    method: str
    over_edges: bool


VARIANTS = (
    Variant("MAAC", "maac", over_edges=False),
    Variant("PMaRL, edges", "pmarl", over_edges=True),
    Variant("PMaRL, dense", "pmarl", over_edges=False),
    Variant("FV", "fv", over_edges=True),
)


def networks(sizes: tuple[int, ...] = GENERATED) -> dict[str, scenv.Network]:
    """name -> network, by number of firms."""
    found = {name: scenv.load_network(name) for name in NETWORKS}
    for n in sizes:
        found[f"random, {n:,}"] = scenv.generators.random_dag(n, round(EDGES_PER_FIRM * n), seed=0)
    return found


def batches(name: str, firms: int) -> tuple[int, ...]:
    """Batch sizes that a network is timed with."""
    if name in NETWORKS:
        return (DEFAULT_BATCH, BATCH)
    return (BATCH, SMALL_BATCH) if firms >= 1000 else (BATCH,)


def gigabytes(adjacency: np.ndarray, variant: Variant, batch: int = BATCH) -> float:
    """What an update needs: parameters with gradients, two moments and targets, and what attention keeps for backward.

    Dense attention keeps scores and weights of all pairs of agents and their gradient, [batch, heads, N, N] each.
    """
    sees_all, n = METHODS[variant.method].policy_input == "global", len(adjacency)
    policy = (n if sees_all else 1) * OBSERVATION * HIDDEN + HIDDEN * (HIDDEN + ACTIONS)
    critic = HIDDEN * (2 * OBSERVATION + ACTIONS + 2 * HIDDEN + ACTIONS)
    seen = n * n * OBSERVATION * batch if sees_all else 0
    pairs = 0 if variant.over_edges else 3 * batch * HEADS * n * n
    return 4 * (5 * n * (policy + critic) + seen + pairs) / 1e9


def learner_of(spec: EnvSpec, variant: Variant) -> Learner:
    """A learner whose critics attend the way that the variant says."""
    config = TrainConfig(method=variant.method, hidden_size=HIDDEN, attention_heads=HEADS)
    learner = Learner(spec, config, torch.device("cpu"))
    for critic in (learner.critic, learner.target_critic):
        critic.attention.neighbours = neighbour_lists(critic.attention.mask) if variant.over_edges else None
    return learner


def time_updates(spec: EnvSpec, variants: list[Variant], batch_size: int, rounds: int) -> dict[str, list[float]]:
    """Variant's name -> CPU seconds of its updates, one a round."""
    device, (_, clock) = torch.device("cpu"), make_clock(torch.device("cpu"), 1)
    learners = {variant.name: learner_of(spec, variant) for variant in variants}
    batch, rng = random_batch(spec, batch_size, device), torch.Generator()
    seconds: dict[str, list[float]] = {name: [] for name in learners}
    for round_ in range(rounds + 1):
        for name, learner in learners.items():
            rng.manual_seed(round_)
            spent = timed(lambda learner=learner: learner.update(batch, rng), clock)
            if round_ > 0:
                seconds[name].append(spent)
    return seconds


def measure_updates(name: str, adjacency: np.ndarray, batch: int, args: Any) -> dict[str, Any]:
    """One row: a network, a batch size, all variants."""
    needs = {variant.name: gigabytes(adjacency, variant, batch) for variant in VARIANTS}
    run = [variant for variant in VARIANTS if needs[variant.name] <= args.gigabytes]
    seconds = time_updates(spec_of(adjacency, OBSERVATION, ACTIONS), run, batch, args.rounds)
    cells: dict[str, Any] = {variant: {"gigabytes": need} for variant, need in needs.items()}
    for variant, spent in seconds.items():
        cells[variant] |= {"seconds": statistics.median(spent), "quartiles": statistics.quantiles(spent, n=4)[::2]}
    takes_edges = edges_pay(torch.as_tensor(neighbour_mask(adjacency, "neighbours")))
    ratios = {"dense_over_edges": ("PMaRL, dense", "PMaRL, edges")}
    ratios["maac_over_pmarl"] = ("MAAC", ratios["dense_over_edges"][takes_edges])
    row = {"network": name, "firms": len(adjacency), "edges": int((adjacency < 0).sum()), "batch": batch}
    row |= {"variants": cells, "takes_edges": takes_edges}
    for ratio, (above, below) in ratios.items():
        if above in seconds and below in seconds:
            row[ratio] = statistics.median(a / b for a, b in zip(seconds[above], seconds[below], strict=True))
    print(name, batch, {v: round(c["seconds"], 4) for v, c in cells.items() if "seconds" in c}, flush=True)
    return row


def measure_rollout(name: str, network: scenv.Network, args: Any) -> dict[str, Any]:
    """CPU seconds of one step of ENV_ROWS rows: the environment's, and of local and global policies."""
    _, clock = make_clock(torch.device("cpu"), 1)
    adjacency = network.adjacency_matrix
    env = scenv.vector_env(network=network, num_envs=ENV_ROWS, costs="data" if name in NETWORKS else "uniform", seed=0)
    spec, rng = spec_of(adjacency, OBSERVATION, ACTIONS), torch.Generator().manual_seed(0)
    by_policy = {"local policies": VARIANTS[0], "global policies": VARIANTS[-1]}
    needs = {policy: gigabytes(adjacency, variant, SMALL_BATCH) for policy, variant in by_policy.items()}
    learners = {
        p: learner_of(spec, v) for p, v in by_policy.items() if p == "local policies" or needs[p] <= args.gigabytes
    }
    seconds: dict[str, list[float]] = {part: [] for part in ("environment", *learners)}
    raw = env.reset(seed=0)
    for _ in range(ENV_STEPS):
        observations = agent_major(raw, "cpu")
        for policy, learner in learners.items():
            began = clock()
            with torch.no_grad():
                actions = learner.act(observations, rng)
            seconds[policy].append(clock() - began)
        began = clock()
        raw = env.step(for_env(actions, raw))[0]
        seconds["environment"].append(clock() - began)
    medians = {part: statistics.median(spent[1:]) for part, spent in seconds.items()}
    print(name, "rollout step", {part: round(1e3 * s, 3) for part, s in medians.items()}, "ms", flush=True)
    return {"network": name, "firms": len(adjacency), "seconds": medians, "gigabytes": needs}


def attention_seconds(mask: torch.Tensor, batch: int, rounds: int, ways: tuple[str, ...]) -> dict[str, list[float]]:
    """ "edges" or "dense" -> CPU seconds of attention alone, forward and backward, one a round."""
    _, clock = make_clock(torch.device("cpu"), 1)
    n, rng = len(mask), torch.Generator().manual_seed(0)
    states = [torch.randn(n, batch, HIDDEN, generator=rng).requires_grad_() for _ in range(3)]
    edges, gradient = neighbour_lists(mask), torch.ones(n, batch, HIDDEN)
    work = {
        "edges": lambda: torch.autograd.grad(attend_edges(*states, edges, HEADS), states, gradient),
        "dense": lambda: torch.autograd.grad(attend_dense(*states, mask, HEADS), states, gradient),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for round_ in range(rounds + 1):
        for way in ways:
            spent = timed(work[way], clock)
            if round_ > 0:
                seconds[way].append(spent)
    return seconds


def measure_attention(name: str, adjacency: np.ndarray, args: Any) -> dict[str, Any]:
    """Attention alone on a network, over edges and over all pairs, with the largest batch that fits (if any)."""
    n = len(adjacency)
    row: dict[str, Any] = {"network": name, "firms": n}
    for way, mask in (("edges", neighbour_mask(adjacency, "neighbours")), ("dense", neighbour_mask(adjacency, "all"))):
        counted = Variant("", "maac", over_edges=way == "edges")
        fitting = [batch for batch in (BATCH, SMALL_BATCH) if gigabytes(adjacency, counted, batch) <= args.gigabytes]
        if fitting:
            seconds = attention_seconds(torch.as_tensor(mask), fitting[0], args.rounds, (way,))[way]
            pairs = int(mask.sum()) if way == "edges" else n * n
            row[way] = {"batch": fitting[0], "seconds": statistics.median(seconds), "of": pairs}
    return row


def attention_break_even(rounds: int) -> list[dict[str, Any]]:
    """Seconds of attention alone, both ways, by number of agents and share of pairs that attend."""
    rows = []
    for n in (10, 17, 27, 50, 100):
        for share in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
            rng = torch.Generator().manual_seed(0)
            mask = (torch.rand(n, n, generator=rng) < share) & ~torch.eye(n, dtype=torch.bool)
            seconds = attention_seconds(mask, DEFAULT_BATCH, rounds, ("edges", "dense"))
            own, other = (statistics.median(column) for column in seconds.values())
            ratio = statistics.median(e / d for e, d in zip(*seconds.values(), strict=True))
            actual = float(mask.float().mean())
            rows.append({"agents": n, "share": actual, "edges": own, "dense": other, "edges_over_dense": ratio})
            print(n, f"{actual:.2f}", f"edges / dense {ratio:.2f}", flush=True)
    return rows


def main() -> None:
    """Measure, then write the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default=7, type=int, help="at least 2")
    parser.add_argument("--gigabytes", default=3.0, type=float, help="largest memory that an update may need")
    parser.add_argument("--sizes", default=GENERATED, type=int, nargs="+", help="of the generated networks")
    parser.add_argument("--attention", action="store_true", help="also measure where attention over edges pays")
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = networks(tuple(args.sizes))
    rows = [
        measure_updates(name, network.adjacency_matrix, batch, args)
        for name, network in found.items()
        for batch in batches(name, len(network.agents))
    ]
    alone = [measure_attention(name, network.adjacency_matrix, args) for name, network in found.items()]
    document = {"provenance": provenance(("torch", "numpy")), "rounds": args.rounds, "rows": rows, "alone": alone}
    document["sizes"] = {"hidden": HIDDEN, "heads": HEADS, "observations": OBSERVATION, "actions": ACTIONS}
    document["sizes"]["batch"] = BATCH
    document["rollout"] = [measure_rollout(name, network, args) for name, network in found.items()]
    document["exponents"] = exponents(rows, alone, BATCH)
    document["attention"] = attention_break_even(args.rounds) if args.attention else []
    document["peak_gigabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "agents_scaling.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "agents_scaling.md").write_text(report(document), encoding="utf-8")
    draw(rows, BATCH, args.out / "agents_scaling.png")


if __name__ == "__main__":
    main()
