"""results/near_optimal.json as tables that people read."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import table_head, table_row

#: Columns: name of the variant -> what it says.
TITLES = {
    "local": "own observation, action range",
    "nearest": "the same, nearest action",
    "straight_through": "trained with nearest actions",
    "free": "any order",
    "global": "every firm's observation",
}


def report(document: dict[str, Any]) -> str:
    """The whole of near_optimal.md."""
    source = ", ".join(f"{key} {value}" for key, value in document["provenance"].items() if key != "command")
    entries = document["policies"]
    lines = [
        "# Near-optimal policies",
        "",
        f"`{document['provenance']['command']}`",
        "",
        f"{source}.",
        "",
        "Hindsight differentiable policy optimisation (Alvo, Russo, Kanoria; `pmarl-train --method hdpo`, defaults). "
        f"Cost relative to base-stock over {document['episodes']} runs on the classical policies' demand paths (seed "
        f"{document['seed']}), with 95 % intervals of the paired ratio. No training path is among them.",
        "",
    ]
    for lead_time in sorted({entry["lead_time"] for entry in entries}, key=lambda lead: (lead != 2, lead)):
        lines += _table([entry for entry in entries if entry["lead_time"] == lead_time], lead_time)
    return "\n".join(lines).rstrip() + "\n"


def _table(entries: list[dict[str, Any]], lead_time: int) -> list[str]:
    found = {(entry["network"], entry["variant"]): entry for entry in entries}
    networks = list(dict.fromkeys(entry["network"] for entry in entries))
    variants = [name for name in TITLES if any(entry["variant"] == name for entry in entries)]
    header = ["network", "mean cost (own observation)", *(TITLES[name] for name in variants), "minutes"]
    lines = [f"## Shipment lead time {lead_time}", "", *table_head(header)]
    for network in networks:
        cells = [_ratio(found.get((network, name))) for name in variants]
        local = found[network, "local"]
        minutes = f"{local['training']['seconds'] / 60:.1f}"
        lines.append(table_row([network, _cost(local), *cells, minutes]))
    return [*lines, ""]


def _cost(entry: dict[str, Any]) -> str:
    return f"{entry['mean']:,.0f} ± {(entry['ci95'][1] - entry['ci95'][0]) / 2:,.0f}"


def _ratio(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return ""
    low, high = entry["ratio_ci95"]
    return f"{entry['ratio']:.3f} ± {(high - low) / 2:.3f}"
