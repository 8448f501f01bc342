"""What disruptions cost each policy: every named set of disruptions, on every path beside the same path undisturbed.

    python -m benchmarks.resilience [--policies base-stock,runs/r2/policies]

writes results/resilience.json and results/resilience.md. Seconds on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import scenv
from benchmarks.markdown import table_head, table_row
from scenv.scenario.disruption_sets import DISRUPTION_SETS
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
POLICIES = ("base-stock", "decomposition-aggregation", "optimised-base-stock", "pretrained")
NETWORKS = ("bg", "r2")
PATHS = {"episodes": 100, "seed": 0}


def measure(policies: Sequence[str], networks: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a network, set and policy, with the figures of `scenv.Resilience.to_dict`."""
    entries = []
    for network in networks:
        for name in DISRUPTION_SETS:
            found = scenv.resilience(list(policies), network, disruptions=name, **PATHS).to_dict()
            for policy, figures in found["policies"].items():
                entries.append({"network": network, "set": name, "policy": policy, **figures})
    return entries


def report(document: dict[str, Any]) -> str:
    """The whole of resilience.md."""
    source = ", ".join(f"{key} {value}" for key, value in document["provenance"].items() if key != "command")
    lines = [
        "# What disruptions cost",
        "",
        f"`{document['provenance']['command']}`",
        "",
        f"{source}. {PATHS['episodes']} paths, seed {PATHS['seed']}, each beside the same path undisturbed. No policy "
        "was made for disruptions.",
        "",
    ]
    for network in dict.fromkeys(entry["network"] for entry in document["entries"]):
        own = [entry for entry in document["entries"] if entry["network"] == network]
        lines += [f"## {network}", "", *_table(own), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(entries: list[dict[str, Any]]) -> list[str]:
    header = ("disruptions", "policy", "calm", "disturbed", "disturbed ÷ calm", "CVaR 5 % ÷ calm", "service lost")
    lines = table_head((*header, "recovers", "firms reached"), left=2)
    for entry in entries:
        low, high = entry["ratio_ci95"]
        recovers = entry["time_to_recover"]
        lines.append(
            table_row(
                (
                    entry["set"],
                    entry["policy"],
                    f"{entry['calm_cost']:,.0f}",
                    f"{entry['disturbed_cost']:,.0f}",
                    f"{entry['ratio']:.3f} ± {(high - low) / 2:.3f}",
                    f"{entry['cvar5']:.2f}",
                    f"{entry['service_lost']:.2f}",
                    "not by the end" if recovers is None else f"{recovers:.0f}",
                    f"{entry['ripple_firms']:.1f}",
                )
            )
        )
    return lines


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", default=POLICIES, type=lambda text: text.split(","))
    parser.add_argument("--networks", default=NETWORKS, type=lambda text: text.split(","))
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    document = {"provenance": provenance(), "entries": measure(args.policies, args.networks)}
    (args.out / "resilience.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "resilience.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
