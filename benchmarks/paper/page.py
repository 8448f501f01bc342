"""report.md: the report's document as a page that people read. The figures' pictures stand in `figures/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.paper.claims import CLEARLY, EQUAL
from benchmarks.paper.design import LEAD_TIMES, NETWORKS
from benchmarks.paper.results import YARDSTICK
from benchmarks.paper.statistics import DRAWS

NAMES = {
    "base-stock": "base-stock (BS)",
    "decomposition-aggregation": "decomposition–aggregation (DA)",
    "optimised-base-stock": "optimised base-stock",
    "pass-through": "pass-through",
    "sterman": "Sterman",
    "maac": "MAAC",
    "pmarl": "PMaRL",
    "fv": "FV",
    "hdpo": "near-optimal (hdpo)",
}
SHORT = {**NAMES, "base-stock": "BS", "decomposition-aggregation": "DA"}
MISSING = "–"
FIGURES = {
    "figure_5": (
        "Figure 5. Cost relative to PMaRL's",
        "Base-stock, decomposition–aggregation and PMaRL; mean cost over PMaRL's mean cost.",
    ),
    "figure_6": ("Figure 6. Cost relative to full visibility's", "MAAC, FV and PMaRL; mean cost over FV's mean cost."),
    "figure_7": (
        "Figure 7. Training time per episode",
        "By number of firms, all in one run on one machine; medians of the repeats with 95 % intervals.",
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
        *_agreement(document["claims"]),
        *([findings.strip(), ""] if findings else []),
        *_attainable(document["costs"]),
    ]
    for key, (title, caption) in FIGURES.items():
        if document[key]:
            lines += [
                f"## {title}",
                "",
                f"![{title}](figures/{key}.png)",
                "",
                caption,
                "",
                *_figure_table(key, document),
            ]
    lines += [*_costs(document["costs"]), *_ablations(document["ablations"]), *_paper_tables(document["tables"])]
    lines += [*_training(document["training"]), *_sources(document["provenance"])]
    return "\n".join(lines).rstrip() + "\n"


def _method(document: dict[str, Any]) -> list[str]:
    lines = [
        "50 periods, 5 of them warm-up; costs are means over 100 runs on the same demand paths for every policy. "
        f"Intervals are 95 %, from a bootstrap of {DRAWS:,} draws over training seeds and demand paths, ratios paired "
        "by path. With few seeds such an interval is narrow rather than wide. For each network and shipment lead time "
        "the report takes the largest training budget for which MAAC, PMaRL and FV are there:",
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
    return [*lines, *_table(["network", *(f"lead time {lead}" for lead in LEAD_TIMES)], rows), ""]


def _agreement(claims: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "## Where we agree with the paper and where not",
        "",
        "A claim holds if the whole 95 % interval of its ratio is within the claim's bounds, does not hold if all of "
        f"it is outside, and is not distinguishable otherwise. Costs within {EQUAL:.0%} count as equal, a saving of "
        f"{CLEARLY:.0%} as clear. Simple: bg; complex: r1, r2, r3 (our reading).",
        "",
    ]
    rows = [[claim["claim"], claim["rule"], f"**{claim['verdict']}**"] for claim in claims]
    lines += [*_table(["claim of the paper", "rule", "verdict"], rows, numbers=0), ""]
    for claim in claims:
        if claim["cases"]:
            lines += [f"**{claim['claim']}** ({claim['rule']})", ""]
            lines += [*_cases(claim["cases"]), ""]
    return lines


def _cases(cases: Sequence[dict[str, Any]]) -> list[str]:
    leads = list(dict.fromkeys(case["lead_time"] for case in cases))
    networks = list(dict.fromkeys(case["network"] for case in cases))
    by_place = {(case["network"], case["lead_time"]): case for case in cases}

    def cell(network: str, lead: int | None) -> str:
        case = by_place.get((network, lead))
        return MISSING if case is None else f"{_ratio(case['ratio'])} {case['verdict']}"

    heads = ["network", *("ratio" if lead is None else f"lead time {lead}" for lead in leads)]
    return _table(heads, [[network, *(cell(network, lead) for lead in leads)] for network in networks])


def _attainable(costs: Sequence[dict[str, Any]]) -> list[str]:
    """How far the formulas are from what can be reached, beside the paper's Figure 5."""

    def span(policy: str, networks: Iterable[str]) -> str | None:
        found = [
            row["to_yardstick"][0]
            for row in costs
            if row["policy"] == policy and row["network"] in networks and row.get("to_yardstick")
        ]
        return f"{min(found):.2f} to {max(found):.2f}" if found else None

    lines = ["## How far from the best attainable", ""]
    lines += [
        "The yardstick is `hdpo`: one small network per firm, each seeing its own firm only, trained by the "
        "simulator's own gradient on everybody's cost. It is no bound, but no learner here that firms could run "
        "comes near it.",
        "",
    ]
    rows = []
    for where, networks in (("bg", ["bg"]), ("r1, r2, r3", ["r1", "r2", "r3"])):
        names = [name for name in NAMES if name != YARDSTICK]
        rows.append([where, *(span(name, networks) or MISSING for name in names)])
    lines += _table(["cost ÷ yardstick's", *(SHORT[name] for name in NAMES if name != YARDSTICK)], rows)
    return [
        *lines,
        "",
        "In the paper's Figure 5 BS and DA cost 1.4 to 1.6 times as much as PMaRL on complex networks, and about as "
        "much on the simple one. Neither formula knows the costs: both are set for 95 % service, and a backorder here "
        "costs twice what holding costs, for which that is too much stock. So a tuned constant level (optimised "
        "base-stock) already gains most of what a learner gains on BS, and the distance to the yardstick says what is "
        "left.",
        "",
    ]


