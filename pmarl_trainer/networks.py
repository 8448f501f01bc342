"""The networks. Every agent has its own parameters; all agents' layers are stacked and run as one batched product.

Shapes: N agents, B batch, O observation, A actions, H hidden, K heads of D = H / K. Activations are agent-major,
[N, B, .]; a stacked parameter is [N, in, out], so that slice i is agent i's own and nobody else's. The only parameters
that agents share are the attention's W_q, W_k and W_v (and the values' bias).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.batch_norm import StackedBatchNorm, normalised_rows

#: In place of minus infinity: exp of it is exactly 0, and 0 times it is 0 rather than nan.
MASKED = -1e9


def _uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))


class StackedLinear(nn.Module):
    """N linear layers side by side: [N, B, in] -> [N, B, out].

    Weights start at He et al.'s scale for rectified units (uniform, variance 2 / in), times `gain`; biases at zero.
    """

    def __init__(self, agents: int, inputs: int, outputs: int, generator: torch.Generator, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = _uniform((agents, inputs, outputs), gain * math.sqrt(6 / inputs), generator)
        self.bias = nn.Parameter(torch.zeros(agents, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Agent i's x[i] through agent i's own layer."""
        return torch.baddbmm(self.bias, x, self.weight)


def as_seen(observations: Tensor, sees_all: bool) -> Tensor:
    """What each agent's policy is given: [N, B, O] its own, or with `sees_all` everybody's, [N, B, N O]."""
    if not sees_all:
        return observations
    n, batch, size = observations.shape
    return observations.transpose(0, 1).reshape(1, batch, n * size).expand(n, -1, -1)


