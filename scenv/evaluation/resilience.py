"""What disruptions do: every disturbed path beside the *same* path undisturbed.

Demand, lead times and disruptions come from random streams of their own, drawn ahead, so the two paths differ by the
disruptions and what the firms make of them, by nothing else: the comparison is exact, path by path.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import stats
from scipy.sparse import csgraph

from scenv.errors import ScenarioError
from scenv.evaluation.intervals import Interval, PairedDifference, mean_interval, paired_difference
from scenv.evaluation.result import Evaluation
from scenv.evaluation.trace import Trace
from scenv.network.network import Network
from scenv.scenario.implied import demand_moments, firm_demand_moments

__all__ = ["TOLERANCE", "Resilience"]

#: A period is impaired where service is this much lower, or end customers wait for this part of a period's mean demand
#: more, than on the calm path; a firm is reached where it owes this part of its own mean demand more.
TOLERANCE = 0.05
_WORST = 0.05  # the part of paths that the conditional value at risk averages


@dataclass(frozen=True, eq=False)
class Resilience:
    """One policy on B disturbed paths and on the same paths undisturbed, T periods each.

    Times count from the onset, the first period with a disruption; what lasts to the end of the episode is censored.

    Attributes:
        disturbed, calm: what the policy cost and how it served.
        disturbed_trace, calm_trace: the same by period.
    """

    disturbed: Evaluation
    calm: Evaluation
    disturbed_trace: Trace
    calm_trace: Trace

    @property
    def cost(self) -> PairedDifference:
        """Cost with disruptions against cost without them, path by path."""
        return paired_difference(self.disturbed.episode_costs, self.calm.episode_costs)

    @property
    def cvar(self) -> float:
        """Conditional value at risk, 5 %: mean cost of the worst twentieth of the disturbed paths ÷ mean calm cost
        (Rockafellar & Uryasev 2000). NaN if the calm paths cost nothing.
        """
        costs = np.sort(self.disturbed.episode_costs)
        worst = costs[-max(1, int(np.ceil(_WORST * len(costs) - 1e-9))) :]
        return float(worst.mean() / self.calm.mean) if self.calm.mean else float("nan")

    @cached_property
    def onset(self) -> np.ndarray:
        """[B] the first disturbed period; T where nothing happens."""
        return _first(np.any(self.disturbed_trace.hit, axis=2))

    @property
    def service_lost(self) -> np.ndarray:
        """[B] the area between the calm and the disturbed curve of service, in periods of full service (the
        resilience triangle of Bruneau et al. 2003): 2 means as much as two periods in which nobody was served at once.
        """
        return np.asarray((self.calm_trace.service - self.disturbed_trace.service).sum(axis=1))

    @cached_property
    def impaired(self) -> np.ndarray:
        """[B, T] where end customers are worse off than on the calm path, beyond `TOLERANCE`."""
        calm, disturbed = self.calm_trace, self.disturbed_trace
        usual = demand_moments(self.calm.scenario)[0].sum()
        service = disturbed.service < calm.service - TOLERANCE
        return np.asarray(service | (disturbed.waiting > calm.waiting + TOLERANCE * usual))

    @property
    def time_to_survive(self) -> tuple[np.ndarray, np.ndarray]:
        """(periods [K] from the onset to the first impaired one, whether [K] there was none to the end: censored), of
        the K paths that are disturbed (time to survive, Simchi-Levi et al. 2015).
        """
        hit = self.onset < self.periods
        first = _first(self.impaired)[hit]
        return first - self.onset[hit], first == self.periods

    @property
    def time_to_recover(self) -> tuple[np.ndarray, np.ndarray]:
        """(periods [K] from the onset until no later period is impaired, whether [K] the last one still is: censored);
        0 where none is (time to recover, Simchi-Levi et al. 2015).
        """
        hit = self.onset < self.periods
        end = self._recovered[hit]
        return np.where(end > 0, end - self.onset[hit], 0), end == self.periods

    @property
    def periods(self) -> int:
        """T."""
        return self.impaired.shape[1]

    @property
    def _recovered(self) -> np.ndarray:
        """[B] the first period after the last impaired one; 0 where none is."""
        return np.where(self.impaired.any(axis=1), self.periods - _first(self.impaired[:, ::-1]), 0)

    @cached_property
    def reached(self) -> np.ndarray:
        """[B, N] firms that were not hit themselves and yet owed more than on the calm path, beyond `TOLERANCE`."""
        usual = firm_demand_moments(self.calm.scenario)[0]
        more = self.disturbed_trace.unserved > self.calm_trace.unserved + TOLERANCE * usual
        return np.asarray(more.any(axis=1) & ~np.any(self.disturbed_trace.hit, axis=1))

    @property
    def ripple(self) -> dict[str, np.ndarray]:
        """How far it spreads, [B] each: `firms` and `stages` reached that were not hit, and `hops` along links from the
        nearest firm that was hit to the farthest that was reached (ripple effect, Dolgui, Ivanov & Sokolov 2018).
        """
        network = self.calm.scenario.network
        stages = np.array([network.stages[name] for name in network.agents])
        in_stage = stages[:, None] == np.arange(stages.max() + 1)
        hit = np.any(self.disturbed_trace.hit, axis=1)
        touched = (self.reached @ in_stage) & ~(hit @ in_stage)
        distance = _distances(network)
        hops = np.zeros(len(hit))
        for path in np.flatnonzero(self.reached.any(axis=1)):
            nearest = distance[hit[path]].min(axis=0)[self.reached[path]]
            hops[path] = nearest[np.isfinite(nearest)].max(initial=0)
        return {"firms": self.reached.sum(axis=1), "stages": touched.sum(axis=1), "hops": hops}

    @property
    def tail(self) -> np.ndarray:
        """[B] cost beyond the calm path's after recovery, in periods of mean calm cost: stock that came too late, and
        orders that swing on (disruption tail, Ivanov 2019). NaN where no period is impaired, or the last one is.
        """
        later = np.arange(self.periods) >= self._recovered[:, None]
        excess = ((self.disturbed_trace.cost - self.calm_trace.cost) * later).sum(axis=1)
        usual = self.calm_trace.cost[:, self.calm.scenario.warmup :].mean()
        tail = np.full(len(excess), np.nan)
        known = self.impaired.any(axis=1) & (self._recovered < self.periods)
        np.divide(excess, usual, out=tail, where=known & (usual > 0))
        return tail

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain numbers: means over paths with 95 % intervals, Kaplan-Meier medians of times."""
        survive, recover = self.time_to_survive, self.time_to_recover
        return {
            "calm_cost": self.calm.mean,
            "disturbed_cost": self.disturbed.mean,
            "ratio": self.cost.ratio,
            "ratio_ci95": list(self.cost.ratio_ci95),
            "cvar5": self.cvar,
            "paths_disturbed": int((self.onset < self.periods).sum()),
            "service_lost": float(self.service_lost.mean()),
            "service_lost_ci95": list(mean_interval(self.service_lost)),
            "time_to_survive": median_time(*survive),
            "never_impaired": _part(survive[1]),
            "time_to_recover": median_time(*recover),
            "not_recovered": _part(recover[1]),
            **{f"ripple_{name}": float(count.mean()) for name, count in self.ripple.items()},
            "tail": _mean(self.tail),
            "tail_ci95": list(_interval(self.tail)),
        }