def _figure_table(key: str, document: dict[str, Any]) -> list[str]:
    rows = document[key]
    if key == "figure_7":
        methods = list(dict.fromkeys(row["method"] for row in rows))
        by_place = {(row["network"], row["method"]): row["seconds"] for row in rows}
        nodes = {row["network"]: row["nodes"] for row in rows}
        body = [
            [network, str(count), *(_milliseconds(by_place[network, method]) for method in methods)]
            for network, count in nodes.items()
        ]
        return [*_table(["network", "firms", *(f"{NAMES[method]}, ms" for method in methods)], body), ""]
    if key == "figure_8":
        body = [
            [NAMES[row["method"]], str(row["seeds"]), f"{row['mean'][-1]:.3f}", f"{min(row['mean']):.3f}"]
            for row in rows
        ]
        return [*_table(["method", "seeds", "ratio at the end", "lowest mean on the way"], body), ""]
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    by_key = {(row["network"], row["lead_time"], row["policy"]): row["ratio"] for row in rows}
    places = list(dict.fromkeys((row["network"], row["lead_time"]) for row in rows))
    body = [[n, str(lead), *(_ratio(by_key[n, lead, policy]) for policy in policies)] for n, lead in places]
    return [*_table(["network", "lead time", *(SHORT[policy] for policy in policies)], body), ""]


def _costs(costs: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "## All policies",
        "",
        "Mean cost of the 45 counted periods, all firms; in brackets 95 % intervals. The yardstick is the near-optimal "
        "policy.",
        "",
    ]
    heads = ["policy", "mean cost", "÷ base-stock", "÷ yardstick"]
    for network, lead_time in dict.fromkeys((row["network"], row["lead_time"]) for row in costs):
        rows = [row for row in costs if (row["network"], row["lead_time"]) == (network, lead_time)]
        body = [
            [
                NAMES[row["policy"]],
                _cost(row.get("mean")),
                *(_ratio(row.get(k)) for k in ("to_base_stock", "to_yardstick")),
            ]
            for row in rows
        ]
        lines += [f"### {network}, shipment lead time {lead_time}", "", *_table(heads, body), ""]
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
            _ratio(row.get("to_method")),
        ]
        for row in rows
    ]
    return [
        "## Ablations",
        "",
        "One setting changed, the same seeds and paths.",
        "",
        *_table(heads, body, numbers=1),
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
        body = [[_plain(value) for value in row.values()] for row in rows]
        lines += [f"## {caption}", "", *_table(heads, body, numbers=0 if number == "3" else None), ""]
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
    return ["## Training", "", text, "", *_table(heads, body), ""]


def _sources(facts: dict[str, list[str]]) -> list[str]:
    body = [[key, ", ".join(values)] for key, values in facts.items()]
    return ["## Where the numbers come from", "", *_table(["of all raw files", ""], body, numbers=0), ""]


def _ratio(triple: Sequence[float] | None) -> str:
    return MISSING if triple is None else f"{triple[0]:.3f} ({triple[1]:.3f} … {triple[2]:.3f})"


def _cost(triple: Sequence[float] | None) -> str:
    return MISSING if triple is None else f"{triple[0]:,.0f} ({triple[1]:,.0f} … {triple[2]:,.0f})"


def _milliseconds(triple: Sequence[float]) -> str:
    return f"{1e3 * triple[0]:.1f} ({1e3 * triple[1]:.1f} … {1e3 * triple[2]:.1f})"


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("_", " ")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int | None = None) -> list[str]:
    """A markdown table; the last `numbers` columns (None: all but the first) are set to the right."""
    right = len(heads) - 1 if numbers is None else numbers
    rule = ["---"] * (len(heads) - right) + ["---:"] * right
    line: Callable[[Sequence[str]], str] = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    return [line(heads), line(rule), *(line(row) for row in rows)]
