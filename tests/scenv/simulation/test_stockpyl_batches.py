"""(s, S) and orders in lots equal stockpyl's simulator, an independent implementation (MIT), to 1e-9."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scenv
from scenv.policies import BaseStock, ReorderPoint

ANSWERS = json.loads(
    (Path(__file__).resolve().parents[2] / "oracles" / "stockpyl_batches.json").read_text(encoding="utf-8")
)
FIRMS = ("ret_0", "whole_0", "dist_0", "sup_0")
FIXED_COST = 70.0


def by_firm(field: str, rule: str) -> dict[str, float]:
    return dict(zip(FIRMS, ANSWERS["rules"][rule][field], strict=True))


def followed(rule: str) -> tuple[Any, dict[str, Any]]:
    """Our policy and fields for a rule of stockpyl's: (r, Q) is base stock of r + 1, for whole demand, in lots of Q."""
    if rule == "sS":
        low, high = by_firm("reorder_point", rule), by_firm("order_up_to_level", rule)
        return ReorderPoint("bg", reorder_point=low, order_up_to=high), {}
    levels = {firm: point + 1 for firm, point in by_firm("reorder_point", rule).items()}
    return BaseStock("bg", levels=levels), {"lot_size": by_firm("order_quantity", rule)}


@pytest.mark.parametrize("whole_units", [False, True])
@pytest.mark.parametrize("rule", ["sS", "rQ"])
def test_batches_are_those_of_stockpyl(rule: str, whole_units: bool) -> None:
    policy, fields = followed(rule)
    demand = ANSWERS["system"]["demand"]["ret_0"]
    env = scenv.vector_env(
        "bg", 1, demand={"kind": "deterministic", "values": demand}, shipment_lead_time=2, horizon=len(demand),
        order_cost=FIXED_COST, whole_units=whole_units, **fields,
    )  # fmt: skip
    theirs = {
        field: np.array([values[firm] for firm in FIRMS]).T for field, values in ANSWERS["trajectories"][rule].items()
    }
    env.reset(seed=0)
    ordered = np.zeros(4)  # by the orders that open the period
    orders = []
    for period in range(env.horizon):
        local = env.local_state
        np.testing.assert_allclose(local.on_hand[0] - local.backorder[0], theirs["inventory_level"][period], atol=1e-9)
        for field in ("backorder", "received", "demand"):
            np.testing.assert_allclose(getattr(local, field)[0], theirs[field][period], atol=1e-9, err_msg=field)
        fixed = FIXED_COST * (ordered > 0)
        np.testing.assert_allclose(env.last_info["cost"][0], theirs["cost"][period] + fixed, atol=1e-9)
        if period < env.horizon - 1:
            env.step_orders(policy.orders(local))
            ordered = env.ordered[0]
            orders.append(ordered)
            np.testing.assert_allclose(ordered, theirs["order"][period], atol=1e-9)
    assert 0.2 < np.mean(np.array(orders) > 0) < 0.8
    assert theirs["backorder"].max() > 0
