"""The tables of what the pretrained policy pays, from results/pretrained.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure


def report(document: Mapping[str, Any]) -> str:
    """The whole page."""
    about = document["provenance"]
    rows = document["zero_shot"]
    return "\n".join(
        [
            "# What the pretrained policy pays",
            "",
            f"`{about['command']}`",
            "",
            f"machine {about['machine']}, python {about['python']}, numpy {about['numpy']}, commit {about['commit']}, "
            f"date {about['date']}; weights sha256 {document['weights'][:12]}.",
            "",
            "Cost relative to base-stock on the same 100 demand paths (20 for networks of 1,000 firms and more), with "
            "half the width of the 95 % interval of the paired ratio. No network here was trained on.",
            "",
            "![what is paid](pretrained.png)",
            "",
            "## Zero-shot",
            "",
            *_zero_shot([row for row in rows if not row["setting"]], document["hdpo"]),
            "",
            "## Other costs and demand",
            "",
            *_others([row for row in rows if row["setting"]]),
            "",
            "## Larger random networks",
            "",
            *_larger(document["larger"]),
            "",
            "## A few gradient steps on the network itself",
            "",
            *_tuned(document["tuned"], document["hdpo"]),
            "",
            "## Learned on one network, used on another",
            "",
            *_elsewhere(document["elsewhere"]),
            "",
        ]
    )


def _cell(row: Mapping[str, Any], name: str) -> str:
    found = row["ratios"].get(name)
    return "" if found is None else f"{found[0]:.3f} ± {found[1]:.3f}" if name == "pretrained" else f"{found[0]:.3f}"


def _zero_shot(rows: Sequence[Mapping[str, Any]], hdpo: Mapping[str, float]) -> list[str]:
    head = "| network | firms | edges | lead time | pretrained | DA | best constant levels | hdpo, trained on it |"
    lines = [head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        trained = hdpo.get(f"{row['network']}-{row['lead_time']}")
        cells = [_cell(row, name) for name in ("pretrained", "decomposition-aggregation", "optimised-base-stock")]
        facts = f"| {row['network']} | {row['firms']:,} | {row['edges']:,} | {row['lead_time']} "
        lines.append(f"{facts}| {' | '.join(cells)} | {'' if trained is None else f'{trained:.3f}'} |")
    for lead_time in sorted({row["lead_time"] for row in rows}):
        found = [row["ratios"]["pretrained"][0] for row in rows if row["lead_time"] == lead_time]
        lines.append(
            f"| *median of {len(found)}* | | | {lead_time} | *{median(found):.3f}*, at most {max(found):.3f} | | | |"
        )
    return lines


def _others(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    networks = list(dict.fromkeys(row["network"] for row in rows))
    lines = [f"| setting | {' | '.join(f'{name} (DA)' for name in networks)} |", f"| --- |{' ---: |' * len(networks)}"]
    for setting in dict.fromkeys(row["setting"] for row in rows):
        cells = [
            f"{row['ratios']['pretrained'][0]:.3f} ({row['ratios']['decomposition-aggregation'][0]:.3f})"
            for row in rows
            if row["setting"] == setting
        ]
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    return lines


def _tuned(rows: Sequence[Mapping[str, Any]], hdpo: Mapping[str, float]) -> list[str]:
    names = [name for name in rows[0]["ratios"] if name.split()[0] in ("pretrained", "scratch")]
    heads = [f"{name} step{'' if name.endswith(' 1') else 's'}" for name in names]
    lines = [
        f"| network | {' | '.join(heads)} | hdpo, 400 steps |",
        f"| --- |{' ---: |' * (len(names) + 1)}",
    ]
    for row in rows:
        cells = [f"{row['ratios'][name][0]:.3f}" for name in names]
        lines.append(f"| {row['network']} | {' | '.join(cells)} | {hdpo[row['network'] + '-2']:.3f} |")
    return lines


def _larger(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """In one line, and the five at which it does worst."""
    worst_first = sorted(rows, key=lambda row: -row["ratios"]["pretrained"][0])
    found = [row["ratios"]["pretrained"][0] for row in worst_first]
    above = sum(row["ratios"]["pretrained"][0] > row["ratios"]["decomposition-aggregation"][0] for row in rows)
    firms = [row["firms"] for row in rows]
    lines = [
        f"{len(rows)} networks of `layered`, {min(firms)} to {max(firms)} firms in 2 to 10 layers (in training at "
        "most 60), stage costs that spread up to a third more, 20 paths each: "
        f"median {median(found):.3f}, at most {max(found):.3f}; above DA on {above}. The worst five:",
        "",
        "| firms | layers | links | lead time | mean demand | pretrained | DA |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in worst_first[:5]:
        cells = [_cell(row, name) for name in ("pretrained", "decomposition-aggregation")]
        facts = (row["firms"], row["stages"], row["edges"], row["shipment_lead_time"], f"{row['demand']:g}", *cells)
        lines.append(f"| {' | '.join(map(str, facts))} |")
    return lines


def _elsewhere(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same two networks, trained from scratch on one supply network with the most steps above."""
    names = [name for name in rows[0]["ratios"] if name.startswith("on ")]
    lines = [
        f"| evaluated on | {' | '.join(f'learned {name}' for name in names)} | pretrained |",
        f"| --- |{' ---: |' * (len(names) + 1)}",
    ]
    for row in rows:
        cells = [f"{row['ratios'][name][0]:.3f}" for name in (*names, "pretrained")]
        lines.append(f"| {row['network']} | {' | '.join(cells)} |")
    return lines


def picture(document: Mapping[str, Any], path: Path) -> None:
    """What is paid of base-stock's cost at lead time 2, network by network."""
    rows = [row for row in document["zero_shot"] if not row["setting"] and row["lead_time"] == 2][::-1]
    figure = Figure(figsize=(7, 0.6 + 0.27 * len(rows)), layout="constrained")
    axes = figure.subplots()
    labels = [f"{row['network']}, {row['firms']:,} firms" for row in rows]
    shown = {
        "decomposition-aggregation": ("DA", "s", "#999999"),
        "optimised-base-stock": ("best constant levels", "D", "#0072b2"),
        "pretrained": ("pretrained, never saw it", "o", "#d55e00"),
    }
    for name, (label, marker, colour) in shown.items():
        points = [(row["ratios"][name][0], k) for k, row in enumerate(rows) if name in row["ratios"]]
        axes.scatter(*np.reshape(points, (-1, 2)).T, label=label, marker=marker, color=colour, zorder=3)
    trained = [(document["hdpo"].get(f"{row['network']}-2"), k) for k, row in enumerate(rows)]
    points = [point for point in trained if point[0] is not None]
    ends = np.reshape(points, (-1, 2)).T
    axes.scatter(*ends, label="hdpo, trained on it", marker="|", s=120, color="black", zorder=4)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(yticks=range(len(rows)), yticklabels=labels, xlabel="cost relative to base-stock", xlim=(0.35, 1.1))
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=4, frameon=False, fontsize="small")
    figure.savefig(path, dpi=110)