class Actor(nn.Module):
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
    ) -> None:
        """`num_actions` [N] int; actions beyond an agent's own are impossible to it. `batch_norm`: of the inputs."""
        super().__init__()
        n, a = len(num_actions), int(num_actions.max())
        self.sees_all = sees_all
        inputs = n * observation_size if sees_all else observation_size
        self.normalise = StackedBatchNorm(n, inputs) if batch_norm else None
        self.hidden_1 = StackedLinear(n, inputs, hidden, generator)
        self.hidden_2 = StackedLinear(n, hidden, hidden, generator)
        self.logits = StackedLinear(n, hidden, a, generator, gain=0.03)  # starts close to uniform
        self.register_buffer("action_mask", torch.arange(a) < num_actions.view(n, 1, 1), persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """[N, B, O] -> log pi [N, B, A]."""
        return self.log_policy(self.raw_logits(observations))

    def raw_logits(self, observations: Tensor) -> Tensor:
        """[N, B, O] -> [N, B, A], those of impossible actions included."""
        x = as_seen(observations, self.sees_all)
        if self.normalise is not None:
            x = self.normalise(x)
        x = functional.leaky_relu(self.hidden_1(x))
        x = functional.leaky_relu(self.hidden_2(x))
        return self.logits(x)

    def log_policy(self, logits: Tensor) -> Tensor:
        """log pi [N, B, A] of raw logits."""
        return functional.log_softmax(logits.masked_fill(~self.action_mask, MASKED), dim=-1)


class StateActionEncoder(nn.Module):
    """f_i(o_i, a_i) = e_i (paper eq. 12). The action's part of the layer is a table, looked up, not multiplied."""

    def __init__(
        self,
        agents: int,
        observation_size: int,
        actions: int,
        hidden: int,
        generator: torch.Generator,
        *,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.normalise = StackedBatchNorm(agents, observation_size) if batch_norm else None
        self.observation = StackedLinear(agents, observation_size, hidden, generator)
        self.action = _uniform((agents, actions, hidden), 1 / math.sqrt(observation_size + actions), generator)

    def forward(self, observations: Tensor, actions: Tensor, batch_of: Tensor | None = None) -> Tensor:
        """[N, B, O], [N, B] int -> e [N, B, H]. With batch normalisation, actions are normalised as in `batch_of`
        [N, B], the actions themselves by default.
        """
        n, a, hidden = self.action.shape
        index = actions + a * torch.arange(n, device=actions.device).unsqueeze(1)
        table: Tensor = self.action
        if self.normalise is None:
            encoded = self.observation(observations)
        else:
            table, shift = normalised_rows(table, actions if batch_of is None else batch_of)
            encoded = self.observation(self.normalise(observations)) - shift
        return functional.leaky_relu(encoded + functional.embedding(index, table.view(n * a, hidden)))


class NeighbourAttention(nn.Module):
    """X_i: what agent i hears from the agents that it attends to (paper eqs. 13-14), K heads.

    Query from agent i's state encoding, keys and values from the others' state-action encodings; scaled dot product,
    values through LeakyReLU (MAAC). An agent that attends to nobody hears exactly zero.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, hidden: int, heads: int, generator: torch.Generator) -> None:
        """`mask` [N, N] bool: row i is true where i attends."""
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.heads = heads
        self.query = _uniform((hidden, hidden), bound, generator)
        self.key = _uniform((hidden, hidden), bound, generator)
        self.value = _uniform((hidden, hidden), bound, generator)
        self.value_bias = _uniform((hidden,), bound, generator)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, states: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """[N, B, H] encodings -> X [N, B, H], and the scores [B, K, N, N] before the mask and the softmax."""
        n, batch, hidden = states.shape

        def by_head(x: Tensor) -> Tensor:  # [N, B, H] -> [B, K, N, D]
            return x.view(n, batch, self.heads, -1).permute(1, 2, 0, 3)

        query = by_head(states @ self.query)
        key = by_head(embeddings @ self.key)
        value = by_head(functional.leaky_relu(embeddings @ self.value + self.value_bias))
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        # Multiplying by the mask again gives an agent without neighbours zeros, where softmax alone gives 1/N each.
        weights = scores.masked_fill(~self.mask, MASKED).softmax(dim=-1) * self.mask
        return (weights @ value).permute(2, 0, 1, 3).reshape(n, batch, hidden), scores

    def magnitude(self, scores: Tensor) -> Tensor:
        """[N] the mean square of an agent's unscaled scores, summed over heads: what MAAC's regularisation keeps small.

        An agent that attends to nobody has 0.
        """
        depth = self.query.shape[1] // self.heads
        squares = depth * (scores.square() * self.mask).mean(dim=0).sum(dim=(0, 2))
        return squares / self.mask.sum(dim=1).clamp(min=1)


class AttentionCritic(nn.Module):
    """Q_i(o, (., a_-i)) for every own action of every agent (paper eqs. 12-15, as MAAC computes them).

    The decoder g_i is given agent i's encoding of o_i alone and X_i, and has one output per own action: so Q_i for all
    actions comes from one pass and cannot depend on the action that i took.
    """

    def __init__(
        self,
        observation_size: int,
        actions: int,
        hidden: int,
        heads: int,
        mask: Tensor,
        generator: torch.Generator,
        *,
        batch_norm: bool = False,
    ) -> None:
        """`mask` [N, N] bool: row i is true where agent i attends. `batch_norm`: of the encoders' inputs."""
        super().__init__()
        n = len(mask)
        self.normalise = StackedBatchNorm(n, observation_size) if batch_norm else None
        self.state_encoder = StackedLinear(n, observation_size, hidden, generator)
        self.encoder = StateActionEncoder(n, observation_size, actions, hidden, generator, batch_norm=batch_norm)
        self.attention = NeighbourAttention(mask, hidden, heads, generator)
        self.decoder = StackedLinear(n, 2 * hidden, hidden, generator)
        self.values = StackedLinear(n, hidden, actions, generator, gain=0.1)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[N, B, O], [N, B] int -> Q [N, B, A]."""
        return self._all_values(observations, actions)[0]

    def taken(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Q of the actions taken [N, B], and the attention's scores."""
        q, scores = self._all_values(observations, actions)
        return q.gather(-1, actions.unsqueeze(-1)).squeeze(-1), scores

    def _all_values(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        seen = observations if self.normalise is None else self.normalise(observations)
        states = functional.leaky_relu(self.state_encoder(seen))
        heard, scores = self.attention(states, self.encoder(observations, actions))
        return self.values(functional.leaky_relu(self.decoder(torch.cat((states, heard), dim=-1)))), scores

    def shared_parameters(self) -> list[nn.Parameter]:
        """The attention's, which all agents share."""
        return list(self.attention.parameters())

    def stacked_parameters(self) -> list[nn.Parameter]:
        """The agents' own, each [N, ...]."""
        return stacked_of(self)


def stacked_of(critic: nn.Module) -> list[nn.Parameter]:
    """A critic's parameters but those of its `attention`."""
    shared = {id(parameter) for parameter in critic.get_submodule("attention").parameters()}
    return [parameter for parameter in critic.parameters() if id(parameter) not in shared]
