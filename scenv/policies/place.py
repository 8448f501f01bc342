"""A firm's place in its network, as numbers that mean the same in every network: what `Pretrained` is told beforehand.

Facts of the network's structure, costs, lead times and demand, known before operation begins. Nothing of what happens
in operation is among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from scenv.network.network import Network
from scenv.scenario.implied import firm_demand_moments, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.dynamics import LocalState
from scenv.simulation.structure import Structure, build_structure

#: The columns of `Places.features`.
FEATURES = (
    "log mean demand",
    "log unit over mean demand",
    "lead time",
    "log backorder over holding cost",
    "log holding cost over suppliers' mean",
    "log holding cost over customers' mean",
    "log value of a unit over the network's mean",
    "is a source",
    "is a retailer",
    "log number of suppliers",
    "log number of customers",
    "log number of equal customers",
    "links to the customer",
    "links to the source",
    "share of suppliers' demand",
    "log of the network's backorder over holding cost",
)
#: A unit is a standard deviation of demand, but at least this part of its mean.
_LEAST_UNIT = 0.05
#: Mean demand above which whole units do not matter any more, so that more of it means nothing new.
_LARGE = 1000.0


@dataclass(frozen=True, eq=False)
class Places:
    """The places of N firms.

    Attributes:
        features: [N, F] float32, see `FEATURES`.
        of_customers: [N, N] sparse; times values [N, .] it gives each firm the mean over its customers, weighted by
            what they order of it.
        of_suppliers: [N, N] sparse; the mean over its suppliers, who get equal parts of its orders.
        unit: [N] in which a firm counts, units of product: a standard deviation of its demand.
        usual: [5, N] what a firm's local state is compared with: what is under way and what flows at mean demand.
    """

    features: np.ndarray
    of_customers: Any
    of_suppliers: Any
    unit: np.ndarray
    usual: np.ndarray


def places_of(scenario: Scenario, structure: Structure | None = None) -> Places:
    """The places of a scenario's firms; `structure` is the scenario compiled, if it is at hand."""
    network = scenario.network
    structure = build_structure(scenario) if structure is None else structure
    mean, std = firm_demand_moments(scenario)
    mean = np.where(mean > 0, mean, 1.0)
    unit = np.maximum(std, _LEAST_UNIT * mean)
    lead_time = structure.lead_time.astype(np.float64)
    usual = np.zeros((len(LocalState._fields), len(mean)))
    for field, value in {"on_order": mean * lead_time, "received": mean, "demand": mean}.items():
        usual[LocalState._fields.index(field)] = value
    of_customers, of_suppliers = _neighbour_means(network, mean)
    features = _features(scenario, mean, unit, lead_time, of_customers, of_suppliers)
    return Places(features.astype(np.float32), of_customers, of_suppliers, unit, usual)


def _neighbour_means(network: Network, mean: np.ndarray) -> tuple[Any, Any]:
    """`Places.of_customers` and `Places.of_suppliers`."""
    n, u, v = len(mean), network.supplier, network.customer
    ordered = mean[v] / network.in_degree[v]
    total = np.bincount(u, ordered, minlength=n)
    of_customers = sparse.csr_array((ordered / total[u], (u, v)), shape=(n, n), dtype=np.float32)
    of_suppliers = sparse.csr_array((1.0 / network.in_degree[v], (v, u)), shape=(n, n), dtype=np.float32)
    return of_customers, of_suppliers


def _features(
    scenario: Scenario, mean: np.ndarray, unit: np.ndarray, lead_time: np.ndarray, of_customers: Any, of_suppliers: Any
) -> np.ndarray:
    """[N, F]."""
    network = scenario.network
    holding, backorder = unit_costs(scenario)
    is_source, is_retailer = network.in_degree == 0, network.out_degree == 0
    least = 1e-4 * max(float(holding.mean()), 1e-12)
    cost = np.log(np.maximum(holding, least))
    value = np.maximum(holding, least) * unit
    weights = of_customers.multiply(of_customers).sum(axis=1)
    equal = np.where(is_retailer, 1.0, 1.0 / np.where(is_retailer, 1.0, weights))
    down, up = _distances(network)
    ratio = float((backorder * unit).sum()) / max(float((holding * unit).sum()), 1e-12)
    links = of_customers.tocoo()  # (supplier, customer) -> the part of the supplier's demand that comes from it
    taken = np.bincount(links.coords[1], links.data, minlength=len(mean))
    return np.stack(
        [
            np.log(np.minimum(mean, _LARGE)) / 2,
            np.log(unit / mean),
            lead_time / 3,
            np.log(np.clip(backorder / np.maximum(holding, least), 0.05, 100)),
            np.where(is_source, 0.0, cost - of_suppliers @ cost) / 2,
            np.where(is_retailer, 0.0, cost - of_customers @ cost) / 2,
            np.log(value / value.mean()) / 2,
            is_source,
            is_retailer,
            np.log1p(network.in_degree),
            np.log1p(network.out_degree),
            np.log(equal),
            down / 4,
            up / 4,
            taken / np.maximum(network.in_degree, 1),
            np.full(len(mean), np.log(np.clip(ratio, 0.05, 100))),
        ],
        axis=1,
    )


def _distances(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """[N] most links from each firm down to a retailer, and up to a source."""
    down, up = np.zeros(len(network.agents)), np.zeros(len(network.agents))
    u, v = network.supplier, network.customer
    for ends, other, far in ((u, v, down), (v, u, up)):
        changed = len(u) > 0
        while changed:
            before = far.copy()
            np.maximum.at(far, ends, far[other] + 1)
            changed = not np.array_equal(before, far)
    return down, up


def deviations(local: np.ndarray, usual: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """What firms see of a period, [N, B, 5] float32: local states [5, N, B] less `usual` [5, N], over `unit` [N]."""
    return ((local - usual[:, :, None]) / unit[:, None]).transpose(1, 2, 0).astype(np.float32)
