"""The networks. Every agent has its own parameters; all agents' layers are stacked and run as one batched product.

Shapes: N agents, B batch, O observation, A actions, H hidden, K heads of D = H / K. Activations are agent-major,
[N, B, .]; a stacked parameter is [N, in, out], so that slice i is agent i's own and nobody else's. The only parameters
that agents share are the attention's W_q, W_k and W_v (and the values' bias), [1, H, H].

Several independent replicas of the same agents (training with several seeds at once) stand in the same tensors, one
after the other: R replicas make R N agents, and R attentions [R, H, H]. No number goes from one replica to another.
Each is initialised from a generator of its own, so it starts as it would alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from pmarl_trainer.networks.attention import (
    MASKED,
    attend_dense,
    attend_edges,
    edge_list,
    edges_pay,
    mean_square_logits,
)
from pmarl_trainer.networks.batch_norm import StackedBatchNorm, normalised_rows
from pmarl_trainer.networks.shared_product import shared_product

#: What parameters are drawn from: one generator, or one for each replica.
Generators = torch.Generator | Sequence[torch.Generator]


def replica_count(generators: Generators) -> int:
    """How many replicas are to be made."""
    return 1 if isinstance(generators, torch.Generator) else len(generators)


def _uniform(shape: tuple[int, ...], bound: float, generators: Generators) -> nn.Parameter:
    """A parameter [replicas * shape[0], *shape[1:]], each replica's part drawn from its own generator."""
    own = [generators] if isinstance(generators, torch.Generator) else generators
    return nn.Parameter(torch.cat([torch.empty(shape).uniform_(-bound, bound, generator=g) for g in own]))


def leaky(x: Tensor) -> Tensor:
    """LeakyReLU of a fresh tensor, in its own memory: its derivative follows from the result."""
    return functional.leaky_relu(x, inplace=True)


def at_least_float32(x: Tensor) -> Tensor:
    """What a network returns is float32 (or float64 in tests), whatever its products were computed in."""
    return x.float() if x.dtype == torch.bfloat16 else x


