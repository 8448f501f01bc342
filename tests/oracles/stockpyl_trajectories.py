"""Trajectories of networks under base stock by stockpyl's simulator (MIT), as an independent oracle of the dynamics.

Runs in an environment of its own and imports stockpyl 1.0.2 and nothing of ours. That environment, and the committed
answers (stockpyl_trajectories.json beside this file), are made anew by

    python -m venv /tmp/stockpyl
    /tmp/stockpyl/bin/pip install "numpy>=2" scipy networkx matplotlib tabulate jsonpickle tqdm
    /tmp/stockpyl/bin/pip install --no-deps stockpyl==1.0.2
    python -m tests.scenv.stockpyl_systems /tmp/stockpyl/bin/python

(--no-deps leaves out what only stockpyl's documentation needs.) This script reads JSON on standard input, name ->
system, and writes name -> trajectory. A system has `edges` (supplier, customer) in the order in which a supplier serves
its customers; by retailer `demand` (a list of periods); and by firm `mean_demand` (what flows before period 0),
`initial_on_hand`, base-stock `level`, `holding` and `backorder` cost, `order_lead_time` and `shipment_lead_time` (of
all that the firm orders). A trajectory has, for every period, what each firm and each edge shows at its end.

How stockpyl's conventions map to ours (docs/pages/validation.md):

* Products. A node of stockpyl makes its product from a unit of every supplier's product (an assembly). In ours any
  supplier's unit will do. So all suppliers of a firm make one and the same product, and the suppliers of all firms that
  make it share theirs, and so on up the network.
* Orders. stockpyl's base-stock policy orders everything from the first supplier of a product; ours splits equally. How
  much is ordered stays stockpyl's decision; the policy is overloaded to split it, as its docstring advises. (`step`
  also takes the parts as `order_quantity_override`, but then their sum has to be computed outside.)
* The external supplier. stockpyl puts what a source orders into the source's shipment pipeline, order_lead_time +
  shipment_lead_time ahead, but fills only the shipment part of it at the start. So the order lead time is folded into
  a source's shipment lead time.
* Scarce stock. Customers are served one after the other, in the order in which their edges were added, each one's
  backorders and new order together: our `allocation="priority"`.
* Costs. Goods in transit are charged at the supplier's holding cost unless told otherwise; here they cost nothing.
* The first period. Where ours orders within a period (order lead time 0), nobody has decided anything before period 0,
  and firms order the demand of period 0. So that firm's first level is what it has and will have before that demand.
* Sequence of events. Within a period stockpyl orders before goods arrive, ours after serving. Neither receiving nor
  serving changes the inventory position once demand is known, so the order is the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from stockpyl.demand_source import DemandSource
from stockpyl.policy import Policy
from stockpyl.sim import initialize, step
from stockpyl.supply_chain_network import SupplyChainNetwork
from stockpyl.supply_chain_node import SupplyChainNode
from stockpyl.supply_chain_product import SupplyChainProduct

System = Mapping[str, Any]
#: Products are numbered from here on, nodes from 0.
FIRST_PRODUCT = 1000
#: Decimal places of what is written.
DIGITS = 11


class EqualSplit(Policy):
    """stockpyl's base-stock policy, its order of each material split equally over the material's suppliers."""

    def get_order_quantity(self, *args: Any, include_raw_materials: bool = False, **kwargs: Any) -> Any:
        """See stockpyl: a number, or supplier -> material -> quantity, with the order as such under None -> None."""
        ordered = super().get_order_quantity(*args, include_raw_materials=include_raw_materials, **kwargs)
        if not include_raw_materials:
            return ordered
        for material in {material for row in ordered.values() for material in row} - {None}:
            rows = [row for row in ordered.values() if material in row]
            part = sum(row[material] for row in rows) / len(rows)
            for row in rows:
                row[material] = part
        return ordered


def products_of(suppliers: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Firm -> number of what it makes: co-suppliers share it, and so do all suppliers of those who share one."""
    product = {name: FIRST_PRODUCT + k for k, name in enumerate(suppliers)}
    while True:
        needed: dict[int, set[int]] = {}
        for name, made in product.items():
            needed.setdefault(made, set()).update(product[supplier] for supplier in suppliers[name])
        shared = next((group for group in needed.values() if len(group) > 1), None)
        if shared is None:
            return product
        product = {name: min(shared) if made in shared else made for name, made in product.items()}


