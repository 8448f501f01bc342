"""Serial chains that order in batches, by stockpyl's simulator (MIT): an independent oracle of (s, S) and (r, Q).

Runs in the environment that stockpyl_trajectories.py describes, whose conventions it shares. The committed answers
(stockpyl_batches.json beside this file) are made anew by

    /tmp/stockpyl/bin/python tests/oracles/stockpyl_batches.py > tests/oracles/stockpyl_batches.json
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from stockpyl.policy import Policy
from stockpyl.sim import initialize, step
from stockpyl_trajectories import build, columns, firm_period

FIRMS = ("ret_0", "whole_0", "dist_0", "sup_0")
PERIODS = 40
LOT = 64
RULES: dict[str, dict[str, list[float]]] = {
    "sS": {"reorder_point": [80, 95, 130, 120], "order_up_to_level": [130, 165, 190, 200]},
    "rQ": {"reorder_point": [79, 94, 110, 130], "order_quantity": [LOT] * 4},
}


def system() -> dict[str, Any]:
    """The beer game with whole demand of 20 to 44 a period, 32 on average; firms run out now and then."""
    rng = random.Random(5)
    demand = [rng.randint(20, 44) for _ in range(PERIODS // 2)]
    demand += [64 - units for units in demand]
    same = {"mean_demand": 32, "initial_on_hand": 32, "level": 0, "order_lead_time": 1, "shipment_lead_time": 2}
    return {
        "edges": [["whole_0", "ret_0"], ["dist_0", "whole_0"], ["sup_0", "dist_0"]],
        "demand": {"ret_0": demand},
        "holding": dict(zip(FIRMS, [1.6, 1.2, 0.8, 0.4], strict=True)),
        "backorder": dict(zip(FIRMS, [3.2, 2.4, 1.6, 0.8], strict=True)),
        **{field: dict.fromkeys(FIRMS, value) for field, value in same.items()},
    }


def simulate(rule: str) -> dict[str, dict[str, list[float]]]:
    """Field -> firm -> its values at the end of every period."""
    network, nodes = build(system())
    for position, name in enumerate(FIRMS):
        numbers = {field: values[position] for field, values in RULES[rule].items()}
        nodes[name].inventory_policy = Policy(type=rule, node=nodes[name], **numbers)
    initialize(network, PERIODS)
    for _ in range(PERIODS):
        step(network, consistency_checks="E")
    firms = {name: columns([firm_period(nodes[name], t) for t in range(PERIODS)]) for name in FIRMS}
    return {field: {name: own[field] for name, own in firms.items()} for field in firms[FIRMS[0]]}


if __name__ == "__main__":
    answers = {"made_by": "stockpyl==1.0.2", "system": system(), "rules": RULES}
    json.dump({**answers, "trajectories": {rule: simulate(rule) for rule in RULES}}, sys.stdout, separators=(",", ":"))
    print()
