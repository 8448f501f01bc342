"""The report's reading of its own numbers: the paper's claims one by one, and how far from the best everything is.

Every sentence here that says how something came out is made from the report's document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scenv_paper.claims import CLEARLY, COMPLEX, EQUAL, SIMPLE
from scenv_paper.markdown import MISSING, ONE_SEED, SHORT, ratio, table
from scenv_paper.results import YARDSTICK


def agreement(claims: Sequence[dict[str, Any]]) -> list[str]:
    """Every claim with its rule and verdict, then every case with its interval."""
    lines = [
        "## Where we agree with the paper and where not",
        "",
        "A claim holds if the whole 95 % interval of its ratio is within the claim's bounds, does not hold if all of "
        f"it is outside, and is not distinguishable otherwise. Costs within {EQUAL:.0%} count as equal, a saving of "
        f"{CLEARLY:.0%} as clear. Simple: {', '.join(SIMPLE)}; complex: {', '.join(COMPLEX)} (our reading).",
        "",
    ]
    rows = [[claim["claim"], claim["rule"], f"**{claim['verdict']}**", *_counts(claim["cases"])] for claim in claims]
    lines += [*table(["claim of the paper", "rule", "verdict", "cases", "on one seed"], rows, numbers=2), ""]
    if any(case["seeds"] == 1 for claim in claims for case in claim["cases"]):
        lines += [
            f"{ONE_SEED} One training seed only: the interval says how the cost varies with demand, not what another "
            "training would have given. Such a verdict is about one run.",
            "",
        ]
    for claim in claims:
        if claim["cases"]:
            lines += [f"**{claim['claim']}** ({claim['rule']})", "", *_cases(claim["cases"]), ""]
    return lines


def _counts(cases: Sequence[dict[str, Any]]) -> tuple[str, str]:
    return str(len(cases) or MISSING), str(sum(case["seeds"] == 1 for case in cases) or MISSING)


def _cases(cases: Sequence[dict[str, Any]]) -> list[str]:
    leads = list(dict.fromkeys(case["lead_time"] for case in cases))
    networks = list(dict.fromkeys(case["network"] for case in cases))
    by_place = {(case["network"], case["lead_time"]): case for case in cases}

    def cell(network: str, lead: int | None) -> str:
        case = by_place.get((network, lead))
        if case is None:
            return MISSING
        return f"{ratio(case['ratio'])}<br>{case['verdict']}{ONE_SEED if case['seeds'] == 1 else ''}"

    heads = ["network", *("ratio" if lead is None else f"lead time {lead}" for lead in leads)]
    return table(heads, [[network, *(cell(network, lead) for lead in leads)] for network in networks])


def attainable(document: dict[str, Any]) -> list[str]:
    """BS, DA and the learners beside the best attainable, and beside the paper's Figure 5."""
    names = [name for name in document["policies"] if name != YARDSTICK]
    rows = []
    for networks in (SIMPLE, COMPLEX):
        spans = (_span(document["costs"], "to_yardstick", networks, name) for name in names)
        rows.append([", ".join(networks), *(span or MISSING for span in spans)])
    return [
        "## How far from the best attainable",
        "",
        "The yardstick is `hdpo`: one small network per firm, each seeing its own firm only, trained by the "
        "simulator's own gradient on everybody's cost. It is no bound: a better policy may exist. Lowest and highest "
        "ratio over networks and lead times, budgets as above:",
        "",
        *table(["cost ÷ yardstick's", *(SHORT.get(name, name) for name in names)], rows),
        "",
        *_beside_optimised(document["costs"]),
        *_beside_figure_5(document["figure_5"]),
    ]


def _beside_optimised(costs: Sequence[dict[str, Any]]) -> list[str]:
    """BS, DA and PMaRL against constants that are tuned, which is the other thing that they could be measured by."""
    key = "to_optimised_base_stock"
    everywhere = (*SIMPLE, *COMPLEX)
    said = [
        f"{SHORT[policy]} {span}"
        for policy in ("base-stock", "decomposition-aggregation", "maac", "pmarl", "fv", YARDSTICK)
        if (span := _span(costs, key, everywhere, policy))
    ]
    if not said:
        return []
    text = (
        "Neither BS nor DA knows the costs: both are set for 95 % service, while a backorder here costs twice what "
        "holding costs, which asks for less. Constant levels tuned by simulation (optimised base-stock) are what a "
        f"policy has to beat to be worth learning. Cost ÷ theirs, lowest to highest: {', '.join(said)}."
    )
    triples = [row[key] for row in costs if row["policy"] == "pmarl" and row.get(key)]
    if triples:
        below, above = sum(high < 1 for _, _, high in triples), sum(low > 1 for _, low, _ in triples)
        text += f" PMaRL costs less than they do in {below} of {len(triples)} cases and more in {above}, by intervals"
        unclear = len(triples) - below - above
        text += f"; in {unclear} it cannot be told." if unclear else "."
    return [text, ""]


def _beside_figure_5(rows: Sequence[dict[str, Any]]) -> list[str]:
    said = []
    for networks, kind in ((SIMPLE, "on the simple network"), (COMPLEX, "on complex ones")):
        spans = [
            f"{SHORT[policy]} {span}"
            for policy in ("base-stock", "decomposition-aggregation")
            if (span := _span(rows, "ratio", networks, policy))
        ]
        said += [f"{' and '.join(spans)} {kind}"] if spans else []
    paper = (
        "In the paper's Figure 5 BS and DA cost 1.4 to 1.6 times as much as PMaRL on complex networks, and about as "
        "much on the simple one"
    )
    return [f"{paper}. Here it is {'; '.join(said)}." if said else f"{paper}.", ""]


def _span(rows: Sequence[dict[str, Any]], key: str, networks: Iterable[str], policy: str) -> str | None:
    """Lowest to highest of a ratio over networks and lead times; None if there is none."""
    found = [row[key][0] for row in rows if row["policy"] == policy and row["network"] in (*networks,) and row.get(key)]
    if not found:
        return None
    low, high = f"{min(found):.2f}", f"{max(found):.2f}"
    return low if low == high else f"{low} to {high}"
