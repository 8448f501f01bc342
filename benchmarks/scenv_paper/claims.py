"""The claims of the paper's section 5, each judged by a stated rule from the intervals of this report.

Simple and complex, as the paper has it: the beer game is the simple network, r1, r2 and r3 are the complex ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from scenv_paper.design import LEAD_TIMES, NETWORKS
from scenv_paper.statistics import Estimate

#: Costs that differ by less count as equal; "clearly" is a saving of at least so much.
EQUAL, CLEARLY = 0.05, 0.10
SIMPLE, COMPLEX = ("bg",), ("r1", "r2", "r3")
#: Networks of "many nodes" in the claim about training time.
MANY_NODES = ("r2", "r3")

Verdict = Literal["holds", "does not hold", "not distinguishable"]
#: What is said instead where a trained policy has one seed: nothing is known of what another training would have given.
ONE_SEED_VERDICT = "not judged (one seed)"


@dataclass(frozen=True)
class Claim:
    """A claim about a ratio, on some networks.

    Attributes:
        text: what is claimed.
        rule: when it holds, in words.
        above, below: the ratio is above's over below's.
        low, high: the claim is that the ratio is between these (None: no bound).
        networks: where.
        of: "cost", or "time" per training episode.
    """

    text: str
    rule: str
    above: str
    below: str
    low: float | None
    high: float | None
    networks: tuple[str, ...] = NETWORKS
    of: Literal["cost", "time"] = "cost"

    def verdict(self, estimate: Estimate) -> Verdict:
        """Holds if the whole interval is within the bounds, does not hold if all of it is outside."""
        low = -float("inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        if low <= estimate.low and estimate.high <= high:
            return "holds"
        if estimate.high < low or estimate.low > high:
            return "does not hold"
        return "not distinguishable"


_BS, _DA = "base-stock", "decomposition-aggregation"
CLAIMS = (
    Claim("PMaRL costs less than base-stock on every network", "PMaRL ÷ BS below 1", "pmarl", _BS, None, 1.0),
    Claim(
        "PMaRL costs clearly less than base-stock on complex networks",
        f"PMaRL ÷ BS below {1 - CLEARLY:.2f}",
        "pmarl",
        _BS,
        None,
        1 - CLEARLY,
        COMPLEX,
    ),
    Claim(
        "PMaRL costs about as much as decomposition–aggregation on simple networks",
        f"PMaRL ÷ DA within {1 - EQUAL:.2f} … {1 + EQUAL:.2f}",
        "pmarl",
        _DA,
        1 - EQUAL,
        1 + EQUAL,
        SIMPLE,
    ),
    Claim(
        "PMaRL costs clearly less than decomposition–aggregation on complex networks",
        f"PMaRL ÷ DA below {1 - CLEARLY:.2f}",
        "pmarl",
        _DA,
        None,
        1 - CLEARLY,
        COMPLEX,
    ),
    Claim(
        "Base-stock costs 1.4 to 1.6 times as much as PMaRL on complex networks (Figure 5)",
        "BS ÷ PMaRL within 1.4 … 1.6",
        _BS,
        "pmarl",
        1.4,
        1.6,
        COMPLEX,
    ),
    Claim(
        "Decomposition–aggregation costs 1.4 to 1.6 times as much as PMaRL on complex networks (Figure 5)",
        "DA ÷ PMaRL within 1.4 … 1.6",
        _DA,
        "pmarl",
        1.4,
        1.6,
        COMPLEX,
    ),
    Claim(
        "PMaRL costs at most as much as MAAC, on few nodes and on many (Figure 6)",
        f"PMaRL ÷ MAAC at most {1 + EQUAL:.2f}",
        "pmarl",
        "maac",
        None,
        1 + EQUAL,
    ),
    Claim(
        "PMaRL costs about as much as full visibility (Figure 6)",
        f"PMaRL ÷ FV within {1 - EQUAL:.2f} … {1 + EQUAL:.2f}",
        "pmarl",
        "fv",
        1 - EQUAL,
        1 + EQUAL,
    ),
    Claim(
        "An episode of training takes PMaRL less time than MAAC where there are many nodes (Figure 7)",
        "seconds of PMaRL ÷ MAAC below 1",
        "pmarl",
        "maac",
        None,
        1.0,
        MANY_NODES,
        "time",
    ),
)


def judge(
    cost_ratio: Callable[[str, int, str, str], Estimate | None],
    time_ratio: Callable[[str, str, str], Estimate | None],
    seeds: Callable[[str, int, str], int | None],
) -> list[dict[str, Any]]:
    """Every claim with its ratio and verdict wherever there is something to judge it by.

    Args:
        cost_ratio: (network, lead time, policy, reference) -> ratio of costs, None if a raw file is missing.
        time_ratio: (network, method, reference) -> ratio of training times, None if there is no measurement.
        seeds: (network, lead time, policy) -> training seeds behind its cost, None for a policy without training.
    """
    judged = []
    for claim in CLAIMS:
        cases = []
        for network in claim.networks:
            for lead_time in LEAD_TIMES if claim.of == "cost" else (None,):
                estimate = (
                    time_ratio(network, claim.above, claim.below)
                    if lead_time is None
                    else cost_ratio(network, lead_time, claim.above, claim.below)
                )
                both = () if lead_time is None else (claim.above, claim.below)
                known = [count for policy in both if (count := seeds(network, lead_time or 0, policy)) is not None]
                if estimate is not None:
                    interval = [estimate.value, estimate.low, estimate.high]
                    fewest = min(known, default=None)
                    verdict = ONE_SEED_VERDICT if fewest == 1 else claim.verdict(estimate)
                    case = {"network": network, "lead_time": lead_time, "seeds": fewest}
                    cases.append({**case, "ratio": interval, "verdict": verdict})
        judged.append({"claim": claim.text, "rule": claim.rule, "verdict": _overall(cases), "cases": cases})
    return judged


def _overall(cases: list[dict[str, Any]]) -> str:
    """One word where all cases agree, counts where not."""
    verdicts = [case["verdict"] for case in cases]
    if not verdicts:
        return "no results"
    if len(set(verdicts)) == 1:
        return str(verdicts[0])
    return ", ".join(f"{verdict} in {verdicts.count(verdict)}" for verdict in dict.fromkeys(sorted(verdicts)))
