"""Who plays the firms that no person plays: the policies of the registry by name, and exported runs."""

from __future__ import annotations

from collections.abc import Sequence

from scenv.errors import ScenarioError, ScenvError
from scenv.policies.base import Policy
from scenv.policies.base_stock import BaseStock
from scenv.policies.best_levels import best_levels
from scenv.policies.registry import NAMED_POLICIES, make_policy, searches
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario

__all__ = ["make_opponent", "offered", "suitable"]

#: The policies of the registry that are no company in a game: noise, and twins of others.
_LEFT_OUT = frozenset({"random", "constant", "base-stock-review", "decomposition-aggregation-cost"})


def offered(more: Sequence[str] = ()) -> tuple[str, ...]:
    """The policies that one can choose: those of the registry, and `more` that whoever started the game has named."""
    named = [policy.name for policy in NAMED_POLICIES if policy.name not in _LEFT_OUT]
    return tuple(dict.fromkeys([*named, *more]))


def make_opponent(name: str, scenario: Scenario) -> Policy:
    """The policy of this name, ready at once: the best constant levels are taken from the record, never searched for.

    They are on record for an episode of the usual length, and do not depend on how long people play.

    Raises:
        ScenarioError: if there is no such policy, it does not suit the scenario, or it would have to be searched for.
    """
    if not searches(name):
        return make_policy(name, scenario)
    usual = load_scenario(scenario.network)
    try:
        levels = best_levels(load_scenario(scenario, horizon=usual.horizon, warmup=usual.warmup, demand=usual.demand))
    except ScenvError:
        levels = None
    if levels is None:
        raise ScenarioError(
            f"policy {name}: its levels are on record for bg, r1, r2 and r3 with their own costs at shipment lead "
            "times 1, 2 and 3 only, and a search would take minutes"
        )
    return BaseStock(scenario, levels=levels)


def suitable(scenario: Scenario, more: Sequence[str] = ()) -> dict[str, Policy]:
    """Every offered policy that suits the scenario, made for it, by name."""
    made: dict[str, Policy] = {}
    for name in offered(more):
        try:
            made[name] = make_opponent(name, scenario)
        except ScenvError:
            continue
    return made