def build(system: System) -> tuple[SupplyChainNetwork, dict[str, SupplyChainNode]]:
    """stockpyl's network with our initial state, and its node of each firm."""
    names = list(system["level"])
    suppliers = {name: [supplier for supplier, customer in system["edges"] if customer == name] for name in names}
    product = products_of(suppliers)
    made = {index: SupplyChainProduct(index) for index in sorted(set(product.values()))}
    for name in names:
        for supplier in suppliers[name]:
            made[product[name]].set_bill_of_materials(raw_material=product[supplier], num_needed=1)
    network, nodes = SupplyChainNetwork(), {}
    for index, name in enumerate(names):
        order, shipment = system["order_lead_time"][name], system["shipment_lead_time"][name]
        if not suppliers[name]:
            order, shipment = 0, order + shipment
        flow = system["mean_demand"][name] / max(1, len(suppliers[name]))
        node = SupplyChainNode(
            index,
            supply_type=None if suppliers[name] else "U",
            local_holding_cost=system["holding"][name],
            in_transit_holding_cost=0,
            stockout_cost=system["backorder"][name],
            order_lead_time=order,
            shipment_lead_time=shipment,
            initial_inventory_level=system["initial_on_hand"][name],
            initial_orders=flow,
            initial_shipments=flow,
        )
        node.add_product(made[product[name]])
        node.inventory_policy = EqualSplit(type="BS", base_stock_level=system["level"][name], node=node)
        if name in system["demand"]:
            node.demand_source = DemandSource(type="D", demand_list=system["demand"][name])
        network.add_node(node)
        nodes[name] = node
    for supplier, customer in system["edges"]:
        network.add_edge(nodes[supplier].index, nodes[customer].index)
    return network, nodes


def simulate(system: System) -> dict[str, Any]:
    """`firms` and `edges`: field -> firm, or position of the edge -> values at the end of every period."""
    network, nodes = build(system)
    periods = range(len(next(iter(system["demand"].values()))))
    initialize(network, len(periods))
    for name, lead_time in system["order_lead_time"].items():
        if lead_time == 0:
            coming = system["mean_demand"][name] * system["shipment_lead_time"][name]
            nodes[name].inventory_policy.base_stock_level = system["initial_on_hand"][name] + coming
    for t in periods:
        step(network, consistency_checks="E")
        if t == 0:
            for name, node in nodes.items():
                node.inventory_policy.base_stock_level = system["level"][name]
    firms = {name: columns([firm_period(node, t) for t in periods]) for name, node in nodes.items()}
    edges = [columns([edge_period(nodes[u], nodes[v], t) for t in periods]) for u, v in system["edges"]]
    some = next(iter(firms.values()))
    return {
        "firms": {field: {name: own[field] for name, own in firms.items()} for field in some},
        "edges": {field: [own[field] for own in edges] for field in (edges[0] if edges else ())},
    }


def columns(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Field -> its values in all rows, rounded far below the tolerance to keep the committed file small."""
    return {field: [round(row[field], DIGITS) for row in rows] for field in rows[0]}


def firm_period(node: SupplyChainNode, t: int) -> dict[str, float]:
    """One firm's period in our words; what is on order counts this period's order.

    `inventory_level` is kept by stockpyl as a balance, `backorder` customer by customer.
    """
    state, [made] = node.state_vars[t], node.product_indices

    def total(table: Mapping[Any, Mapping[Any, float]]) -> float:
        return float(sum(sum(row.values()) for row in table.values()))

    return {
        "inventory_level": float(state.inventory_level[made]),
        "backorder": total(state.backorders_by_successor),
        "on_order": total(state.on_order_by_predecessor),
        "received": total(state.inbound_shipment),
        "demand": total(state.inbound_order),
        "order": total(state.order_quantity),
        "cost": float(state.total_cost_incurred),
    }


def edge_period(supplier: SupplyChainNode, customer: SupplyChainNode, t: int) -> dict[str, float]:
    """One edge's period: what was ordered and shipped over it, and what is owed on it afterwards."""
    state, [made] = supplier.state_vars[t], supplier.product_indices
    return {
        "ordered": float(customer.state_vars[t].order_quantity[supplier.index][made]),
        "shipped": float(state.outbound_shipment[customer.index][made]),
        "owed": float(state.backorders_by_successor[customer.index][made]),
    }


if __name__ == "__main__":
    json.dump({name: simulate(system) for name, system in json.load(sys.stdin).items()}, sys.stdout)