class StackedLinear(nn.Module):
    """N linear layers side by side: [N, B, in] -> [N, B, out].

    Weights start at He et al.'s scale for rectified units (uniform, variance 2 / in), times `gain`; biases at zero.
    """

    def __init__(self, agents: int, inputs: int, outputs: int, generator: Generators, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = _uniform((agents, inputs, outputs), gain * math.sqrt(6 / inputs), generator)
        self.bias = nn.Parameter(torch.zeros(agents * replica_count(generator), 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Agent i's x[i] through agent i's own layer."""
        return torch.baddbmm(self.bias, x, self.weight)

    def of_two(self, first: Tensor, second: Tensor) -> Tensor:
        """The layer for inputs that stand in two tensors, [N, B, in_1] and [N, B, in_2], without joining them."""
        size = first.shape[-1]
        partial = torch.baddbmm(self.bias, first, self.weight[:, :size])
        # Operations in place are not autocast, so the types are matched here (precision: bf16).
        return partial.baddbmm_(second.to(partial.dtype), self.weight[:, size:].to(partial.dtype))


def as_seen(observations: Tensor, sees_all: bool, replicas: int = 1) -> Tensor:
    """What each agent's policy is given: [N, B, O] its own, or with `sees_all` that of all n agents of its replica,
    [N, B, n O].
    """
    if not sees_all:
        return observations
    agents, batch, size = observations.shape
    n = agents // replicas
    joint = observations.view(replicas, n, batch, size).transpose(1, 2).reshape(replicas, 1, batch, n * size)
    return joint.expand(-1, n, -1, -1).reshape(agents, batch, n * size)


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
        generator: Generators,
        batch_norm: bool = False,
    ) -> None:
        """`num_actions` [N] int; actions beyond an agent's own are impossible to it. `batch_norm`: of the inputs."""
        super().__init__()
        n, a = len(num_actions), int(num_actions.max())
        self.sees_all, self.replicas = sees_all, replica_count(generator)
        inputs = n * observation_size if sees_all else observation_size
        self.normalise = StackedBatchNorm(n * self.replicas, inputs) if batch_norm else None
        self.hidden_1 = StackedLinear(n, inputs, hidden, generator)
        self.hidden_2 = StackedLinear(n, hidden, hidden, generator)
        self.logits = StackedLinear(n, hidden, a, generator, gain=0.03)  # starts close to uniform
        possible = torch.arange(a) < num_actions.view(n, 1, 1)
        self.register_buffer("action_mask", possible.repeat(self.replicas, 1, 1), persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """[N, B, O] -> log pi [N, B, A]."""
        return self.log_policy(self.raw_logits(observations))

    def raw_logits(self, observations: Tensor) -> Tensor:
        """[N, B, O] -> [N, B, A], those of impossible actions included."""
        x = as_seen(observations, self.sees_all, self.replicas)
        if self.normalise is not None:
            x = self.normalise(x)
        x = leaky(self.hidden_1(x))
        x = leaky(self.hidden_2(x))
        return at_least_float32(self.logits(x))

    def compile_products(self) -> None:
        """Have torch.compile make one function of everything up to the logits."""
        self.raw_logits = torch.compile(self.raw_logits)  # type: ignore[method-assign]

    def log_policy(self, logits: Tensor) -> Tensor:
        """log pi [N, B, A] of raw logits."""
        return functional.log_softmax(logits.masked_fill(~self.action_mask, MASKED), dim=-1)


class StateActionEncoder(nn.Module):
    """f_i(o_i, a_i) = e_i (paper eq. 12): one layer of the observation and the action as a one-hot vector.

    Multiplying the few ones and zeros along with the observation takes less time than looking rows up and adding them,
    and its gradient is a product too.
    """

    def __init__(
        self,
        agents: int,
        observation_size: int,
        actions: int,
        hidden: int,
        generator: Generators,
        *,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        norms = agents * replica_count(generator)
        self.normalise = StackedBatchNorm(norms, observation_size) if batch_norm else None
        self.observation = StackedLinear(agents, observation_size, hidden, generator)
        self.action = _uniform((agents, actions, hidden), 1 / math.sqrt(observation_size + actions), generator)

    def forward(self, observations: Tensor, actions: Tensor, batch_of: Tensor | None = None) -> Tensor:
        """[N, B, O], [N, B] int -> e [N, B, H]. With batch normalisation, actions are normalised as in `batch_of`
        [N, B], the actions themselves by default.
        """
        table: Tensor = self.action
        bias: Tensor = self.observation.bias
        seen = observations
        if self.normalise is not None:
            seen = self.normalise(observations)
            table, shift = normalised_rows(table, actions if batch_of is None else batch_of)
            bias = bias - shift
        one_hot = seen.new_zeros(*actions.shape, table.shape[1]).scatter_(-1, actions.unsqueeze(-1), 1.0)
        weight = torch.cat((self.observation.weight, table), dim=1)
        return leaky(torch.baddbmm(bias, torch.cat((seen, one_hot), dim=-1), weight))


class NeighbourAttention(nn.Module):
    """X_i: what agent i hears from the agents that it attends to (paper eqs. 13-14), K heads.

    Query from agent i's state encoding, keys and values from the others' state-action encodings; scaled dot product,
    values through LeakyReLU (MAAC). An agent that attends to nobody hears exactly zero. Computed over pairs of agents
    that attend, or over all pairs with a mask, whichever is faster (`attention.edges_pay`).
    """

    mask: Tensor
    edges: Tensor

    def __init__(self, mask: Tensor, hidden: int, heads: int, generator: Generators) -> None:
        """`mask` [n, n] bool: row i is true where i attends, the same in every replica."""
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.heads, self.over_edges = heads, edges_pay(mask)
        self.all_attend = bool(mask.any(dim=1).all())
        self.query = _uniform((1, hidden, hidden), bound, generator)
        self.key = _uniform((1, hidden, hidden), bound, generator)
        self.value = _uniform((1, hidden, hidden), bound, generator)
        self.value_bias = _uniform((1, 1, hidden), bound, generator)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("edges", edge_list(mask, replica_count(generator)), persistent=False)

    def forward(self, states: Tensor, embeddings: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[N, B, H] encodings -> X [N, B, H], and (queries, keys) [N, B, H], for `magnitude`."""
        query = shared_product(states, self.query)
        key = shared_product(embeddings, self.key)
        value = leaky(shared_product(embeddings, self.value, self.value_bias))
        if self.over_edges:
            heard = attend_edges(query, key, value, self.edges, self.heads)
        else:
            heard = attend_dense(query, key, value, self.mask, self.heads, self.all_attend)
        return heard, (query, key)

    def magnitude(self, logits: tuple[Tensor, Tensor]) -> Tensor:
        """[N] the mean square of an agent's unscaled logits, summed over heads: what MAAC's regularisation keeps small.

        `logits` is what `forward` returned beside X. An agent that attends to nobody has 0.
        """
        return mean_square_logits(*logits, self.mask, self.heads)


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
        generator: Generators,
        *,
        batch_norm: bool = False,
    ) -> None:
        """`mask` [N, N] bool: row i is true where agent i attends. `batch_norm`: of the encoders' inputs."""
        super().__init__()
        n = len(mask)
        norms = n * replica_count(generator)
        self.normalise = StackedBatchNorm(norms, observation_size) if batch_norm else None
        self.state_encoder = StackedLinear(n, observation_size, hidden, generator)
        self.encoder = StateActionEncoder(n, observation_size, actions, hidden, generator, batch_norm=batch_norm)
        self.attention = NeighbourAttention(mask, hidden, heads, generator)
        self.decoder = StackedLinear(n, 2 * hidden, hidden, generator)
        self.values = StackedLinear(n, hidden, actions, generator, gain=0.1)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[N, B, O], [N, B] int -> Q [N, B, A]."""
        return self._all_values(observations, actions)[0]

    def taken(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Q of the actions taken [N, B], and the attention's queries and keys, for `NeighbourAttention.magnitude`."""
        q, logits = self._all_values(observations, actions)
        return q.gather(-1, actions.unsqueeze(-1)).squeeze(-1), logits

    def _all_values(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        seen = observations if self.normalise is None else self.normalise(observations)
        states = leaky(self.state_encoder(seen))
        heard, logits = self.attention(states, self.encoder(observations, actions))
        return at_least_float32(self.values(leaky(self.decoder.of_two(states, heard)))), logits

    def compile_products(self) -> None:
        """Have torch.compile make one function of the whole pass."""
        self._all_values = torch.compile(self._all_values)  # type: ignore[method-assign]

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
