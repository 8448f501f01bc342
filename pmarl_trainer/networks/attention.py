"""Multi-head attention of every agent over those it attends to, in two ways that give the same numbers.

Dense: all pairs of agents at once, those that do not attend masked. Edges: only the pairs that attend, so time and
memory are linear in their number. Shapes: N agents (of all replicas), B batch, H hidden, K heads of D = H / K,
E edges; activations are [N, B, H].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: In place of minus infinity: exp of it is exactly 0, and 0 times it is 0 rather than nan.
MASKED = -1e9

#: Edges are faster up to this share of the N^2 pairs, and always for few agents. Both ways take a time per pair: an
#: edge's is some elementwise passes over [B, H], a dense pair's is its part of small matrix products, the less
#: efficient the fewer agents there are. Measured (benchmarks/agents_scaling.py --attention, results/agents_scaling.md)
#: on one core of an AMD EPYC (AVX-512), forward and backward, batch 256: they break even at a share of 0.6 for 10
#: agents, 0.2 for 17, 0.16 for 27 and 50, 0.12 for 100. Sparse networks of 100 firms and more are far below.
EDGES_PAY_BELOW = 0.2
FEW_AGENTS = 10


def edges_pay(mask: Tensor) -> bool:
    """Whether attention over the edges of `mask` [N, N] is expected to be faster than dense attention."""
    few = len(mask) <= FEW_AGENTS and int(mask.sum()) <= 0.7 * mask.numel()
    return few or int(mask.sum()) < EDGES_PAY_BELOW * mask.numel()


def edge_list(mask: Tensor, replicas: int = 1) -> Tensor:
    """[2, E] int64: who attends and to whom, in the order of the former; replica after replica."""
    edges = mask.nonzero().T
    return torch.cat([edges + k * len(mask) for k in range(replicas)], dim=1)


def attend_dense(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: int, all_attend: bool | None = None
) -> Tensor:
    """X [N, B, H]: softmax(q k' / sqrt(D)) v over the agents j with mask[i, j], exactly 0 for an i without any.

    `mask` [n, n] is one replica's, of N / n alike. `all_attend`: whether no row of it is empty; who knows spares a
    GPU's update a question that the host has to wait for.
    """
    agents, batch, hidden = query.shape
    n = len(mask)

    def by_head(x: Tensor) -> Tensor:  # [N, B, H] -> [replicas B K, n, D]
        return x.view(agents // n, n, batch * heads, -1).transpose(1, 2).reshape(-1, n, hidden // heads)

    bias = torch.zeros(n, n, dtype=query.dtype, device=query.device).masked_fill(~mask, MASKED)
    scale = 1 / math.sqrt(hidden // heads)
    scores = torch.baddbmm(bias, by_head(query), by_head(key).transpose(1, 2), alpha=scale)
    heard = torch.bmm(scores.softmax(dim=-1), by_head(value))
    heard = heard.view(agents // n, batch * heads, n, -1).transpose(1, 2).reshape(agents, batch, hidden)
    attends = mask.any(dim=1)
    if bool(attends.all()) if all_attend is None else all_attend:
        return heard
    # Where everybody is masked, softmax gives 1 / n each; these agents hear nothing, and no gradient comes from them.
    return heard * attends.to(heard).repeat(agents // n).view(-1, 1, 1)


def mean_square_logits(query: Tensor, key: Tensor, mask: Tensor, heads: int) -> Tensor:
    """[N] mean over samples and agents j with mask[i, j] of (q_i k_j')^2, summed over heads; 0 for an i without any."""
    agents, batch, hidden = query.shape
    by_head = (agents // len(mask), len(mask), batch, heads, hidden // heads)
    logits = torch.einsum("ribhd,rjbhd->rijbh", query.view(by_head), key.view(by_head))
    squares = logits.square().sum(dim=4).mean(dim=3) * mask
    return (squares.sum(dim=2) / mask.sum(dim=1).clamp(min=1)).flatten()


def attend_edges(query: Tensor, key: Tensor, value: Tensor, edges: Tensor, heads: int) -> Tensor:
    """The same over a list of edges [2, E] in the receivers' order."""
    if query.device.type == "cpu" and not torch.compiler.is_compiling():
        heard: Tensor = _EdgeByEdge.apply(query, key, value, edges.tolist(), heads)  # type: ignore[no-untyped-call]
        return heard
    return attend_edges_at_once(query, key, value, edges, heads)


def attend_edges_at_once(query: Tensor, key: Tensor, value: Tensor, edges: Tensor, heads: int) -> Tensor:
    """As `attend_edges`, in few operations on [E, B, H]: for devices with more bandwidth than time to launch."""
    receivers, senders = edges
    agents, batch, hidden = query.shape
    by_head = (-1, batch, heads, hidden // heads)
    scores = (query[receivers] * key[senders]).view(by_head).sum(-1) / math.sqrt(hidden // heads)  # [E, B, K]
    peaks = scores.new_full((agents, batch, heads), -math.inf)
    peaks = peaks.index_reduce_(0, receivers, scores.detach(), "amax")
    weights = (scores - peaks[receivers]).exp()
    totals = torch.zeros_like(peaks).index_add_(0, receivers, weights)
    weights = weights / totals[receivers]
    terms = (weights.unsqueeze(-1) * value[senders].view(by_head)).flatten(2)
    return torch.zeros_like(query).index_add_(0, receivers, terms)


class _EdgeByEdge(torch.autograd.Function):
    """As `attend_edges_at_once`, one edge at a time: its [B, H] operands stay in a core's cache, and nothing of size
    [E, B, H] is ever stored, which for a CPU is several times faster.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, edges: Sequence[Sequence[int]], heads: int
    ) -> Tensor:
        agents, batch, hidden = query.shape
        by_head, scale = (agents, batch, heads, hidden // heads), 1 / math.sqrt(hidden // heads)
        weights = query.new_empty(len(edges[0]), batch, heads)
        product = query.new_empty(batch, hidden)
        for edge, (i, j) in enumerate(zip(*edges, strict=True)):
            torch.mul(query[i], key[j], out=product)
            torch.sum(product.view(by_head[1:]), dim=-1, out=weights[edge])
        weights.mul_(scale)
        for part in _by_receiver(edges[0]):
            weights[part] = weights[part].softmax(dim=0)
        heard = torch.zeros_like(query)
        heard_by_head, value_by_head, shares = heard.view(by_head), value.view(by_head), weights.unsqueeze(-1)
        for edge, (i, j) in enumerate(zip(*edges, strict=True)):
            heard_by_head[i].addcmul_(shares[edge], value_by_head[j])
        ctx.save_for_backward(query, key, value, weights)
        ctx.edges, ctx.by_head, ctx.scale = edges, by_head, scale
        return heard

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weights = ctx.saved_tensors
        edges, by_head, pairs = ctx.edges, ctx.by_head, list(zip(*ctx.edges, strict=True))
        gradient = gradient.contiguous()
        d_query, d_key, d_value = (torch.zeros_like(x) for x in (query, key, value))
        d_scores, product = torch.empty_like(weights), torch.empty_like(query[0])
        shares, by_head_of = weights.unsqueeze(-1), {id(x): x.view(by_head) for x in (gradient, d_value)}
        for edge, (i, j) in enumerate(pairs):
            torch.mul(gradient[i], value[j], out=product)
            torch.sum(product.view(by_head[1:]), dim=-1, out=d_scores[edge])
            by_head_of[id(d_value)][j].addcmul_(shares[edge], by_head_of[id(gradient)][i])
        for part in _by_receiver(edges[0]):  # softmax: ds = w (dw - sum w dw)
            mean = (weights[part] * d_scores[part]).sum(dim=0)
            d_scores[part] = (d_scores[part] - mean) * weights[part]
        d_scores = d_scores.mul_(ctx.scale).unsqueeze(-1)
        query, key, d_query_by_head, d_key_by_head = (x.view(by_head) for x in (query, key, d_query, d_key))
        for edge, (i, j) in enumerate(pairs):
            d_query_by_head[i].addcmul_(d_scores[edge], key[j])
            d_key_by_head[j].addcmul_(d_scores[edge], query[i])
        return d_query, d_key, d_value, None, None


def _by_receiver(receivers: Sequence[int]) -> list[slice]:
    """The range of edges of each agent that has some; `receivers` [E] is sorted."""
    starts = [e for e, i in enumerate(receivers) if e == 0 or receivers[e - 1] != i]
    return [slice(start, stop) for start, stop in itertools.pairwise([*starts, len(receivers)])]
