"""From the adjacency matrix to who attends to whom, which agents form a group, and what a group's loss weighs."""

from __future__ import annotations

import numpy as np

from pmarl_trainer.config.methods import Attention, CostScope, GroupWeights, PolicyInput


def neighbour_mask(adjacency: np.ndarray, attention: Attention) -> np.ndarray:
    """[N, N] bool: entry i,j is true where agent i's critic attends to agent j. Never to itself.

    "neighbours": nb(i), suppliers and customers alike (PMaRL, FV); "all": every other agent (MAAC).
    """
    n = len(adjacency)
    linked = (adjacency != 0) | (adjacency.T != 0) if attention == "neighbours" else np.ones((n, n), dtype=bool)
    return linked & ~np.eye(n, dtype=bool)


def visible(adjacency: np.ndarray, sees: PolicyInput) -> np.ndarray | None:
    """[N, N] bool: whether agent i's policy is given agent j's observation; None where each is given its own alone."""
    n = len(adjacency)
    if sees == "local":
        return None
    return neighbour_mask(adjacency, "neighbours" if sees == "neighbours" else "all") | np.eye(n, dtype=bool)


def cost_scope(adjacency: np.ndarray, scope: CostScope) -> np.ndarray:
    """[K, N] float64: whose costs count in each objective; one for all firms ("network", K = 1) or one a firm (K = N),
    of its own cost or of that and its neighbours' costs.
    """
    n = len(adjacency)
    if scope == "network":
        return np.ones((1, n))
    own = np.eye(n, dtype=bool)
    return (own | neighbour_mask(adjacency, "neighbours") if scope == "neighbours" else own).astype(np.float64)


def degrees(adjacency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In-degree [N] (suppliers) and out-degree [N] (customers) of every agent.

    M[i,j] = -1 where i supplies j (paper section 4.3), so column j counts the suppliers of j and row i the customers
    of i. A matrix without negative entries has no such sign: its non-zero entries are then taken for edges i -> j.
    """
    supplies = adjacency < 0 if (adjacency < 0).any() else adjacency != 0
    return supplies.sum(axis=0), supplies.sum(axis=1)


def groups(adjacency: np.ndarray) -> np.ndarray:
    """[N] int: the number of each agent's group G(i), the agents with the same in-degree and the same out-degree."""
    pairs = np.stack(degrees(adjacency), axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def group_weights(adjacency: np.ndarray, weights: GroupWeights) -> np.ndarray:
    """[N] float64: sigma_G(i), agent i's weight in the critic loss (paper eqs. 16-17).

    "log_scaled": (1 + ln|G(i)|) / |G(i)|, natural logarithm, so a group of k like agents weighs 1 + ln k in all;
    "equal": 1.
    """
    if weights == "equal":
        return np.ones(len(adjacency))
    group = groups(adjacency)
    size = np.bincount(group)[group]
    return (1 + np.log(size)) / size
