"""Exponents, tables and picture of `benchmarks.agents_scaling`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

#: Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = {"MAAC": "#D55E00", "PMaRL, edges": "#0072B2", "PMaRL, dense": "#56B4E9", "FV": "#009E73"}
LARGE = 100  # firms, from which on constant costs are small

Rows = list[dict[str, Any]]


def exponent(sizes: list[float], seconds: list[float]) -> tuple[float, float] | None:
    """Slope of log seconds over log sizes and its standard error (nan for two sizes); None for fewer than two sizes."""
    if len(sizes) < 2:
        return None
    fit = stats.linregress(np.log(sizes), np.log(seconds))
    return float(fit.slope), float(fit.stderr) if len(sizes) > 2 else float("nan")


def per_sample(rows: Rows, variant: str, batch: int) -> list[tuple[int, int, float]]:
    """(firms, batch, seconds a sample) of a variant by firms: at `batch`, else the largest one below that ran."""
    best: dict[int, tuple[int, float]] = {}
    for row in rows:
        seconds, own = row["variants"][variant].get("seconds"), row["batch"]
        if seconds is not None and own <= batch and own > best.get(row["firms"], (0, 0.0))[0]:
            best[row["firms"]] = own, seconds / own
    return [(firms, *best[firms]) for firms in sorted(best)]


def exponents(rows: Rows, alone: Rows, batch: int) -> dict[str, list[tuple[str, float, float]]]:
    """ "update": (variant, exponent in firms, its error); "attention": the same in edges, or in pairs of agents."""
    found: dict[str, list[tuple[str, float, float]]] = {"update": [], "attention": []}
    for variant in rows[0]["variants"]:
        points = [point for point in per_sample(rows, variant, batch) if point[0] >= LARGE]
        fit = exponent([firms for firms, _, _ in points], [seconds for _, _, seconds in points])
        if fit is not None:
            found["update"].append((variant, *fit))
    large = [row for row in alone if row["firms"] >= LARGE]
    for way in ("edges", "dense"):
        cells = [row[way] for row in large if way in row]
        fit = exponent([cell["of"] for cell in cells], [cell["seconds"] / cell["batch"] for cell in cells])
        if fit is not None:
            found["attention"].append((way, *fit))
    return found


def report(document: dict[str, Any]) -> str:
    """The tables as markdown."""
    facts, sizes = document["provenance"], document["sizes"]
    lines = [
        "# Time of an update by number of agents",
        "",
        f"`{facts['command']}`",
        "",
        ", ".join(f"{key} {value}" for key, value in facts.items() if key != "command") + ".",
        "",
        "Milliseconds of CPU time of one update, one thread, hidden {hidden}, {heads} heads, {observations} "
        "observations, {actions} actions: median (quartiles) of ".format(**sizes)
        + f"{document['rounds']} rounds in turns. Peak memory of the process: {document['peak_gigabytes']:.1f} GB. "
        "PMaRL's critics attend over edges or, masked, over all pairs: * is what the trainer takes, and what MAAC is "
        "divided by.",
        "",
        *_updates(document["rows"]),
        "",
        *_growth(document["exponents"]),
        "![Time of an update by number of agents](agents_scaling.png)",
        "",
        "## A sample's share, and attention's",
        "",
        "Microseconds of one update a sample of the batch; and of attention alone, forward and backward. A smaller "
        "batch is in brackets; with it, what an update costs a parameter (Adam, targets) weighs more on a sample.",
        "",
        *_samples(document["rows"], document["alone"], document["sizes"]["batch"]),
        "",
        "## A rollout step",
        "",
        "Milliseconds of CPU time of 32 rows: the environment's step, and the choice of all actions by local policies "
        "(MAAC, PMaRL) or global ones (FV).",
        "",
        *_rollout(document["rollout"]),
        "",
    ]
    return "\n".join([*lines, *_break_even(document["attention"])])


def _updates(rows: Rows) -> list[str]:
    variants = list(rows[0]["variants"])
    head = ["network", "firms", "edges", "batch", *variants, "MAAC ÷ PMaRL", "PMaRL: dense ÷ edges"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        taken = "PMaRL, edges" if row["takes_edges"] else "PMaRL, dense"
        cells = [_cell(cell) + ("*" if variant == taken else "") for variant, cell in row["variants"].items()]
        ratios = [f"{row[name]:.2f}" if name in row else "–" for name in ("maac_over_pmarl", "dense_over_edges")]
        counts = [f"{row[name]:,}" for name in ("firms", "edges", "batch")]
        lines.append(f"| {' | '.join([row['network'], *counts, *cells, *ratios])} |")
    return lines


def _cell(cell: dict[str, Any]) -> str:
    if "seconds" not in cell:
        return f"not run (would need {cell['gigabytes']:.0f} GB)"
    low, high = (1e3 * quartile for quartile in cell["quartiles"])
    return f"{1e3 * cell['seconds']:.1f} ({low:.1f}–{high:.1f})"


def _growth(found: dict[str, list[tuple[str, float, float]]]) -> list[str]:
    if not found["update"]:
        return []

    def power(fit: tuple[str, float, float]) -> str:
        return f"{fit[1]:.2f}" + ("" if np.isnan(fit[2]) else f" ± {fit[2]:.2f}")

    update = "; ".join(f"{fit[0]} {power(fit)}" for fit in found["update"])
    over = {"edges": "over edges, edges to the power of", "dense": "over all pairs, pairs to the power of"}
    alone = "; ".join(f"{over[fit[0]]} {power(fit)}" for fit in found["attention"])
    return [
        f"Growth from {LARGE} firms on (± standard error): an update's time a sample ~ firms to the power of {update}. "
        f"Attention alone ~ {alone}.",
        "",
    ]


def _samples(rows: Rows, alone: Rows, batch: int) -> list[str]:
    variants = list(rows[0]["variants"])
    head = ["firms", *variants, "attention over edges", "attention over all pairs"]
    lines = [f"| {' | '.join(head)} |", f"|{'---:|' * len(head)}"]
    points = {variant: {p[0]: p[1:] for p in per_sample(rows, variant, batch)} for variant in variants}
    for row in alone:
        cells = [points[variant].get(row["firms"]) for variant in variants]
        attention = [row.get(way) for way in ("edges", "dense")]
        cells += [cell and (cell["batch"], cell["seconds"] / cell["batch"]) for cell in attention]
        shown = [
            "–" if cell is None else f"{1e6 * cell[1]:,.0f}" + (f" ({cell[0]})" if cell[0] < batch else "")
            for cell in cells
        ]
        lines.append(f"| {' | '.join([format(row['firms'], ','), *shown])} |")
    return lines


def _rollout(rows: Rows) -> list[str]:
    parts = ("environment", "local policies", "global policies")
    lines = [f"| firms | {' | '.join(parts)} |", f"|{'---:|' * (len(parts) + 1)}"]
    for row in rows:
        cells = [
            f"{1e3 * row['seconds'][part]:.2f}"
            if part in row["seconds"]
            else f"not run (learner would need {row['gigabytes'][part]:.0f} GB)"
            for part in parts
        ]
        lines.append(f"| {row['firms']:,} | {' | '.join(cells)} |")
    return lines


def _break_even(rows: Rows) -> list[str]:
    if not rows:
        return []
    return [
        "## Attention over edges against dense attention",
        "",
        "Time over edges ÷ time dense, forward and backward, batch 256; `edges_pay` takes edges below the break-even.",
        "",
        "| agents | share of pairs | edges ÷ dense |",
        "|---:|---:|---:|",
        *(f"| {r['agents']} | {r['share']:.2f} | {r['edges_over_dense']:.2f} |" for r in rows),
        "",
    ]


def draw(rows: Rows, batch: int, path: Path) -> None:
    """Time of an update a sample by firms, both logarithmic; smaller batches are hollow."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for variant, colour in COLOURS.items():
        points = per_sample(rows, variant, batch)
        firms, times = [p[0] for p in points], [1e6 * p[2] for p in points]
        axes.plot(firms, times, "--" if "dense" in variant else "-", color=colour, label=variant, linewidth=1.6)
        for n, own, time in zip(firms, [p[1] for p in points], times, strict=True):
            axes.plot(n, time, "o", color=colour, markerfacecolor=colour if own == batch else "white", markersize=5.5)
    ticks = sorted({row["firms"] for row in rows})
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(ticks, [f"{n:,}" if n not in (17, 27) else "" for n in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlabel("firms")
    axes.set_ylabel("CPU time of one update, µs a sample")
    axes.legend(frameon=False, title=f"batch {batch}, hollow: smaller", alignment="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)
