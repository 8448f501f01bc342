"""Policies by name, as the command line and the benchmarks call them: one row per policy."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scenv.errors import PolicyError, ScenarioError, ScenvError, did_you_mean, shown
from scenv.policies.anchor_and_adjust import AnchorAndAdjust
from scenv.policies.base import Policy, is_policy
from scenv.policies.base_stock import BaseStock
from scenv.policies.best_levels import best_levels
from scenv.policies.constant_order import ConstantOrder
from scenv.policies.decomposition_aggregation import DecompositionAggregation
from scenv.policies.echelon_base_stock import EchelonBaseStock
from scenv.policies.learned import LearnedPolicies
from scenv.policies.level_files import read_level_file
from scenv.policies.optimised_base_stock import OptimisedBaseStock
from scenv.policies.pass_through import PassThrough
from scenv.policies.pretrained import Pretrained
from scenv.policies.random_policy import RandomPolicy
from scenv.policies.reorder_point import KINDS, ReorderPoint
from scenv.policies.sterman import Sterman
from scenv.scenario.scenario import Scenario


@dataclass(frozen=True)
class NamedPolicy:
    """A policy that can be asked for by name.

    Attributes:
        name: the long name.
        short: the other names.
        make: scenario -> policy.
        summary: one line for help texts, with the conditions under which it can be made.
        searches: whether making it takes a simulation study, seconds to minutes.
    """

    name: str
    short: tuple[str, ...]
    make: Callable[[Scenario], Policy]
    summary: str
    searches: bool = False


NAMED_POLICIES: tuple[NamedPolicy, ...] = (
    NamedPolicy("base-stock", ("bs",), BaseStock, "order up to the paper's level, 95 % service at every firm"),
    NamedPolicy(
        "base-stock-review",
        ("bs-review",),
        partial(BaseStock, review_period=1),
        "the same for a lead time one period longer",
    ),
    NamedPolicy("decomposition-aggregation", ("da",), DecompositionAggregation, "levels for the whole network, 95 %"),
    NamedPolicy(
        "decomposition-aggregation-cost",
        ("da-cost",),
        partial(DecompositionAggregation, variant="cost"),
        "the same from costs; needs holding costs that fall upstream",
    ),
    NamedPolicy(
        "optimised-base-stock",
        ("obs",),
        OptimisedBaseStock,
        "the best constant levels: on record for bg, r1, r2, r3 at lead times 1 to 3, else found by simulation in "
        "minutes (needs torch or cma)",
        searches=True,
    ),
    NamedPolicy(
        "pretrained",
        (),
        Pretrained,
        "learned on random networks, for any network: reads it once, then each firm decides from its own six periods",
    ),
    NamedPolicy(
        "echelon-base-stock",
        ("ebs",),
        EchelonBaseStock,
        "the optimum of a serial system; needs one, with costs like 'cs2000'",
    ),
    NamedPolicy(
        "reorder-point",
        ("ss", "s_s"),
        ReorderPoint,
        "(s, S): order in batches, of the economic order quantity where an order has a fixed cost, else of two "
        "periods' demand",
    ),
    NamedPolicy("sterman", ("st",), Sterman, "people in the beer game, linear form"),
    NamedPolicy("anchor-and-adjust", ("aa",), AnchorAndAdjust, "people in the beer game, Sterman's own form"),
    NamedPolicy("pass-through", ("passthrough", "pt"), PassThrough, "order what was ordered from you"),
    NamedPolicy("constant", ("constant-order",), ConstantOrder, "order the mean demand"),
    NamedPolicy("random", (), RandomPolicy, "an untrained learner's random adjustments"),
)

#: What is compared unless somebody says otherwise, the reference first.
COMPARED = ("base-stock", "optimised-base-stock", "decomposition-aggregation", "sterman", "pass-through")


def make_policy(name: str, scenario: Scenario) -> Policy:
    """A policy by its long or short name, from a file of levels or a folder of learned ones, or of your own making.

    Args:
        name: a name of `NAMED_POLICIES`; the path of a `.json` file that `BaseStock.save` or
            `ReorderPoint.save` wrote; the folder
            that `pmarl-export` wrote; a `.safetensors` file with weights of one's own for `Pretrained`; or
            `module:callable`, which is called with the scenario and returns a `Policy`.
        scenario: what the policy is made for.

    Raises:
        ScenarioError: if there is no such policy, or it cannot be made for this scenario.
        PolicyError: if somebody's `module:callable` fails, or does not return a policy.
    """
    named = _by_name(name)
    if named is not None:
        return named.make(scenario)
    if Path(name).is_dir():
        return LearnedPolicies(name, scenario)
    if name.endswith(".json"):
        document = read_level_file(name)
        holder = ReorderPoint if isinstance(document, dict) and KINDS[0] in document else BaseStock
        return holder.from_file(Path(name), scenario)
    if name.endswith(".safetensors"):
        return Pretrained(scenario, weights=name)
    if ":" in name:
        return _called(name, scenario)
    raise ScenarioError(
        f"unknown policy {name!r}{did_you_mean(name, [policy.name for policy in NAMED_POLICIES])}; expected "
        f"{', '.join(policy.name for policy in NAMED_POLICIES)}, a .json file of levels, a folder of "
        "pmarl-export, a .safetensors file for 'pretrained', or module:callable"
    )


def make_policies(policies: Mapping[str, Policy | str], scenario: Scenario) -> dict[str, Policy]:
    """All policies by the names they are given: those that are named are made, those that search last.

    Raises:
        ScenarioError, PolicyError: see `make_policy`; the message begins with the name.
    """
    made: dict[str, Policy] = {}
    for name in sorted(policies, key=lambda name: searches(policies[name])):
        policy = policies[name]
        if isinstance(policy, str):
            try:
                policy = make_policy(policy, scenario)
            except ScenvError as error:
                raise type(error)(str(error) if name in str(error) else f"policy {name}: {error}") from error
        elif not is_policy(policy):
            raise PolicyError(
                f"policy {name}: expected the name of a policy, or an object with reset(num_envs, seed) and "
                f"orders(state) as scenv.policies.Policy says, got {shown(policy)}"
            )
        made[name] = policy
    return {name: made[name] for name in policies}


def searches(policy: Policy | str) -> bool:
    """Whether making the policy of this name takes a simulation study."""
    named = _by_name(policy) if isinstance(policy, str) else None
    return named is not None and named.searches


def _by_name(name: str) -> NamedPolicy | None:
    return next((policy for policy in NAMED_POLICIES if name.lower() in (policy.name, *policy.short)), None)


def _called(name: str, scenario: Scenario) -> Policy:
    """What somebody's `module:callable` makes of the scenario."""
    module_name, _, attribute = name.partition(":")
    try:
        maker: Any = getattr(importlib.import_module(module_name), attribute)
    except (Exception, SystemExit) as error:
        raise PolicyError.of(f"policy {name}: cannot import {attribute!r} from {module_name!r}", error) from error
    if not callable(maker):
        raise PolicyError(f"policy {name}: {attribute!r} is not callable; expected scenario -> policy")
    try:
        policy = maker(scenario)
    except ScenvError:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyError.of(f"policy {name}: called with the scenario, it raised", error) from error
    if not is_policy(policy):
        raise PolicyError(
            f"policy {name}: returned {shown(policy)}; expected an object with the methods reset(num_envs, seed) and "
            "orders(state), as scenv.policies.Policy says"
        )
    return policy


def baselines(scenario: Scenario) -> Mapping[str, Callable[[], Policy]]:
    """Makers of the policies that every learner is compared with: base stock, the reference, first.

    The best constant levels are among them where they are on record (`best_levels`): elsewhere they take minutes.
    """
    names = [name for name in COMPARED if not searches(name) or best_levels(scenario) is not None]
    return {name: partial(make_policy, name, scenario) for name in (*names, "random")}
