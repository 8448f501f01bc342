"""`demand: data`: the demand that the network's own source states for its retailers."""

from __future__ import annotations

import math

import numpy as np

from scenv.network.network import Network
from scenv.scenario.demand.deterministic import DeterministicDemand
from scenv.scenario.demand.negative_binomial import NegativeBinomialDemand
from scenv.scenario.demand.normal import NormalDemand
from scenv.scenario.demand.per_retailer import PerRetailerDemand
from scenv.scenario.demand.poisson import PoissonDemand
from scenv.scenario.demand.process import DemandProcess
from scenv.scenario.fields import FieldError

__all__ = ["demand_of_network"]


def demand_of_network(network: Network) -> DemandProcess:
    """Independent demand of each retailer with the mean and standard deviation that the network's source states.

    A deviation above a Poisson's is negative binomial, whose moments are exactly those stated, however large; one below
    is normal, cut at 0; without a deviation, demand is Poisson, and with the deviation 0 always the mean [choice: the
    source says two moments].

    Raises:
        FieldError: if the source states no mean for a retailer.
    """
    processes = {}
    for i in network.retailers.tolist():
        mean, std = float(network.demand_mean[i]), float(network.demand_std[i])
        if math.isnan(mean):
            raise FieldError(
                f"'data': network {network.name!r} states no demand for retailer {network.agents[i]!r}; "
                "expected demand_mean (avgDemand in the Willems data set) at every retailer"
            )
        processes[network.agents[i]] = _process(mean, std)
    return PerRetailerDemand(processes=processes)


def _process(mean: float, std: float) -> DemandProcess:
    if std == 0 or mean == 0:
        return DeterministicDemand(values=[mean])
    if math.isnan(std) or np.isclose(std**2, mean):
        return PoissonDemand(mean=mean)
    return NegativeBinomialDemand(mean=mean, std=std) if std**2 > mean else NormalDemand(mean=mean, std=std)
