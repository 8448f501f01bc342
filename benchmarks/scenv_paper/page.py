"""report.md: the report's document as a page that people read. The figures' pictures stand in `figures/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scenv_paper import markdown
from scenv_paper.agreement import agreement, attainable
from scenv_paper.design import LEAD_TIMES, NETWORKS
from scenv_paper.markdown import MISSING, NAMES, ONE_SEED, SHORT, table
from scenv_paper.statistics import DRAWS

FIGURES = {
    "figure_5": (
        "Figure 5. Cost relative to PMaRL's",
        "Base-stock, decomposition–aggregation and PMaRL; mean cost over PMaRL's mean cost.",
    ),
    "figure_6": ("Figure 6. Cost relative to full visibility's", "MAAC, FV and PMaRL; mean cost over FV's mean cost."),
    "figure_7": (
        "Figure 7. Training time per episode",
        "By number of firms, all in one run on one machine; medians of the repeats with 95 % intervals. Clock: "
        "{clock}.",
    ),
    "figure_8": (
        "Figure 8. Training curves on r3, shipment lead time 2",
        "Cost of the greedy policies relative to base-stock's while training: mean over the seeds, lowest and highest "
        "seed.",
    ),
}


def page(document: dict[str, Any], findings: str = "") -> str:
    """The whole of report.md.

    Args:
        document: what `document.make_document` returned.
        findings: a text of ours, in markdown, to stand after the claims.
    """
    lines = [
        "# The paper's experiments, reproduced",
        "",
        "Zhang, Tan, Cai, Zhang, *Leveraging Multi-Agent Reinforcement Learning for Digital Transformation in Supply "
        "Chain Inventory Optimization*, Sustainability 2024, 16(22), 9996, section 5. `pmarl-benchmark` made this page "
        "from the raw files in `paper/`; `pmarl-benchmark --verify` checks that it is what they say.",
        "",
        *_method(document),
        *agreement(document["claims"]),
        *([findings.strip(), ""] if findings else []),
        *attainable(document),
    ]
    for key, (title, caption) in FIGURES.items():
        if document[key]:
            lines += [
                f"## {title}",
                "",
                f"![{title}](figures/{key}.png)",
                "",
                caption.format(clock=document["clock"]) + _one_seed(document[key]),
                "",
                *_figure_table(key, document),
            ]
    lines += [*_costs(document["costs"]), *_ablations(document["ablations"]), *_paper_tables(document["tables"])]
    lines += [*_training(document["training"]), *_sources(document["provenance"])]
    return "\n".join(lines).rstrip() + "\n"


def _one_seed(rows: Sequence[dict[str, Any]]) -> str:
    """What a picture's mark means, where it has one."""
    marked = any(row.get("seeds") == 1 and "ratio" in row for row in rows)
    return f" {ONE_SEED} one training seed, which the intervals leave out." if marked else ""


def _method(document: dict[str, Any]) -> list[str]:
    lines = [
        "50 periods, 5 of them warm-up; costs are means over 100 runs on the same demand paths for every policy. "
        f"Intervals are 95 %, from a bootstrap of {DRAWS:,} draws over training seeds and demand paths, ratios paired "
        "by path. With few seeds such an interval is too narrow: in simulated grids whose seeds differ by 2 % "
        "(standard deviation) it covered the truth in 3 of 10 with one seed, in 7 of 10 with two, in 8 of 10 with "
        "three. For each network and shipment lead time the report takes the largest training budget for which MAAC, "
        "PMaRL and FV are there:",
        "",
    ]
    places = {(place["network"], place["lead_time"]): place for place in document["places"]}

    def budget(network: str, lead_time: int) -> str:
        place = places.get((network, lead_time))
        if place is None or place["budget"] is None:
            return MISSING
        counts = {name: len(seeds) for name, seeds in place["seeds"].items()}
        same = set(counts.values())
        seeds = f"seeds: {same.pop()}" if len(same) == 1 else ", ".join(f"{SHORT[m]} {c}" for m, c in counts.items())
        return f"{place['budget']}, {seeds}"

    rows = [[network, *(budget(network, lead) for lead in LEAD_TIMES)] for network in NETWORKS]
    return [*lines, *table(["network", *(f"lead time {lead}" for lead in LEAD_TIMES)], rows, numbers=0), ""]


