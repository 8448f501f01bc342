"""How the time of one update grows with the number of agents: the paper's Figure 7, extended to 2,000 firms.

    OMP_NUM_THREADS=1 python -m benchmarks.agents_scaling
    OMP_NUM_THREADS=1 python -m benchmarks.agents_scaling --attention

writes results/agents_scaling.json, .md and .png. bg, r1, r2 and r3 have 4, 17, 22 and 27 firms; the others are
`scenv.generators.random_dag` with r3's 1.15 edges a firm. One update is a step of critics, policies and targets on one
drawn batch (hidden 64, 4 heads, 30 observations, 10 actions, batch 64, the same for every size).

Method. One process, one thread, CPU time of the process; the methods take turns, round after round, the first round
warms up; medians and quartiles. What would need more than `--gigabytes` by the count below is not run, and the table
says so. The exponent is the slope of log time over log firms from 100 firms on, where constant costs are small.

--attention measures attention alone, forward and backward, over edges and dense, by the share of pairs that attend:
where the two break even is where `pmarl_trainer.attention.edges_pay` switches.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch

import scenv
from benchmarks.provenance import provenance
from benchmarks.update_speed import make_clock, random_batch, spec_of, timed
from pmarl_trainer.algorithm import Learner
from pmarl_trainer.attention import attend_dense, attend_edges, edge_list, edges_pay
from pmarl_trainer.config import METHODS, TrainConfig
from pmarl_trainer.env_api import EnvSpec
from pmarl_trainer.graph import neighbour_mask

RESULTS = Path(__file__).parent / "results"
NETWORKS = ("bg", "r1", "r2", "r3")
GENERATED, EDGES_PER_FIRM = (100, 500, 2000), 31 / 27
HIDDEN, HEADS, OBSERVATION, ACTIONS, BATCH = 64, 4, 30, 10, 64
COLOURS = {"maac": "#D55E00", "pmarl": "#0072B2", "fv": "#009E73"}
NAMES = {"maac": "MAAC", "pmarl": "PMaRL", "fv": "FV"}


def adjacencies(sizes: tuple[int, ...] = GENERATED) -> dict[str, np.ndarray]:
    """name -> adjacency matrix, by number of firms."""
    found = {name: scenv.load_network(name).adjacency_matrix for name in NETWORKS}
    for n in sizes:
        found[f"random, {n}"] = scenv.generators.random_dag(n, round(EDGES_PER_FIRM * n), seed=0).adjacency_matrix
    return found


def gigabytes(adjacency: np.ndarray, method: str) -> float:
    """What an update needs: parameters with gradients, two moments and targets, and what attention keeps for backward.

    Dense attention keeps scores and weights of all pairs of agents and their gradient, [batch, heads, N, N] each.
    """
    row, n = METHODS[method], len(adjacency)
    inputs = n * OBSERVATION if row.policy_input == "global" else OBSERVATION
    policy = inputs * HIDDEN + HIDDEN * (HIDDEN + ACTIONS)
    critic = HIDDEN * (2 * OBSERVATION + ACTIONS + 2 * HIDDEN + ACTIONS)
    seen = n * n * OBSERVATION * BATCH if row.policy_input == "global" else 0
    mask = torch.as_tensor(neighbour_mask(adjacency, row.attention))
    pairs = 0 if edges_pay(mask) else 3 * BATCH * HEADS * n * n
    return 4 * (5 * n * (policy + critic) + seen + pairs) / 1e9


def time_updates(spec: EnvSpec, methods: list[str], rounds: int) -> dict[str, list[float]]:
    """method -> CPU seconds of its updates, one a round."""
    device, (_, clock) = torch.device("cpu"), make_clock(torch.device("cpu"), 1)
    learners = {
        m: Learner(spec, TrainConfig(method=m, hidden_size=HIDDEN, attention_heads=HEADS), device)  # type: ignore[arg-type]
        for m in methods
    }
    batch, rng = random_batch(spec, BATCH, device), torch.Generator()
    seconds: dict[str, list[float]] = {method: [] for method in methods}
    for round_ in range(rounds + 1):
        for method, learner in learners.items():
            rng.manual_seed(round_)
            spent = timed(lambda learner=learner: learner.update(batch, rng), clock)
            if round_ > 0:
                seconds[method].append(spent)
    return seconds


def measure(args: Any) -> list[dict[str, Any]]:
    """One row for each network and method."""
    rows = []
    for name, adjacency in adjacencies().items():
        needs = {method: gigabytes(adjacency, method) for method in METHODS}
        run = [method for method, need in needs.items() if need <= args.gigabytes]
        seconds = time_updates(spec_of(adjacency, OBSERVATION, ACTIONS), run, args.rounds)
        for method, need in needs.items():
            row: dict[str, Any] = {"network": name, "firms": len(adjacency), "method": method, "gigabytes": need}
            row["edges"] = int((adjacency < 0).sum())
            if method in run:
                row["seconds"] = statistics.median(seconds[method])
                row["quartiles"] = statistics.quantiles(seconds[method], n=4)[::2]
            rows.append(row)
            print(name, method, f"{row['seconds']:.4f} s" if "seconds" in row else "not run", flush=True)
    return rows


def exponent(firms: list[int], seconds: list[float]) -> float | None:
    """Slope of log seconds over log firms; None for fewer than two sizes."""
    return float(np.polyfit(np.log(firms), np.log(seconds), 1)[0]) if len(firms) > 1 else None


def exponents(rows: list[dict[str, Any]], at_least: int = 100) -> dict[str, float | None]:
    """method -> exponent over the large networks."""
    found = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        large = [row for row in rows if row["method"] == method and row["firms"] >= at_least and "seconds" in row]
        found[method] = exponent([row["firms"] for row in large], [row["seconds"] for row in large])
    return found


def attention_break_even(rounds: int) -> list[dict[str, Any]]:
    """Seconds of attention alone, both ways, by number of agents and share of pairs that attend."""
    _, clock = make_clock(torch.device("cpu"), 1)
    rows = []
    for n in (10, 17, 27, 50, 100):
        for share in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
            rng = torch.Generator().manual_seed(0)
            mask = (torch.rand(n, n, generator=rng) < share) & ~torch.eye(n, dtype=torch.bool)
            states = [torch.randn(n, 256, HIDDEN, generator=rng).requires_grad_() for _ in range(3)]
            edges, gradient = edge_list(mask), torch.ones(n, 256, HIDDEN)

            def over_edges(x: Any = states, e: Any = edges, g: Any = gradient) -> None:
                torch.autograd.grad(attend_edges(*x, e, HEADS), x, g)

            def dense(x: Any = states, m: Any = mask, g: Any = gradient) -> None:
                torch.autograd.grad(attend_dense(*x, m, HEADS), x, g)

            pairs = [(timed(over_edges, clock), timed(dense, clock)) for _ in range(rounds + 1)][1:]
            own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(e / d for e, d in pairs)
            actual = float(mask.float().mean())
            rows.append({"agents": n, "share": actual, "edges": own, "dense": other, "edges_over_dense": ratio})
            print(n, f"{actual:.2f}", f"edges / dense {ratio:.2f}", flush=True)
    return rows


def report(document: dict[str, Any]) -> str:
    """The tables as markdown."""
    facts, rows = document["provenance"], document["rows"]
    lines = [
        "# Time of an update by number of agents",
        "",
        f"`{facts['command']}`",
        "",
        ", ".join(f"{key} {value}" for key, value in facts.items() if key != "command") + ".",
        "",
        f"Milliseconds of CPU time, one thread, batch {BATCH}, hidden {HIDDEN}, {HEADS} heads, {OBSERVATION} "
        f"observations, {ACTIONS} actions: median (quartiles) of {document['rounds']} rounds in turns. Peak "
        f"memory of the process: {document['peak_gigabytes']:.1f} GB.",
        "",
        f"| network | firms | edges | {' | '.join(NAMES[m] for m in METHODS)} | MAAC ÷ PMaRL |",
        f"|---|---:|---:|{'---:|' * (len(METHODS) + 1)}",
    ]
    for name in dict.fromkeys(row["network"] for row in rows):
        here = {row["method"]: row for row in rows if row["network"] == name}
        first = next(iter(here.values()))
        both = [here[m].get("seconds") for m in ("maac", "pmarl")]
        times = f"{both[0] / both[1]:.2f}" if all(both) else "–"
        cells = " | ".join(_cell(here[method]) for method in METHODS)
        lines.append(f"| {name} | {first['firms']} | {first['edges']} | {cells} | {times} |")
    grows = ", ".join(f"{NAMES[m]} {e:.2f}" for m, e in document["exponents"].items() if e is not None)
    lines += ["", f"Growth from 100 firms on: time ~ firms to the power of {grows}.", ""]
    lines += ["![Time of an update by number of agents](agents_scaling.png)", ""]
    if document.get("attention"):
        lines += [
            "## Attention over edges against dense attention",
            "",
            "Time over edges ÷ time dense, forward and backward, batch 256; `edges_pay` takes edges below "
            "the break-even.",
            "",
            "| agents | share of pairs | edges ÷ dense |",
            "|---:|---:|---:|",
            *(f"| {r['agents']} | {r['share']:.2f} | {r['edges_over_dense']:.2f} |" for r in document["attention"]),
            "",
        ]
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    if "seconds" not in row:
        return f"not run (would need {row['gigabytes']:.0f} GB)"
    low, high = (1e3 * quartile for quartile in row["quartiles"])
    return f"{1e3 * row['seconds']:.1f} ({low:.1f}–{high:.1f})"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Time by firms, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for method, colour in COLOURS.items():
        own = [row for row in rows if row["method"] == method and "seconds" in row]
        firms, milliseconds = [row["firms"] for row in own], [1e3 * row["seconds"] for row in own]
        axes.plot(firms, milliseconds, "o-", color=colour, label=NAMES[method], linewidth=1.6)
    ticks = sorted({row["firms"] for row in rows})
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(ticks, [f"{n:,}" if n not in (17, 27) else "" for n in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlabel("firms")
    axes.set_ylabel("CPU time of one update, ms")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, then write the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default=7, type=int)
    parser.add_argument("--gigabytes", default=3.0, type=float, help="largest memory that an update may need")
    parser.add_argument("--attention", action="store_true", help="also measure where attention over edges pays")
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(args)
    document = {"provenance": provenance(("torch", "numpy")), "rounds": args.rounds, "rows": rows}
    document |= {"exponents": exponents(rows), "attention": attention_break_even(args.rounds) if args.attention else []}
    document["peak_gigabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "agents_scaling.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "agents_scaling.md").write_text(report(document), encoding="utf-8")
    draw(rows, args.out / "agents_scaling.png")


if __name__ == "__main__":
    main()
