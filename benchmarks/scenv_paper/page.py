"""report.md and report.html: the report's document as a page that people read. Its text stands in templates/."""

from __future__ import annotations

import itertools
import re
from typing import Any

import jinja2
from markdown_it import MarkdownIt

from scenv_paper import wording
from scenv_paper.claims import CLEARLY, COMPLEX, EQUAL, SIMPLE
from scenv_paper.design import LEAD_TIMES, NETWORKS
from scenv_paper.results import NEAR_OPTIMAL

FIGURES = {
    "figure_5": {
        "title": "Figure 5. Cost relative to PMaRL's",
        "caption": "Base-stock, decomposition–aggregation and PMaRL; mean cost over PMaRL's mean cost.",
    },
    "figure_6": {
        "title": "Figure 6. Cost relative to full visibility's",
        "caption": "MAAC, FV and PMaRL; mean cost over FV's mean cost.",
    },
    "figure_7": {
        "title": "Figure 7. Training time per episode",
        "caption": "By number of firms, all in one run on one machine; medians of the repeats with 95 % intervals "
        "(sign test). Clock: {clock}.",
    },
    "figure_8": {
        "title": "Figure 8. Training curves on r3, shipment lead time 2",
        "caption": "Cost of the greedy policies relative to base-stock's while training: mean over the seeds, lowest "
        "and highest seed.",
    },
}
TABLES = {"1": "Table 1. Networks", "2": "Table 2. Scenarios", "3": "Table 3. Methods"}


def page(document: dict[str, Any], findings: str = "") -> str:
    """The whole of report.md.

    Args:
        document: what `document.make_document` returned.
        findings: a text of yours, in markdown, to stand after the claims.
    """
    return (
        _environment()
        .get_template("report.md.j2")
        .render(
            document=document,
            findings=findings.strip(),
            places=_places(document),
            tuned=_beside_tuned(document["costs"]),
            figure_5_here=_beside_figure_5(document["figure_5"]),
        )
        .rstrip()
        + "\n"
    )


def html(text: str) -> str:
    """report.html of report.md, with pictures still in files of their own: contents first, an anchor a section."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(text)
    sections = []
    for opening, heading in itertools.pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            anchor = re.sub(r"[^a-z0-9]+", "-", heading.content.lower()).strip("-")
            opening.attrSet("id", anchor)
            sections.append({"anchor": anchor, "title": heading.content})
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    title = next(line for line in text.splitlines() if line.startswith("# "))[2:]
    return _environment().get_template("report.html.j2").render(title=title, sections=sections, body=body)


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("scenv_paper"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {function.__name__: function for function in wording.FILTERS}
    made.globals |= {
        "MISSING": wording.MISSING,
        "ONE_SEED": wording.ONE_SEED,
        "EQUAL": EQUAL,
        "CLEARLY": CLEARLY,
        "SIMPLE": SIMPLE,
        "COMPLEX": COMPLEX,
        "NEAR_OPTIMAL": NEAR_OPTIMAL,
        "FIGURES": FIGURES,
        "TABLES": TABLES,
    }
    return made


def _places(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every network and lead time of the paper, those without results too."""
    known = {(place["network"], place["lead_time"]): place for place in document["places"]}
    nothing: dict[str, Any] = {"budget": None, "seeds": {}}
    return [
        known.get((network, lead), {**nothing, "network": network, "lead_time": lead})
        for network in NETWORKS
        for lead in LEAD_TIMES
    ]


def _beside_tuned(costs: list[dict[str, Any]]) -> dict[str, Any]:
    """Everybody against constants that are tuned, which is the other thing that they could be measured by."""
    key = "to_optimised_base_stock"
    policies = ("base-stock", "decomposition-aggregation", "maac", "pmarl", "fv", NEAR_OPTIMAL)
    spans = [(policy, wording.span(costs, key, (*SIMPLE, *COMPLEX), policy)) for policy in policies]
    triples = [row[key] for row in costs if row["policy"] == "pmarl" and row.get(key)]
    below, above = sum(high < 1 for _, _, high in triples), sum(low > 1 for _, low, _ in triples)
    return {
        "spans": [f"{wording.short(policy)} {found}" for policy, found in spans if found],
        "cases": len(triples),
        "below": below,
        "above": above,
        "unclear": len(triples) - below - above,
    }


def _beside_figure_5(rows: list[dict[str, Any]]) -> list[str]:
    said = []
    for networks, kind in ((SIMPLE, "on the simple network"), (COMPLEX, "on complex ones")):
        spans = [
            f"{wording.short(policy)} {found}"
            for policy in ("base-stock", "decomposition-aggregation")
            if (found := wording.span(rows, "ratio", networks, policy))
        ]
        said += [f"{' and '.join(spans)} {kind}"] if spans else []
    return said
