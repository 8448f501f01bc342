"""Books of every unit on every link, kept from MODEL.md section 2 alone: the oracle of what an evaluation counts.

Each link has a queue of what is still owed on it, oldest order first; nothing here is taken from the simulator but what
comes from outside (demand, lead times, closures), and the orders that the firms place.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

import scenv
from scenv.scenario.implied import firm_demand_moments, lead_time_distribution, unit_costs

Link = tuple[str | None, str | None]  # (seller, buyer); None is the world outside


@dataclass
class Books:
    """One episode: [T][firm] of every number, over all periods."""

    demand: list[dict[str, float]] = field(default_factory=list)
    late: list[dict[str, float]] = field(default_factory=list)
    lost: list[dict[str, float]] = field(default_factory=list)
    holding: list[dict[str, float]] = field(default_factory=list)
    unmet: list[dict[str, float]] = field(default_factory=list)  # cost of what is owed and of what is lost
    orders: list[dict[str, float]] = field(default_factory=list)
    outside: list[dict[str, float]] = field(default_factory=list)  # external demand by retailer
    outside_late: list[dict[str, float]] = field(default_factory=list)  # what of it was not served in its period


def keep_books(env: scenv.VectorEnv, decisions: np.ndarray, row: int) -> Books:
    """Live through an episode of `env` (reset, whatever it did since) in which the firms decide [T, B, N]."""
    return _Keeper(env, row).live(decisions[:, row])


class _Keeper:
    def __init__(self, env: scenv.VectorEnv, row: int) -> None:
        self.scenario, self.network, self.row = env.scenario, env.scenario.network, row
        self.outer = env.exogenous
        self.firms = list(self.network.agents)
        self.retailers = [
            name
            for name, facts in self.network.graph.nodes.items()
            if self.network.graph.out_degree(name) == 0 or facts.get("demand_mean", 0) > 0
        ]
        self.sources = [name for name in self.firms if self.network.graph.in_degree(name) == 0]
        # Customers in the network file's order.
        self.customers: dict[str, list[Link]] = {name: [] for name in self.firms}
        for seller, buyer in self.network.edges:
            self.customers[seller].append((seller, buyer))
        for name in self.retailers:
            self.customers[name].append((name, None))
        self.suppliers: dict[str, list[Link]] = {
            name: [(seller, buyer) for seller, buyer in self.network.edges if buyer == name] or [(None, name)]
            for name in self.firms
        }
        by_seller = sorted(self.network.edges, key=lambda edge: self.firms.index(edge[0]))  # stable
        self.position = {link: k for k, link in enumerate([*((None, name) for name in self._sources()), *by_seller])}
        mean = dict(zip(self.firms, firm_demand_moments(self.scenario)[0], strict=True))
        self.stock = {name: self.scenario.initial_stock_periods * mean[name] for name in self.firms}
        self.owed: dict[Link, deque[list[float]]] = {link: deque() for each in self.customers.values() for link in each}
        self.within = {
            str(link[1])
            for link in self.position
            if lead_time_distribution(self.scenario, "order", *link).shortest == 0  # type: ignore[arg-type]
        }
        self.orders_due: dict[tuple[int, Link], float] = {}
        self.goods_due: dict[tuple[int, Link], float] = {}
        self._fill_pipelines(mean)

    def _sources(self) -> list[str]:
        return [self.firms[i] for i in self.network.sources]

    def _fill_pipelines(self, mean: dict[str, float]) -> None:
        """What left in each period before the first, at the mean flow, and has not arrived yet."""
        for stage, due, drawn in (
            ("order", self.orders_due, self.outer.orders),
            ("shipment", self.goods_due, self.outer.shipments),
        ):
            for link, position in self.position.items():
                flow = mean[str(link[1])] / len(self.suppliers[str(link[1])])
                if drawn is None:
                    periods = lead_time_distribution(self.scenario, stage, *link).longest  # type: ignore[arg-type]
                    counts = [1] * periods
                else:
                    counts = drawn.initial[:, position, self.row].tolist()
                for period, count in enumerate(counts):
                    _add(due, (period, link), flow * count)

    def _lead_time(self, stage: str, period: int, link: Link) -> int:
        drawn = self.outer.orders if stage == "order" else self.outer.shipments
        if drawn is not None:
            return int(drawn.periods[period, self.position[link], self.row])
        return int(lead_time_distribution(self.scenario, stage, *link).longest)  # type: ignore[arg-type]

    def _closed(self, period: int, firm: str) -> bool:
        closed = self.outer.closed
        return closed is not None and bool(closed[self.row, period, self.firms.index(firm)])

    def live(self, decisions: np.ndarray) -> Books:
        """The decision of a period is ordered at its end, or where an order can take no time, within the next one."""
        books, upstream = Books(), list(reversed(list(nx.topological_sort(self.network.graph))))
        for period in range(self.scenario.horizon):
            for rows in vars(books).values():
                rows.append({})
            new: dict[str, dict[Link, float]] = {}
            for firm in upstream:
                new[firm] = {link: self._claim(period, link) for link in self.customers[firm]}
                if firm in self.within and period == 0:
                    self._order(period, firm, 0.0 if self._closed(0, firm) else sum(new[firm].values()))
                elif firm in self.within:
                    self._decide(period, firm, decisions[period - 1], books.orders[period - 1])
            for firm in reversed(upstream):
                self._receive(period, firm)
                self._serve(period, firm, new[firm], books)
            if period < self.scenario.horizon - 1:
                for firm in set(self.firms) - self.within:
                    self._decide(period, firm, decisions[period], books.orders[period])
        return books

    def _decide(self, period: int, firm: str, decisions: np.ndarray, book: dict[str, float]) -> None:
        book[firm] = 0.0 if self._closed(period, firm) else float(decisions[self.firms.index(firm)])
        self._order(period, firm, book[firm])

    def _receive(self, period: int, firm: str) -> None:
        for link in self.suppliers[firm]:
            if link[0] is None:  # the external supplier ships whatever it is asked for
                self._ship(period, link, self.orders_due.pop((period, link), 0.0))
            arrived = self.goods_due.pop((period, link), 0.0)
            if self._closed(period, firm):
                _add(self.goods_due, (period + 1, link), arrived)
            else:
                self.stock[firm] += arrived

    def _order(self, period: int, firm: str, quantity: float) -> None:
        for link in self.suppliers[firm]:
            arrival = period + self._lead_time("order", period, link)
            _add(self.orders_due, (arrival, link), quantity / len(self.suppliers[firm]))

    def _serve(self, period: int, firm: str, new: dict[Link, float], books: Books) -> None:
        links = self.customers[firm]
        can = 0.0 if self._closed(period, firm) else min(self.stock[firm], self._capacity(firm))
        old = {link: sum(amount for _, amount in self.owed[link]) for link in links}
        given = dict.fromkeys(links, 0.0)
        if self.scenario.allocation == "priority":
            left = can
            for link in links:
                given[link] = min(left, old[link] + new[link])
                left -= given[link]
        else:
            left = can
            for claims in (old, new):
                asked = sum(claims.values())
                part = min(1.0, left / asked) if asked > 0 else 0.0
                for link in links:
                    given[link] += part * claims[link]
                left -= min(left, asked)
        late = lost = 0.0
        for link in links:
            queue = self.owed[link]
            queue.append([period, new[link]])
            self._take(queue, given[link])
            self.stock[firm] -= given[link]
            self._ship(period, link, given[link])
            late += sum(amount for when, amount in queue if when == period)
            if link[1] is None:
                books.outside_late[period][firm] = sum(amount for when, amount in queue if when == period)
            if link[1] is None and self.scenario.lost_sales:
                lost += sum(amount for _, amount in queue)
                queue.clear()
        k = self.firms.index(firm)
        holding_cost, backorder_cost = (costs[k] for costs in unit_costs(self.scenario))
        books.demand[period][firm] = sum(new.values())
        books.late[period][firm], books.lost[period][firm] = late, lost
        books.holding[period][firm] = holding_cost * self.stock[firm]
        still = sum(amount for link in links for _, amount in self.owed[link])
        books.unmet[period][firm] = backorder_cost * (still + lost)
        if firm in self.retailers:
            books.outside[period][firm] = new[(firm, None)]

    def _claim(self, period: int, link: Link) -> float:
        if link[1] is None:
            retailer = [self.firms[i] for i in self.network.retailers].index(str(link[0]))
            return float(self.outer.demand[self.row, period, retailer])
        return self.orders_due.pop((period, link), 0.0)

    def _capacity(self, firm: str) -> float:
        capacity = self.scenario.capacity
        if capacity is None:
            return np.inf
        return float(
            capacity if not isinstance(capacity, dict) else capacity.get(firm, capacity.get("default", np.inf))
        )

    def _ship(self, period: int, link: Link, quantity: float) -> None:
        if link[1] is not None:
            _add(self.goods_due, (period + self._lead_time("shipment", period, link), link), quantity)

    @staticmethod
    def _take(queue: deque[list[float]], quantity: float) -> None:
        """First come, first served."""
        while queue and quantity > 0:
            part = min(queue[0][1], quantity)
            queue[0][1] -= part
            quantity -= part
            if queue[0][1] <= 1e-12:
                queue.popleft()


def _add(due: dict[Any, float], key: Any, quantity: float) -> None:
    due[key] = due.get(key, 0.0) + quantity
