"""The policies of all agents (paper section 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.networks.attention import MASKED
from pmarl_trainer.networks.batch_norm import StackedBatchNorm
from pmarl_trainer.networks.layers import Initialisation, StackedLinear, at_least_float32, leaky


def as_seen(observations: Tensor, sees_all: bool) -> Tensor:
    """What each agent's policy is given: [N, B, O] its own, or with `sees_all` that of all agents, [N, B, N O]."""
    if not sees_all:
        return observations
    agents, batch, size = observations.shape
    return observations.transpose(0, 1).reshape(1, batch, agents * size).expand(agents, -1, -1)


class PolicyNetwork(nn.Module):
    """The policies pi_i(. | o_i): observation -> hidden -> hidden -> log-probabilities of the agent's own actions.

    With `sees_all` (FV) policy i is given every agent's observation; otherwise only o_i reaches it.
    """

    action_mask: Tensor

    def __init__(
        self,
        observation_size: int,
        num_actions: Tensor,
        hidden: int,
        *,
        sees_all: bool,
        generator: torch.Generator,
        batch_norm: bool = False,
        initialisation: Initialisation = "rectified",
    ) -> None:
        """`num_actions` [N] int; actions beyond an agent's own are impossible to it. `batch_norm`: of the inputs."""
        super().__init__()
        n, a = len(num_actions), int(num_actions.max())
        self.sees_all = sees_all
        inputs = n * observation_size if sees_all else observation_size
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
        x = as_seen(observations, self.sees_all)
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
