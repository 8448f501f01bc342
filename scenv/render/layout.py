"""Where firms and edges go in a picture: columns by stage, few crossings, edges that pass between firms.

The usual layered drawing (Sugiyama, Tagawa & Toda 1981): an edge that skips stages gets a place of its own in every
column it passes, then the columns are ordered by the mean position of their neighbours, back and forth.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import isotonic_regression

from scenv.network.network import Network
from scenv.render.sketch import Sketch

__all__ = ["Layout", "layered_layout"]

_SWEEPS, _SETTLE = 24, 12
_FIRM_HEIGHT, _PASSAGE_HEIGHT = 1.0, 0.45


@dataclass(frozen=True, eq=False)
class Layout:
    """Positions in rows and columns; y grows upwards, the picture is centred on y = 0.

    Attributes:
        column: [N] 0 = the deepest suppliers, at the left.
        y: [N] in rows.
        routes: per edge, the (column, y) points that it passes, its two ends included.
        columns: number of columns.
        height: number of rows that the tallest column takes.
    """

    column: np.ndarray
    y: np.ndarray
    routes: tuple[tuple[tuple[float, float], ...], ...]
    columns: int
    height: float


def layered_layout(network: Network | Sketch) -> Layout:
    """Place the firms of a network, or of a part of it; the same network always gets the same picture."""
    stages = np.array([network.stages[name] for name in network.agents])
    column = (stages.max() - stages).astype(np.intp)
    links, chains, places = _split_long_edges(network, column)
    columns = [np.flatnonzero(places == c) for c in range(int(column.max()) + 1)]
    _order_columns(columns, links, len(places))
    heights = np.where(np.arange(len(places)) < len(column), _FIRM_HEIGHT, _PASSAGE_HEIGHT)
    height = max(float(heights[members].sum()) for members in columns)
    y = height / 2 - _depths(columns, links, heights, height)
    routes = tuple(tuple((float(places[i]), float(y[i])) for i in chain) for chain in chains)
    return Layout(column=column, y=y[: len(column)], routes=routes, columns=len(columns), height=height)


def _split_long_edges(
    network: Network | Sketch, column: np.ndarray
) -> tuple[list[tuple[int, int]], list[list[int]], np.ndarray]:
    """(links between neighbouring columns, each edge's chain of places, [P] column of every place), firms first.

    A retailer before the last column gets places to the right as well: its demand leaves between the other firms.
    """
    places = column.tolist()
    chains: list[list[int]] = []
    links: list[tuple[int, int]] = []
    last = int(column.max())
    for u, v in zip(network.supplier.tolist(), network.customer.tolist(), strict=True):
        chain = [u]
        for c in range(int(column[u]) + 1, int(column[v])):
            chain.append(len(places))
            places.append(c)
        chain.append(v)
        chains.append(chain)
        links += pairwise(chain)
    for retailer in network.retailers.tolist():
        before = retailer
        for c in range(int(column[retailer]) + 1, last + 1):
            links.append((before, len(places)))
            before = len(places)
            places.append(c)
    return links, chains, np.array(places)


def _order_columns(columns: list[np.ndarray], links: list[tuple[int, int]], places: int) -> None:
    """Sort every column by the mean relative position of its neighbours in the column just sorted, both ways."""
    left: list[list[int]] = [[] for _ in range(places)]
    right: list[list[int]] = [[] for _ in range(places)]
    for u, v in links:
        left[v].append(u)
        right[u].append(v)
    position = np.zeros(places)
    for members in columns:
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    best, fewest = [members.copy() for members in columns], _crossings(position, columns, right)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = left if forward else right
        for c in range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1):
            members = columns[c]
            centre = [position[neighbours[i]].mean() if neighbours[i] else position[i] for i in members]
            columns[c] = members[np.argsort(centre, kind="stable")]
            position[columns[c]] = (np.arange(len(members)) + 0.5) / len(members)
        crossings = _crossings(position, columns, right)
        if crossings < fewest:
            best, fewest = [members.copy() for members in columns], crossings
    columns[:] = best


def _depths(columns: list[np.ndarray], links: list[tuple[int, int]], heights: np.ndarray, height: float) -> np.ndarray:
    """[P] distance of every place from the top: as near its neighbours as the order and the room in its column allow.

    Column by column, least squares under "the next place is far enough below": an isotonic regression.
    """
    near: list[list[int]] = [[] for _ in range(len(heights))]
    for u, v in links:
        near[u].append(v)
        near[v].append(u)
    depth = np.zeros(len(heights))
    for members in columns:
        ends = np.cumsum(heights[members])
        depth[members] = ends - heights[members] / 2 + (height - ends[-1]) / 2
    for _ in range(_SETTLE):
        for members in columns:
            ends = np.cumsum(heights[members])
            packed = ends - heights[members] / 2
            wish = np.array([depth[near[i]].mean() if near[i] else depth[i] for i in members])
            settled = isotonic_regression(wish - packed).x
            depth[members] = packed + np.clip(settled, 0.0, height - ends[-1])
    return depth


def _crossings(position: np.ndarray, columns: list[np.ndarray], right: list[list[int]]) -> int:
    """Pairs of links that cross, counted column by column in E log E."""
    total = 0
    for members in columns:
        ends: list[float] = []
        for i in members[np.argsort(position[members], kind="stable")]:
            ends += sorted(float(position[j]) for j in right[i])
        total += _inversions(ends)
    return total


def _inversions(values: list[float]) -> int:
    """Number of pairs that stand in the wrong order, strictly."""
    seen: list[float] = []
    count = 0
    for value in values:
        count += len(seen) - bisect_right(seen, value)
        insort(seen, value)
    return count
