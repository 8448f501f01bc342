"""The methods as rows of a table (the paper's Table 3), and the defaults that are a method's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Attention = Literal["all", "neighbours"]
GroupWeights = Literal["equal", "log_scaled"]
PolicyInput = Literal["local", "neighbours", "global"]
CostScope = Literal["own", "neighbours", "network"]


@dataclass(frozen=True)
class Method:
    """One row of the paper's Table 3.

    Attributes:
        attention: whom an agent's critic attends to: every other agent, or its neighbours in the graph.
        group_weights: an agent's weight in the critic loss: 1, or (1 + ln|G|) / |G| over agents of equal degrees.
        policy_input: what a policy sees: its own agent's observation, its graph neighbours' too, or every agent's.
    """

    attention: Attention
    group_weights: GroupWeights
    policy_input: PolicyInput


METHODS: Mapping[str, Method] = {
    "maac": Method(attention="all", group_weights="equal", policy_input="local"),
    "pmarl": Method(attention="neighbours", group_weights="log_scaled", policy_input="local"),
    "fv": Method(attention="neighbours", group_weights="log_scaled", policy_input="global"),
}

#: Defaults of the section `train` that are a method's own. hdpo: a rollout is one gradient step. fv: its policies have
#: N times as many inputs, and a step of Adam moves every one of their weights, so the same learning rate moves the
#: policies N times as far; with it they settle above base-stock's cost on r1 and r3 (ablation `fv_common_step` in
#: benchmarks/results/report.md).
METHOD_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "fv": {"policy_lr": 5e-4},
    "hdpo": {
        "rollouts": 400,
        "num_envs": 48,
        "hidden_size": 32,
        "policy_lr": 1e-2,
        "lr_final": 0.0,
        "policy_clip": 1.0,
    },
}
