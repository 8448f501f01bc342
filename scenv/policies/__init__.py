"""Classical policies, one a file. A policy maps local states to real order quantities; see `scenv.policies.Policy`."""

from scenv.policies.anchor_and_adjust import AnchorAndAdjust
from scenv.policies.base import Policy
from scenv.policies.base_stock import BaseStock
from scenv.policies.constant_order import ConstantOrder
from scenv.policies.deciding import Decision, decide
from scenv.policies.decomposition_aggregation import DecompositionAggregation
from scenv.policies.echelon_base_stock import EchelonBaseStock
from scenv.policies.firm_policy import FirmPolicy
from scenv.policies.learned import LearnedPolicies
from scenv.policies.mixed import Mixed
from scenv.policies.optimised_base_stock import OptimisedBaseStock
from scenv.policies.pass_through import PassThrough
from scenv.policies.pretrained import Pretrained
from scenv.policies.random_policy import RandomPolicy
from scenv.policies.registry import NAMED_POLICIES, NamedPolicy, baselines, make_policy
from scenv.policies.reorder_point import ReorderPoint
from scenv.policies.sterman import Sterman

__all__ = [
    "NAMED_POLICIES",
    "AnchorAndAdjust",
    "BaseStock",
    "ConstantOrder",
    "Decision",
    "DecompositionAggregation",
    "EchelonBaseStock",
    "FirmPolicy",
    "LearnedPolicies",
    "Mixed",
    "NamedPolicy",
    "OptimisedBaseStock",
    "PassThrough",
    "Policy",
    "Pretrained",
    "RandomPolicy",
    "ReorderPoint",
    "Sterman",
    "baselines",
    "decide",
    "make_policy",
]
