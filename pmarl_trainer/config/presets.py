"""Named sets of settings: each row of the table stands for the fields of `config.TrainConfig` that it changes.

A scenario file's own settings, and those of the command line, win over its preset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: `maac-reference`: the settings of the code that was published with MAAC (github.com/shariqiqbal2810/MAAC; Iqbal and
#: Sha, "Actor-attention-critic for multi-agent reinforcement learning", ICML 2019). It has one difference left: there,
#: the entropy term of the target is not discounted; here it is, as in eq. 10 of the paper and in both articles.
#:
#: `paper`: equations 12-17 as they are printed, where our defaults follow MAAC instead. The paper prints no learning
#: rate, batch size, width, number of heads, tau or replay size, so all of these stay at our defaults.
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
        "shared_gradient": "mean",
        "critic_clip": 10.0,
        "critic_clip_scope": "all",
        "policy_clip": 0.5,
    },
    "paper": {"own_action": "encoded"},
}
