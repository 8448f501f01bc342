"""The tables of what the pretrained policy pays, from results/pretrained.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any


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
            "## Zero-shot",
            "",
            *_zero_shot([row for row in rows if not row["setting"]], document["hdpo"]),
            "",
            "## Other costs and demand",
            "",
            *_others([row for row in rows if row["setting"]]),
            "",
            "## A few gradient steps on the network itself",
            "",
            *_tuned(document["tuned"], document["hdpo"]),
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
    lines = [
        f"| network | {' | '.join(f'{name} steps' for name in names)} | hdpo, 400 steps |",
        f"| --- |{' ---: |' * (len(names) + 1)}",
    ]
    for row in rows:
        cells = [f"{row['ratios'][name][0]:.3f}" for name in names]
        lines.append(f"| {row['network']} | {' | '.join(cells)} | {hdpo[row['network'] + '-2']:.3f} |")
    return lines
