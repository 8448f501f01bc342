"""Multi-head attention of every agent over those it attends to, in two ways that give the same numbers.

Dense: all pairs of agents at once, those that do not attend masked. Edges: only the pairs that attend, so time and
memory are linear in their number. Shapes: N agents, B batch, H hidden, K heads of D = H / K, E edges; activations are
[N, B, H]. The only parameters that agents share are W_q, W_k and W_v (and the values' bias).
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pmarl_trainer.networks.layers import leaky, uniform

#: In place of minus infinity: exp of it is exactly 0, and 0 times it is 0 rather than nan.
MASKED = -1e9

#: Edges are faster up to this share of the N^2 pairs, and always for few agents. Both ways take a time per pair: an
#: edge's is some elementwise passes over [B, H], a dense pair's is its part of small matrix products, the less
#: efficient the fewer agents there are. Measured (benchmarks/agents_scaling.py --attention, results/agents_scaling.md)
#: on one core of an AMD EPYC (AVX-512), forward and backward, batch 256: they break even at a share of 0.6 for 10
#: agents, 0.2 for 17, 0.16 for 27 and 50, 0.12 for 100. Sparse networks of 100 firms and more are far below. One agent
#: that is told of all that it hears takes half of the dense way's time, whether these are 1 or 21.
EDGES_PAY_BELOW = 0.2
FEW_AGENTS = 10


class Told(NamedTuple):
    """Embeddings that a critic is told, where the agents that it hears are not all here.

    Attributes:
        own: [N, B, H] of its own agents.
        heard: [M, B, H] of those that they attend to, in the order of the mask's columns.
    """

    own: Tensor
    heard: Tensor


def edges_pay(mask: Tensor) -> bool:
    """Whether attention over the edges of `mask` [N, M] is expected to be faster than dense attention."""
    few = len(mask) <= FEW_AGENTS and int(mask.sum()) <= 0.7 * mask.numel()
    return few or len(mask) == 1 or int(mask.sum()) < EDGES_PAY_BELOW * mask.numel()


def neighbour_lists(mask: Tensor) -> list[list[int]]:
    """For every agent those it attends to."""
    return [row.nonzero().flatten().tolist() for row in mask]


class NeighbourAttention(nn.Module):
    """X_i: what agent i hears from the agents that it attends to (paper eqs. 13-14), K heads.

    Query from agent i's state encoding, keys and values from the others' state-action encodings; scaled dot product.
    Values are W_v e_j as eq. 13 prints them, or as MAAC has them, with a bias and through LeakyReLU. An agent that
    attends to nobody hears exactly zero. Computed over pairs of agents that attend, or over all pairs with a mask,
    whichever is faster (`edges_pay`; GPUs take the few large operations of the latter). Where agents attend to others
    that are elsewhere, N agents attend to M whose embeddings they are told.
    """

    mask: Tensor

    def __init__(
        self, mask: Tensor, hidden: int, heads: int, generator: torch.Generator, *, linear_values: bool = False
    ) -> None:
        """`mask` [N, M] bool: row i is true where i attends."""
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.heads = heads
        self.neighbours = neighbour_lists(mask) if mask.numel() and edges_pay(mask) else None
        self.all_attend = bool(mask.any(dim=1).all())
        self.query = uniform((1, hidden, hidden), bound, generator)
        self.key = uniform((1, hidden, hidden), bound, generator)
        self.value = uniform((1, hidden, hidden), bound, generator)
        self.value_bias = None if linear_values else uniform((1, 1, hidden), bound, generator)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, states: Tensor, embeddings: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Encodings [N, B, H] and [M, B, H] -> X [N, B, H], and (queries, keys), for `magnitude`."""
        query = _shared_product(states, self.query)
        key = _shared_product(embeddings, self.key)
        value = _shared_product(embeddings, self.value, self.value_bias)
        value = value if self.value_bias is None else leaky(value)
        if self.neighbours is not None and query.device.type == "cpu":
            heard = attend_edges(query, key, value, self.neighbours, self.heads)
        else:
            heard = attend_dense(query, key, value, self.mask, self.heads, self.all_attend)
        return heard, (query, key)

    def magnitude(self, logits: tuple[Tensor, Tensor]) -> Tensor:
        """[N] the mean square of an agent's unscaled logits, summed over heads: what MAAC's regularisation keeps small.

        `logits` is what `forward` returned beside X. An agent that attends to nobody has 0.
        """
        return mean_square_logits(*logits, self.mask, self.heads)


