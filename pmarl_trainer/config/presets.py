"""Named sets of settings: each row of the table stands for the fields of `config.TrainConfig` that it changes.

A scenario file's own settings, and those of the command line, win over its preset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: `maac-reference`: the update of the code that was published with MAAC (github.com/shariqiqbal2810/MAAC; Iqbal and
#: Sha, "Actor-attention-critic for multi-agent reinforcement learning", ICML 2019) and its settings; a test computes
#: the same update agent by agent. What the preset does not change: the critic weighs groups and attends as the method
#: says (with method maac as published); rewards are standardised by the moments of all rewards so far instead of those
#: in the replay, which is the same until that is full; updates come in one go after a rollout instead of during it; and
#: an agent without others to attend to hears zero, where that code fails.
#:
#: `paper`: equations 9, 10 and 12-17 as they are printed, where our defaults follow MAAC instead; a test computes the
#: same update agent by agent. Eq. 14's logits are scaled by 1 / sqrt(D), as the text below it says. The paper prints no
#: learning rate, batch size, width, number of heads, tau, clipping or replay size, so all of these stay at our
#: defaults.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "maac-reference": {
        "num_envs": 12,
        "learning_starts": 3,  # the published code waits for one batch
        "updates_per_transition": 0.04,  # 4 per 100
        "memory_size": 1_000_000,
        "batch_size": 1024,
        "hidden_size": 128,
        "attention_heads": 4,
        "input_normalisation": "batch",
        "gamma": 0.99,
        "policy_gradient": "sampled",
        "target_value": "sampled",
        "target_entropy_term": "undiscounted",
        "initialisation": "torch",
        "reward_normalisation": "standardise",
        "temperature": "fixed",
        "alpha": 0.01,
        "alpha_final": 0.01,
        "attention_regularisation": 1e-3,
        "logit_regularisation": 1e-3,
        "lr": 1e-3,
        "policy_lr": 1e-3,
        "lr_final": 1.0,
        "critic_weight_decay": 1e-3,
        "polyak_tau": 1e-3,
        "shared_gradient": "mean_with_encoders",
        "critic_clip": 10.0,
        "critic_clip_scope": "all",
        "policy_clip": 0.5,
    },
    "paper": {"own_action": "encoded", "attention_values": "linear"},
}

#: What a preset asks of the environment, if its entry takes it and the user has not given it: eq. 11's window ends at
#: t + dt (scenv's `reward_window_end`).
ENV_WISHES: Mapping[str, Mapping[str, Any]] = {"paper": {"reward_window_end": "after_action"}}
