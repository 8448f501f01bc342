"""The policies of all agents (paper section 4.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.networks.attention import MASKED
from pmarl_trainer.networks.batch_norm import StackedBatchNorm
from pmarl_trainer.networks.layers import Initialisation, StackedLinear, at_least_float32, leaky


class Vision(nn.Module):
    """Which agents' observations each agent's policy is given: its own alone, or those of several in a row."""

    others: Tensor | None

    def __init__(self, visible: np.ndarray | None, observation_size: int) -> None:
        """`visible` [N, N] bool, whether agent i's policy is given agent j's observation; None: its own alone."""
        super().__init__()
        self.own = visible is None
        self.inputs = observation_size * (1 if visible is None else len(visible))
        mask = None
        if visible is not None and not visible.all():
            mask = torch.as_tensor(visible.repeat(observation_size, axis=1)[:, None]).float()
        self.register_buffer("others", mask, persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """[N, B, O] -> what policies are given: the same, or [N, B, N O] with zeros for what is not visible."""
        if self.own:
            return observations
        agents, batch, size = observations.shape
        joint = observations.transpose(0, 1).reshape(1, batch, agents * size).expand(agents, -1, -1)
        return joint if self.others is None else joint * self.others


class PolicyNetwork(nn.Module):
    """The policies pi_i(. | o_i): observation -> hidden -> hidden -> log-probabilities of the agent's own actions.

    Only o_i reaches policy i, or the observations that are `visible` to it (in FV, every agent's).
    """

    action_mask: Tensor

    def __init__(
        self,
        observation_size: int,
        num_actions: Tensor,
        hidden: int,
        *,
        visible: np.ndarray | None,
        generator: torch.Generator,
        batch_norm: bool = False,
        initialisation: Initialisation = "rectified",
    ) -> None:
        """`num_actions` [N] int; actions beyond an agent's own are impossible to it. `visible`: as in `Vision`.
        `batch_norm`: of the inputs.
        """
        super().__init__()
        n, a = len(num_actions), int(num_actions.max())
        self.vision = Vision(visible, observation_size)
        inputs = self.vision.inputs
        self.normalise = StackedBatchNorm(n, inputs) if batch_norm else None
        self.hidden_1 = StackedLinear(n, inputs, hidden, generator, initialisation=initialisation)
        self.hidden_2 = StackedLinear(n, hidden, hidden, generator, initialisation=initialisation)
        # Rectified, it starts close to uniform.
        self.logits = StackedLinear(n, hidden, a, generator, 0.03, initialisation)
        self.register_buffer("action_mask", torch.arange(a) < num_actions.view(n, 1, 1), persistent=False)

    def forward(self, observations: Tensor, allowed: Tensor | None = None) -> Tensor:
        """[N, B, O] -> log pi [N, B, A], of the actions that `allowed` [N, B, A] bool names, or of all."""
        return self.log_policy(self.raw_logits(observations), allowed)

    def raw_logits(self, observations: Tensor) -> Tensor:
        """[N, B, O] -> [N, B, A], those of impossible actions included."""
        x = self.vision(observations)
        if self.normalise is not None:
            x = self.normalise(x)
        x = leaky(self.hidden_1(x))
        x = leaky(self.hidden_2(x))
        return at_least_float32(self.logits(x))

    def compile_products(self) -> None:
        """Have torch.compile make one function of everything up to the logits."""
        self.raw_logits = torch.compile(self.raw_logits)  # type: ignore[method-assign]

    def log_policy(self, logits: Tensor, allowed: Tensor | None = None) -> Tensor:
        """log pi [N, B, A] of raw logits: a large negative number for actions that are not the agent's or forbidden."""
        possible = self.action_mask if allowed is None else self.action_mask & allowed
        return functional.log_softmax(logits.masked_fill(~possible, MASKED), dim=-1)