def _shared_product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """[N, B, H] times one matrix [1, H, H'] of all agents, plus bias [1, 1, H']."""
    flat = x.reshape(1, -1, x.shape[-1])
    product = torch.bmm(flat, weight) if bias is None else torch.baddbmm(bias, flat, weight)
    return product.view(*x.shape[:2], -1)


def attend_dense(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: int, all_attend: bool | None = None
) -> Tensor:
    """X [N, B, H]: softmax(q k' / sqrt(D)) v over the agents j with mask[i, j], exactly 0 for an i without any; query
    [N, B, H], key and value [M, B, H].

    `all_attend`: whether no row of the mask is empty; who knows spares a GPU's update a question that the host has to
    wait for.
    """
    n, batch, hidden = query.shape

    def by_head(x: Tensor) -> Tensor:  # [N, B, H] -> [B K, N, D]
        return x.view(len(x), batch * heads, hidden // heads).transpose(0, 1)

    bias = torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, MASKED)
    scale = 1 / math.sqrt(hidden // heads)
    scores = torch.baddbmm(bias, by_head(query), by_head(key).transpose(1, 2), alpha=scale)
    heard = torch.bmm(scores.softmax(dim=-1), by_head(value)).transpose(0, 1).reshape(n, batch, hidden)
    attends = mask.any(dim=1)
    if bool(attends.all()) if all_attend is None else all_attend:
        return heard
    # Where everybody is masked, softmax gives 1 / n each; these agents hear nothing, and no gradient comes from them.
    return heard * attends.to(heard).view(-1, 1, 1)


def attend_edges(query: Tensor, key: Tensor, value: Tensor, heard_by: Sequence[Sequence[int]], heads: int) -> Tensor:
    """The same, given for each agent those it attends to; one pair at a time.

    A pair's [B, H] operands stay in a core's cache, and nothing of size [E, B, H] is ever made.
    """
    batch, hidden = query.shape[1:]
    by_head, scale = (batch, heads, hidden // heads), 1 / math.sqrt(hidden // heads)
    queries, keys, values = query.unbind(), key.unbind(), value.unbind()
    heard = []
    for i, others in enumerate(heard_by):
        if not others:
            # Exactly zero, but a function of all three, so that every parameter has a gradient.
            heard.append(0 * (queries[i] + keys[i] + values[i]))
            continue
        scores = torch.stack([(queries[i] * keys[j]).view(by_head).sum(dim=-1) for j in others])
        weights = (scores * scale).softmax(dim=0).unsqueeze(-1).unbind()
        terms = (weight * values[j].view(by_head) for weight, j in zip(weights, others, strict=True))
        heard.append(functools.reduce(operator.add, terms).view(batch, hidden))
    return torch.stack(heard)


def mean_square_logits(query: Tensor, key: Tensor, mask: Tensor, heads: int) -> Tensor:
    """[N] mean over samples and agents j with mask[i, j] of (q_i k_j')^2, summed over heads; 0 for an i without any."""
    by_head = (query.shape[1], heads, query.shape[2] // heads)
    logits = torch.einsum("ibhd,jbhd->ijbh", query.view(-1, *by_head), key.view(len(key), *by_head))
    squares = logits.square().sum(dim=3).mean(dim=2) * mask
    return squares.sum(dim=1) / mask.sum(dim=1).clamp(min=1)
