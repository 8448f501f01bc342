"""Gymnasium's registry: `gymnasium.make("scenv/SingleFirm-v0")` and `gymnasium.make_vec` find the environments here."""

from __future__ import annotations

import gymnasium

__all__ = ["register_envs"]

_ENTRIES = {"scenv/SingleFirm-v0": "single_firm", "scenv/Centralised-v0": "centralised"}


def register_envs() -> None:
    """Register scenv's single-agent environments with Gymnasium, unless they are; `import scenv` does it."""
    for name, function in _ENTRIES.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=f"scenv.envs.single_agent:{function}_env",
                vector_entry_point=f"scenv.envs.gym_vector:{function}_vector_env",
            )
