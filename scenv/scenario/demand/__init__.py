"""External demand at the retailers: one small frozen class per kind, with its mean, standard deviation and sampler.

In a scenario, `demand` is a mapping with a `kind` and that class's fields; a number alone is a Poisson mean.

    demand: {kind: negative_binomial, mean: 8, std: 5}
    demand: {kind: seasonal, base: {kind: poisson, mean: 8}, length: 12, amplitude: 0.4}
"""

from scenv.scenario.demand.change import ShockDemand, StepDemand
from scenv.scenario.demand.compound_poisson import CompoundPoissonDemand
from scenv.scenario.demand.correlated import CorrelatedDemand
from scenv.scenario.demand.deterministic import DeterministicDemand
from scenv.scenario.demand.fitting import DemandFit, fit_demand
from scenv.scenario.demand.negative_binomial import NegativeBinomialDemand
from scenv.scenario.demand.normal import AutoregressiveDemand, NormalDemand
from scenv.scenario.demand.per_retailer import PerRetailerDemand
from scenv.scenario.demand.poisson import PoissonDemand
from scenv.scenario.demand.process import Demand, DemandProcess, Scale, demand_kind, kind_names, read_demand
from scenv.scenario.demand.seasonal import SeasonalDemand
from scenv.scenario.demand.time_series import TimeSeriesDemand

__all__ = [
    "AutoregressiveDemand",
    "CompoundPoissonDemand",
    "CorrelatedDemand",
    "Demand",
    "DemandFit",
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
    "fit_demand",
    "kind_names",
    "read_demand",
]
