"""Neighbours, groups and their weights on graphs small enough to see."""

import math

import numpy as np
import pytest

from pmarl_trainer.learners.graph import degrees, group_weights, groups, neighbour_mask


def adjacency(n, edges):
    """M[i,j] = -1 where i supplies j, +1 where i is a customer of j."""
    matrix = np.zeros((n, n), dtype=int)
    for supplier, customer in edges:
        matrix[supplier, customer], matrix[customer, supplier] = -1, 1
    return matrix


SERIAL = adjacency(4, [(0, 1), (1, 2), (2, 3)])
STAR = adjacency(4, [(0, 1), (0, 2), (0, 3)])


def test_degrees_count_suppliers_and_customers():
    suppliers, customers = degrees(STAR)
    assert suppliers.tolist() == [0, 1, 1, 1]
    assert customers.tolist() == [3, 0, 0, 0]


def test_groups_are_firms_of_equal_degrees():
    assert groups(SERIAL)[1] == groups(SERIAL)[2]
    assert len(set(groups(SERIAL))) == 3
    assert len(set(groups(STAR))) == 2


def test_log_scaled_weights_by_hand():
    """sigma_G = (1 + ln|G|) / |G|, natural logarithm; alone it is 1."""
    two, three = (1 + math.log(2)) / 2, (1 + math.log(3)) / 3
    assert group_weights(SERIAL, "log_scaled") == pytest.approx([1, two, two, 1])
    assert group_weights(STAR, "log_scaled") == pytest.approx([1, three, three, three])
    assert group_weights(STAR, "equal").tolist() == [1, 1, 1, 1]


def test_neighbours_are_suppliers_and_customers_but_never_oneself():
    mask = neighbour_mask(SERIAL, "neighbours")
    assert mask.tolist() == [
        [False, True, False, False],
        [True, False, True, False],
        [False, True, False, True],
        [False, False, True, False],
    ]
    everyone = neighbour_mask(SERIAL, "all")
    assert everyone.sum() == 12
    assert not everyone.diagonal().any()


def test_undirected_adjacency_groups_by_number_of_neighbours():
    ring = np.roll(np.eye(4, dtype=int), 1, axis=1) + np.roll(np.eye(4, dtype=int), -1, axis=1)
    assert len(set(groups(ring))) == 1
    assert neighbour_mask(ring, "neighbours").sum() == 8


def test_one_agent_alone():
    alone = np.zeros((1, 1), dtype=int)
    assert group_weights(alone, "log_scaled").tolist() == [1]
    assert not neighbour_mask(alone, "all").any()
