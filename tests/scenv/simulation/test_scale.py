"""Size: cost grows with firms + edges, up to the largest chain of the published data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scenv
from scenv import generators
from scenv.simulation.array_ops import Segments


def test_the_2025_firm_chain_runs(willems_dir: Path) -> None:
    env = scenv.vector_env(willems_dir / "38.csv", 2, seed=0, horizon=8, warmup=0)
    assert len(env.agents) == 2025
    assert env.structure.num_edges == 16225
    observation = env.reset()
    while env.period < env.horizon - 1:
        observation, reward, _, _, info = env.step_orders(env.local_state.demand)
    assert observation.shape == (2, 2025, 30)
    assert np.isfinite(observation).all()
    assert np.isfinite(reward).all()
    assert (info["cost"] >= 0).all()
    assert info["cost"].sum() > 0


@pytest.mark.parametrize("edges_per_firm", [1, 4])
@pytest.mark.parametrize("firms", [50, 800])
def test_what_a_period_touches_is_linear_in_firms_and_edges(firms: int, edges_per_firm: int) -> None:
    structure = scenv.vector_env(
        generators.random_dag(firms, edges_per_firm * firms, seed=1), 1, costs="uniform"
    ).structure
    links = structure.num_sources + structure.num_edges + structure.num_retailers
    for segments in (structure.buyers, structure.sellers):
        indices = sum(len(index) for index in (segments.firm, segments.first, segments.shared, *segments.ranks))
        assert indices <= 2 * (links + structure.num_firms)


def test_sums_over_links_take_every_link_once_whatever_the_batch() -> None:
    rng = np.random.default_rng(0)
    for links, firms in ((5, 5), (40, 7), (300, 40)):
        firm = rng.permutation(np.concatenate([np.arange(firms), rng.integers(0, firms, links - firms)]))
        values = rng.random((links, 3))
        expected = np.zeros((firms, 3))
        for link, owner in enumerate(firm):
            expected[owner] += values[link]
        segments = Segments.build(firm, firms, np.asarray)
        np.testing.assert_array_equal(segments.sum(values), expected)
        np.testing.assert_array_equal(segments.sum(values[:, :1].copy()), expected[:, :1])
        np.testing.assert_array_equal(segments.spread(expected), expected[firm])


def test_a_firm_without_links_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one link"):
        Segments.build(np.array([0, 2]), 3, np.asarray)
