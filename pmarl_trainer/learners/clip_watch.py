"""Says when gradients are so large that clipping leaves nothing of their sizes."""

from __future__ import annotations

import torch
from torch import Tensor

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.notices import notice

#: A gradient of so many times its bound is cut to its direction: what differs between samples and rollouts is lost.
EATEN = 1e4


class ClipWatch:
    """Counts the rollouts in a row all of whose critics' gradients were cut to their direction."""

    def __init__(self, config: TrainConfig) -> None:
        """Compares with `critic_clip` over `evaluation_interval` rollouts."""
        self._config = config
        self._norms: list[Tensor] = []
        self._rollouts = 0

    def saw(self, norm: Tensor) -> None:
        """Take the critics' mean norm before clipping, of one update."""
        self._norms.append(norm)

    def end_rollout(self) -> None:
        """Count the rollout whose updates were seen, and say so once an interval is full."""
        if not self._norms:
            return
        smallest = float(torch.stack(self._norms).min())
        self._norms.clear()
        times = smallest / self._config.critic_clip
        self._rollouts = self._rollouts + 1 if times > EATEN else 0
        if self._rollouts >= self._config.evaluation_interval and self._config.reward_normalisation == "none":
            notice(
                f"train.critic_clip: for {self._rollouts} rollouts every critic's gradient was over {times:.0e} times "
                "its bound, so clipping leaves only its direction; rewards are that large: set reward_normalisation to "
                "scale or standardise"
            )
