"""Why a run's numbers stopped being finite, said in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Replay


def explain_divergence(
    metric: str, value: float, modules: Mapping[str, nn.Module], replay: Replay, config: TrainConfig, folder: Path
) -> str:
    """The sentence.

    Args:
        metric, value: what was noticed.
        modules: the learner's, by name.
        replay: what it learned from.
        config: with what settings.
        folder: the run's, where a checkpoint may lie.
    """
    kept = [path.stem for path in sorted((folder / "checkpoints").glob("*.safetensors"))]
    rescue = f"checkpoints kept in {folder / 'checkpoints'}: {', '.join(kept)}" if kept else "no checkpoint was due yet"
    return f"training diverged: {metric} is {value}: {_cause(modules, replay, config)} ({rescue})"


def _cause(modules: Mapping[str, nn.Module], replay: Replay, config: TrainConfig) -> str:
    found = replay.find_not_finite()
    if found is not None:
        return f"the environment gave agent {found[1]!r} {found[0]} that are not finite numbers"
    for name, module in modules.items():
        for parameter, tensor in module.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                advice = "train.policy_lr" if "policy" in name else f"train.lr ({config.lr:g}) or train.critic_clip"
                return f"{name}.{parameter} has grown beyond all bounds; try a smaller {advice}"
    return f"losses outgrew float32; scale rewards (train.reward_normalisation) or lower train.lr ({config.lr:g})"
