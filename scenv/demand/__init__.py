"""External demand at the retailers: one small frozen class per kind, with its mean, standard deviation and sampler.

In a scenario, `demand` is a mapping with a `kind` and that class's fields; a number alone is a Poisson mean.

    demand: {kind: negative_binomial, mean: 8, std: 5}
    demand: {kind: seasonal, base: {kind: poisson, mean: 8}, length: 12, amplitude: 0.4}
"""

from scenv.demand.change import ShockDemand, StepDemand
from scenv.demand.compound_poisson import CompoundPoissonDemand
from scenv.demand.correlated import CorrelatedDemand
from scenv.demand.deterministic import DeterministicDemand
from scenv.demand.negative_binomial import NegativeBinomialDemand
from scenv.demand.normal import AutoregressiveDemand, NormalDemand
from scenv.demand.per_retailer import PerRetailerDemand
from scenv.demand.poisson import PoissonDemand
from scenv.demand.process import Demand, DemandProcess, Scale, demand_kind, kind_names, read_demand
from scenv.demand.seasonal import SeasonalDemand
from scenv.demand.time_series import TimeSeriesDemand

__all__ = [
    "AutoregressiveDemand",
    "CompoundPoissonDemand",
    "CorrelatedDemand",
    "Demand",
    "DemandProcess",
    "DeterministicDemand",
    "NegativeBinomialDemand",
    "NormalDemand",
    "PerRetailerDemand",
    "PoissonDemand",
    "Scale",
    "SeasonalDemand",
    "ShockDemand",
    "StepDemand",
    "TimeSeriesDemand",
    "demand_kind",
    "kind_names",
    "read_demand",
]
