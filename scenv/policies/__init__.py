"""Classical policies, one a file. A policy maps local states to real order quantities; see `scenv.policies.Policy`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from scenv.policies.base import Policy
from scenv.policies.base_stock import BaseStock
from scenv.policies.pass_through import PassThrough
from scenv.policies.random_policy import RandomPolicy
from scenv.scenario import Scenario

__all__ = ["BaseStock", "PassThrough", "Policy", "RandomPolicy", "baselines"]


def baselines(scenario: Scenario) -> Mapping[str, Callable[[], Policy]]:
    """Makers of the policies that every learner is compared with, the yardstick (base stock) first."""
    return {
        "base-stock": partial(BaseStock, scenario),
        "pass-through": partial(PassThrough, scenario),
        "random": partial(RandomPolicy, scenario),
    }
