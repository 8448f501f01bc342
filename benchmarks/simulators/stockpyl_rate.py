"""Node-steps per CPU second of stockpyl's simulator on given networks: firms x periods / time of `simulation`."""

import json
import sys
import time

from stockpyl.sim import simulation
from stockpyl.supply_chain_network import network_from_edges


def build(spec):
    """The network of `benchmarks.compare_simulators.description`, under local base-stock policies."""
    return network_from_edges(
        edges=[tuple(edge) for edge in spec["edges"]],
        node_order_in_lists=list(range(spec["firms"])),
        policy_type="BS",
        base_stock_level=spec["levels"],
        local_holding_cost=spec["holding_cost"],
        stockout_cost=spec["backorder_cost"],
        shipment_lead_time=spec["shipment_lead_time"],
        order_lead_time=spec["order_lead_time"],
        demand_type=["P" if mean else None for mean in spec["demand_mean"]],
        mean=[mean or None for mean in spec["demand_mean"]],
    )


def rate(spec, seconds):
    """Node-steps per CPU second; building the network is not counted, stockpyl's own set-up of a run is."""
    done, used = 0, 0.0
    while used < seconds:
        network = build(spec)
        start = time.process_time()
        simulation(network, spec["periods"], rand_seed=done, progress_bar=False, consistency_checks="N")
        used += time.process_time() - start
        done += spec["firms"] * spec["periods"]
    return done / used


request = json.load(sys.stdin)
print(json.dumps({name: rate(spec, request["seconds"]) for name, spec in request["networks"].items()}))
