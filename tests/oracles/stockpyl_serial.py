"""Optimal levels of serial systems by stockpyl (MIT), as an independent oracle. Runs in an environment of its own.

Reads a JSON list of systems on standard input and writes a JSON list of answers. A system has, from the retailer
upstream, `holding` (local costs) and `lead_times` (order + shipment), and `backorder` and `mean` at the retailer.

How its conventions map to ours: lead times are sums (it ignores order lead times); holding costs are echelon costs,
differences along the chain; its cost charges the goods in transit to j at the holding cost of j's supplier, which ours
does not, so that part is taken off.

It needs numpy < 2, scipy, matplotlib, networkx, tabulate, jsonpickle and tqdm; `pip install --no-deps stockpyl` leaves
out what only its documentation needs.
"""

from __future__ import annotations

import json
import sys
from typing import Any

TAIL = 1e-13


def solve(system: dict[str, Any]) -> dict[str, Any]:
    """Echelon levels from the retailer upstream, cost per period, and the newsvendor heuristic's echelon levels."""
    from stockpyl.demand_source import DemandSource
    from stockpyl.ssm_serial import newsvendor_heuristic, optimize_base_stock_levels

    holding, lead_times = system["holding"], system["lead_times"]
    stages = len(holding)
    supplier_holding = [*holding[1:], 0.0]
    chain = {
        "num_nodes": stages,
        "node_order_in_system": list(range(stages, 0, -1)),
        "node_order_in_lists": list(range(1, stages + 1)),
        "echelon_holding_cost": [h - above for h, above in zip(holding, supplier_holding, strict=True)],
        "lead_time": lead_times,
        "stockout_cost": system["backorder"],
        "demand_source": DemandSource(type="P", mean=system["mean"]),
    }
    tails = [f"{sums}ltd_{side}_tail_prob" for sums in ("", "sum_") for side in ("lower", "upper")]
    levels, cost = optimize_base_stock_levels(**chain, **dict.fromkeys(tails, TAIL))
    heuristic = newsvendor_heuristic(**chain)
    in_transit = sum(h * system["mean"] * periods for h, periods in zip(supplier_holding, lead_times, strict=True))
    return {
        "levels": [float(levels[node]) for node in range(1, stages + 1)],
        "cost": float(cost) - in_transit,
        "heuristic": [float(heuristic[node]) for node in range(1, stages + 1)],
    }


if __name__ == "__main__":
    json.dump([solve(system) for system in json.load(sys.stdin)], sys.stdout)