def median_time(times: np.ndarray, censored: np.ndarray) -> float:
    """The Kaplan-Meier median of times of which some are censored: infinite where fewer than half ended, NaN of none.

    Args:
        times: [K] periods.
        censored: [K] where it had not ended by then.
    """
    if not len(times):
        return float("nan")
    if censored.all():
        return float("inf")
    survival = stats.ecdf(stats.CensoredData(uncensored=times[~censored], right=times[censored])).sf
    below = survival.quantiles[survival.probabilities <= 0.5 + 1e-12]
    return float(below[0]) if len(below) else float("inf")


def check_disturbed(disruptions: tuple[Any, ...]) -> None:
    """Raise a `ScenarioError` where there is nothing to compare with a calm path."""
    if not disruptions:
        raise ScenarioError(
            "disruptions: expected at least one to compare with the calm path, got none; name a set of them "
            "(disruptions: source-closed) or list your own"
        )


def _first(flags: np.ndarray) -> np.ndarray:
    """[B] the first period where a flag [B, T] is up; T where none is."""
    return np.where(flags.any(axis=1), flags.argmax(axis=1), flags.shape[1])


def _distances(network: Network) -> np.ndarray:
    """[N, N] links between two firms, whichever way the goods go; infinite where nothing joins them."""
    links = np.abs(network.adjacency_matrix).astype(np.float64)
    return np.asarray(csgraph.shortest_path(links, directed=False, unweighted=True))


def _part(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _interval(values: np.ndarray) -> Interval:
    return mean_interval(values[np.isfinite(values)])
