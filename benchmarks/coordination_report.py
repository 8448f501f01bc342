"""results/coordination.json as a table and a figure that people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.markdown import table_head, table_row
from scenv_paper.statistics import Estimate, ratio

#: Columns: name of the variant -> what it says.
TITLES = {
    "own": "nobody: own cost",
    "neighbours": "own and neighbours'",
    "network": "everybody's",
    "free": "everybody's, any order",
    "see_all": "everybody's, seeing all",
}
_COLOURS = ("#D55E00", "#E69F00", "#0072B2", "#56B4E9", "#009E73")
Costs = dict[tuple[str, int, str], tuple[np.ndarray, np.ndarray]]


def costs_of(document: dict[str, Any]) -> Costs:
    """(network, lead time, variant) -> (costs [seeds, paths], base-stock's [1, paths])."""
    grouped: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for entry in document["runs"]:
        grouped.setdefault((entry["network"], entry["lead_time"], entry["variant"]), []).append(entry)
    return {
        key: (np.array([run["episodes"] for run in runs]), np.array([runs[0]["base_stock"]]))
        for key, runs in grouped.items()
    }


def report(document: dict[str, Any]) -> str:
    """The whole of coordination.md."""
    source = ", ".join(f"{key} {value}" for key, value in document["provenance"].items() if key != "command")
    costs = costs_of(document)
    lines = [
        "# What coordination is worth",
        "",
        f"`{document['provenance']['command']}`",
        "",
        f"{source}. The runs were trained at commit {document['trained_at']}, on a machine that others used too.",
        "",
        f"Method hdpo, {document['steps']} gradient steps, the last policies; cost relative to base-stock on the same "
        "100 paths (no training path is among them), with 95 % intervals over seeds and paths (Student's t). Firms see "
        "their own observation and order within the paper's action range unless the column says otherwise; columns say "
        "whose cost a firm's policy descends. *Price of anarchy*: cost where all minimise their own ÷ cost where all "
        "minimise everybody's, by local search from the same start: a figure of what gradient play reaches, "
        "not a bound over all equilibria. Policies that see all have N times as many inputs and have not converged in "
        "so few steps: after 400 they pay less than those that see their own (near_optimal.md), but on r3.",
        "",
        "![Cost of policies that minimise their own, their neighbours' and everybody's cost](coordination.png)",
        "",
    ]
    for lead_time in sorted({key[1] for key in costs}, key=lambda lead: (lead != 2, lead)):
        lines += _table({key: value for key, value in costs.items() if key[1] == lead_time}, lead_time)
    return "\n".join(lines).rstrip() + "\n"


def _table(costs: Costs, lead_time: int) -> list[str]:
    variants = [name for name in TITLES if any(key[2] == name for key in costs)]
    header = ["network", "seeds", *(TITLES[name] for name in variants), "price of anarchy"]
    lines = [f"## Shipment lead time {lead_time}", "", *table_head(header)]
    for network in dict.fromkeys(key[0] for key in costs):
        found = {name: costs.get((network, lead_time, name)) for name in variants}
        seeds = sorted({len(each[0]) for each in found.values() if each is not None})
        cells = ["" if each is None else _shown(ratio(*each)) for each in found.values()]
        selfish, joint = found.get("own"), found.get("network")
        price = "" if selfish is None or joint is None else _shown(ratio(selfish[0], joint[0]))
        lines.append(table_row([network, " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))), *cells, price]))
    return [*lines, ""]


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ± {estimate.half:.3f}"


def draw(document: dict[str, Any], path: Path) -> None:
    """A panel a lead time; in it a group of bars a network, a bar a variant, relative to base-stock."""
    costs = costs_of(document)
    leads = sorted({key[1] for key in costs})
    networks = list(dict.fromkeys(key[0] for key in costs))
    figure = Figure(figsize=(2.0 + 3.2 * len(leads), 3.9), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(leads), sharey=True))
    for lead, axes in zip(leads, panels, strict=True):
        variants = [name for name in TITLES if any(key[1] == lead and key[2] == name for key in costs)]
        width = 0.84 / len(variants)
        for i, variant in enumerate(variants):
            for x, network in enumerate(networks):
                found = costs.get((network, lead, variant))
                if found is None:
                    continue
                estimate = ratio(*found)
                place = x + (i - (len(variants) - 1) / 2) * width
                colour = _COLOURS[list(TITLES).index(variant)]
                bar = {"color": colour, "yerr": estimate.half, "ecolor": "#222222", "capsize": 1.5}
                axes.bar(place, estimate.value, width * 0.94, label=TITLES[variant] if x == 0 else None, **bar)
        axes.set_xticks(range(len(networks)), networks)
        axes.set_title(f"shipment lead time {lead}", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(1.0, color="#999999", linewidth=0.8)
    panels[0].set_ylabel("cost ÷ base-stock's")
    labelled = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(labelled.values()), list(labelled), loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
    figure.savefig(path, dpi=150, metadata={"Software": None})