def _figure_table(key: str, document: dict[str, Any]) -> list[str]:
    rows = document[key]
    if key == "figure_7":
        methods = list(dict.fromkeys(row["method"] for row in rows))
        by_place = {(row["network"], row["method"]): row["seconds"] for row in rows}
        nodes = {row["network"]: row["nodes"] for row in rows}
        body = [
            [network, str(count), *(markdown.milliseconds(by_place.get((network, method))) for method in methods)]
            for network, count in nodes.items()
        ]
        return [*table(["network", "firms", *(f"{NAMES[method]}, ms" for method in methods)], body), ""]
    if key == "figure_8":
        body = [
            [NAMES[row["method"]], str(row["seeds"]), f"{row['mean'][-1]:.3f}", f"{min(row['mean']):.3f}"]
            for row in rows
        ]
        return [*table(["method", "seeds", "ratio at the end", "lowest mean on the way"], body), ""]
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    by_key = {(row["network"], row["lead_time"], row["policy"]): row["ratio"] for row in rows}
    places = list(dict.fromkeys((row["network"], row["lead_time"]) for row in rows))
    body = [[n, str(lead), *(markdown.ratio(by_key[n, lead, policy]) for policy in policies)] for n, lead in places]
    return [*table(["network", "lead time", *(SHORT[policy] for policy in policies)], body), ""]


def _costs(costs: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "## All policies",
        "",
        "Mean cost of the 45 counted periods, all firms; in brackets 95 % intervals. The yardstick is the near-optimal "
        "policy.",
        "",
    ]
    heads = ["policy", "seeds", "mean cost", "÷ base-stock", "÷ yardstick"]
    for network, lead_time in dict.fromkeys((row["network"], row["lead_time"]) for row in costs):
        rows = [row for row in costs if (row["network"], row["lead_time"]) == (network, lead_time)]
        body = [
            [
                NAMES.get(row["policy"], row["policy"]),
                str(row.get("seeds") or MISSING),
                markdown.cost(row.get("mean")),
                *(markdown.ratio(row.get(k)) for k in ("to_base_stock", "to_yardstick")),
            ]
            for row in rows
        ]
        lines += [f"### {network}, shipment lead time {lead_time}", "", *table(heads, body), ""]
    return lines


def _ablations(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    heads = ["network", "lead time", "budget", "method", "with", "seeds", "cost ÷ the method's own"]
    body = [
        [
            row["network"],
            str(row["lead_time"]),
            row["budget"],
            NAMES[row["method"]],
            f"`{row['settings']}`",
            str(len(row["seeds"])),
            markdown.ratio(row.get("to_method")),
        ]
        for row in rows
    ]
    return [
        "## Ablations",
        "",
        "One setting changed, the same seeds and paths.",
        "",
        *table(heads, body, numbers=1),
        "",
    ]


def _paper_tables(tables: dict[str, Any]) -> list[str]:
    captions = {
        "1": "Table 1. Networks",
        "2": "Table 2. Scenarios",
        "3": "Table 3. Methods",
    }
    lines = []
    for number, caption in captions.items():
        rows = tables[number]
        heads = [key.replace("_", " ") for key in rows[0]]
        body = [[markdown.plain(value) for value in row.values()] for row in rows]
        lines += [f"## {caption}", "", *table(heads, body, numbers=0 if number == "3" else None), ""]
    return lines


def _training(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    heads = ["budget", "network", "method", "runs", "rollouts", "episodes", "updates", "minutes a run", "in all"]
    body = [
        [
            row["budget"],
            row["network"],
            row["method"],
            *(f"{row[key]:,}" for key in ("runs", "rollouts", "episodes", "updates")),
            f"{row['minutes']:.1f}",
            f"{row['minutes_in_all']:.1f}",
        ]
        for row in rows
    ]
    total = sum(row["minutes_in_all"] for row in rows) / 60
    text = (
        f"Wall time of training, one thread a run, {total:.1f} hours in all; median run and sum. A rollout of hdpo is "
        "one gradient step."
    )
    return ["## Training", "", text, "", *table(heads, body), ""]


def _sources(facts: dict[str, list[str]]) -> list[str]:
    body = [[key, ", ".join(values)] for key, values in facts.items()]
    return ["## Where the numbers come from", "", *table(["of all raw files", ""], body, numbers=0), ""]
