"""The links on which orders and shipments travel, in the order of every array [S+E, ..]: from the external supplier to
each source, then the network's edges by supplier, within one supplier in the network file's order.
"""

from __future__ import annotations

import numpy as np

from scenv.network.network import Network

__all__ = ["order_link_buyers", "order_links"]


def order_links(network: Network) -> list[tuple[str | None, str]]:
    """(supplier, customer) of the order links, [S+E]; None is the external supplier."""
    by_supplier = np.argsort(network.supplier, kind="stable")
    external: list[tuple[str | None, str]] = [(None, network.agents[i]) for i in network.sources]
    return external + [network.edges[e] for e in by_supplier]


def order_link_buyers(network: Network) -> np.ndarray:
    """[S+E] the firm that orders and receives on each order link."""
    by_supplier = np.argsort(network.supplier, kind="stable")
    return np.concatenate([network.sources, network.customer[by_supplier]])
