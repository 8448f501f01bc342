"""Attention over edges and dense attention: the same numbers, exact zeros, and the rule that chooses."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pmarl_trainer.networks.attention import (
    attend_dense,
    attend_edges,
    edges_pay,
    mean_square_logits,
    neighbour_lists,
)

WAYS = ("dense", "edges")
HEADS, DEPTH = 2, 4


def heard_and_gradients(way, mask, inputs, weights):
    inputs = [x.clone().requires_grad_() for x in inputs]
    if way == "dense":
        heard = attend_dense(*inputs, mask, HEADS)
    else:
        heard = attend_edges(*inputs, neighbour_lists(mask), HEADS)
    return [heard.detach(), *torch.autograd.grad((heard * weights).sum(), inputs)]


def random_case(seed, agents, batch, dtype, share=0.4):
    rng = torch.Generator().manual_seed(seed)
    mask = (torch.rand(agents, agents, generator=rng) < share) & ~torch.eye(agents, dtype=torch.bool)
    shape = (agents, batch, HEADS * DEPTH)
    *inputs, weights = (3 * torch.randn(shape, generator=rng, dtype=dtype) for _ in range(4))
    return mask, inputs, weights


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 4))
def test_all_ways_give_the_same_values_and_gradients(seed, agents, batch):
    mask, inputs, weights = random_case(seed, agents, batch, torch.float64)
    one, *others = (heard_and_gradients(way, mask, inputs, weights) for way in WAYS)
    for other in others:
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_the_same_in_single_precision():
    mask, inputs, weights = random_case(0, 9, 16, torch.float32)
    one, *others = (heard_and_gradients(way, mask, [x / 3 for x in inputs], weights / 3) for way in WAYS)
    for other in others:
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_who_attends_to_nobody_hears_exactly_zero_and_non_neighbours_get_exactly_no_gradient(way):
    mask, inputs, weights = random_case(1, 5, 3, torch.float64)
    mask[:] = False
    mask[0, 1] = mask[1, 0] = True  # 2, 3 and 4 are alone
    heard, d_query, d_key, d_value = heard_and_gradients(way, mask, inputs, weights)
    for tensor in (heard, d_query, d_key, d_value):
        assert (tensor[2:] == 0).all()
    assert (heard[:2] != 0).all()
    assert (d_value[:2] != 0).all()


@pytest.mark.parametrize("way", WAYS)
def test_nobody_attends_at_all(way):
    mask, inputs, weights = random_case(1, 3, 2, torch.float64, share=0)
    assert all((tensor == 0).all() for tensor in heard_and_gradients(way, mask, inputs, weights))


@pytest.mark.parametrize("way", WAYS)
def test_large_scores_neither_overflow_nor_vanish(way):
    mask, inputs, weights = random_case(2, 4, 3, torch.float32, share=1)
    inputs[0][1] *= 1e3
    assert all(torch.isfinite(t).all() for t in heard_and_gradients(way, mask, inputs, weights))


def test_neighbour_lists():
    mask = torch.tensor([[False, True, True], [False, False, False], [True, False, False]])
    assert neighbour_lists(mask) == [[1, 2], [], [0]]


@pytest.mark.parametrize(
    ("agents", "neighbours", "pays"), [(4, 1, True), (8, 7, False), (27, 2, True), (27, 26, False), (100, 40, False)]
)
def test_sparse_graphs_go_by_edges_and_dense_ones_by_matrix(agents, neighbours, pays):
    mask = torch.zeros(agents, agents, dtype=torch.bool)
    for step in range(1, neighbours + 1):
        mask |= torch.eye(agents, dtype=torch.bool).roll(step, dims=1)
    assert edges_pay(mask) is pays


def test_mean_square_logits_equals_a_plain_loop():
    mask, (query, key, _), _ = random_case(3, 4, 5, torch.float64)
    found = mean_square_logits(query, key, mask, HEADS)
    for i in range(4):
        others = [j for j in range(4) if mask[i, j]]
        products = [(query[i] * key[j]).view(5, HEADS, DEPTH).sum(-1).square().sum(-1).mean() for j in others]
        assert float(found[i]) == pytest.approx(float(sum(products)) / max(len(others), 1))
