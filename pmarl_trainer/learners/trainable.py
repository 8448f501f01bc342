"""What every method's learner offers to whoever saves, resumes, selects and evaluates it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from pmarl_trainer.env_api.protocol import BatchedEnv
from pmarl_trainer.learners.evaluation import Outcome


class Trainable(Protocol):
    """Policies of all agents that are being trained, with all that training needs to go on."""

    @property
    def policy(self) -> nn.Module:
        """The policies."""

    @property
    def scaler(self) -> nn.Module:
        """The scaling of their observations."""

    @property
    def device(self) -> torch.device:
        """Where all of it is."""

    def play(self, env: BatchedEnv, seed: int) -> Outcome:
        """Play the policies, without exploration, on the paths of `seed`."""

    def modules(self) -> Mapping[str, nn.Module]:
        """Everything with parameters or buffers, `policy` and `scaler` among it, by its name in a checkpoint."""

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers, by name."""

    def loose_tensors(self) -> Mapping[str, Tensor]:
        """What is learned outside the modules, by name."""
