"""What a player sees at a seat: the numbers, pictures and history of a game, ready for a template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from markupsafe import Markup

from scenv.evaluation.episode import Episode
from scenv.play import texts
from scenv.play.charts import Series, legend, line_chart, quantity
from scenv.play.game import Game, Seat
from scenv.play.pictures import NodeLook, network_svg, picture_label

__all__ = ["SeatView", "goods_under_way"]

_MOST_NUMBERED_LINKS = 12


@dataclass(frozen=True, eq=False)
class SeatView:
    """A seat at a game in a period.

    Attributes:
        game: the game.
        seat: the player's.
        sees_all: whether the player sees every firm, or the own one only.
    """

    game: Game
    seat: Seat
    sees_all: bool

    @property
    def firm(self) -> str:
        """Its name."""
        return self.game.env.agents[self.seat.firm]

    @property
    def role(self) -> str:
        """What it is in the network, in words."""
        network = self.game.scenario.network
        label = network.stage_names.get(self.firm, "")
        return texts.ROLES.get(label, label or texts.ROLE_OF_STAGE.format(stage=network.stages[self.firm]))

    @cached_property
    def episode(self) -> Episode:
        """The team's record until the period in which it is first asked for."""
        return self.game.episode(self.seat.team)

    @property
    def heading(self) -> str:
        """Which round it is."""
        return texts.ROUND_OF.format(round=min(self.game.period + 1, self.game.rounds), rounds=self.game.rounds)

    @property
    def numbers(self) -> list[tuple[str, str, str]]:
        """(what, how much, class in the style sheet) of the period just lived through."""
        e, i = self.episode, self.seat.firm
        now = {name: float(values[-1, i]) for name, values in e.local._asdict().items()}
        return [
            (texts.STOCK, quantity(now["on_hand"]), "stock"),
            (texts.OWED, quantity(now["backorder"]), "owed" if now["backorder"] > 0 else "none"),
            (texts.DEMANDED, quantity(now["demand"]), ""),
            (texts.RECEIVED, quantity(now["received"]), ""),
            (texts.ON_ORDER, quantity(now["on_order"]), ""),
            (texts.COST_NOW, quantity(float(e.cost[-1, i])), ""),
            (texts.COST_TOTAL, quantity(float(e.cost[:, i].sum())), "total"),
        ]

    @property
    def announcement(self) -> str:
        """One line for screen readers."""
        e, i = self.episode, self.seat.firm
        return texts.ANNOUNCE.format(
            round=self.game.period + 1,
            demand=quantity(float(e.local.demand[-1, i])),
            stock=quantity(float(e.local.on_hand[-1, i])),
            owed=quantity(float(e.local.backorder[-1, i])),
            cost=quantity(float(e.cost[-1, i])),
        )

    @property
    def facts(self) -> list[str]:
        """What stays the same: unit costs and lead time."""
        structure, i = self.game.env.structure, self.seat.firm
        costs = texts.UNIT_COSTS.format(
            holding=float(structure.holding_cost[i, 0]), backorder=float(structure.backorder_cost[i, 0])
        )
        return [costs, texts.ARRIVES.format(periods=int(structure.lead_time[i]))]

    @property
    def suggestion(self) -> int:
        """Where the order starts: at what was ordered last round, or was demanded in the first."""
        e, i = self.episode, self.seat.firm
        last = e.orders[-1, i] if e.periods > 1 else e.local.demand[-1, i]
        already = self.game.ordered(self.seat)
        return round(float(last if already is None else already))

    @property
    def slider_top(self) -> int:
        """The slider's end: four times the largest demand so far, in tens; larger orders can be typed."""
        e, i = self.episode, self.seat.firm
        largest = max(float(e.local.demand[:, i].max()), float(self.game.env.structure.mean_demand[i, 0]), 1.0)
        return min(int(np.ceil(max(4 * largest, self.suggestion) / 10) * 10), int(self.game.most[i]))

    @property
    def pictures(self) -> list[Markup]:
        """The network from left to right, and from above to below for narrow screens."""
        network, e = self.game.scenario.network, self.episode
        looks = {}
        for i, name in enumerate(network.agents):
            shown = self.sees_all or i == self.seat.firm
            stock, owed = float(e.local.on_hand[-1, i]), float(e.local.backorder[-1, i])
            note = f"{quantity(stock)}" + (f"  −{quantity(owed)}" if owed > 0 else "") if shown else ""
            style = ("mine" if i == self.seat.firm else "") + (" late" if shown and owed > 0 else "")
            looks[name] = NodeLook(style.strip(), note)
        flows = goods_under_way(self.game, self.seat.team) if self.sees_all else {}
        label = picture_label(network, self.firm)
        numbers = len(network.edges) <= _MOST_NUMBERED_LINKS
        return [network_svg(network, looks, flows, label, numbers=numbers, down=down) for down in (False, True)]

    @property
    def charts(self) -> list[tuple[str, Markup, Markup]]:
        """(title, chart, legend) of the seat's own history."""
        e, i, rounds = self.episode, self.seat.firm, self.game.rounds
        stock = [
            Series(texts.SERIES_STOCK, e.local.on_hand[:, i], "line-stock"),
            Series(texts.SERIES_OWED, e.local.backorder[:, i], "line-owed"),
        ]
        orders = [
            Series(texts.SERIES_DEMAND, e.local.demand[:, i], "line-demand"),
            Series(texts.SERIES_ORDERS, e.orders[:, i], "line-orders"),
        ]
        titled = ((texts.HISTORY_STOCK, stock), (texts.HISTORY_ORDERS, orders))
        return [
            (title, line_chart(lines, title, rounds=rounds), legend({s.style: s.name for s in lines}))
            for title, lines in titled
        ]

    @property
    def table(self) -> list[list[Any]]:
        """The seat's history as rows of numbers, the newest first."""
        e, i = self.episode, self.seat.firm
        orders = e.orders[:, i]
        return [
            [
                period + 1,
                quantity(float(e.local.demand[period, i])),
                quantity(float(orders[period])) if period < len(orders) else "",
                quantity(float(e.local.on_hand[period, i])),
                quantity(float(e.local.backorder[period, i])),
                quantity(float(e.cost[period, i])),
            ]
            for period in reversed(range(e.periods))
        ]

    @property
    def everybody(self) -> list[list[str]]:
        """One row a firm, where the player may see them all."""
        if not self.sees_all:
            return []
        e = self.episode
        columns = (e.local.on_hand, e.local.backorder, e.local.on_order, e.local.demand, e.cost)
        return [
            [name, *(quantity(float(values[-1, i])) for values in columns)]
            for i, name in enumerate(self.game.scenario.network.agents)
        ]


def goods_under_way(game: Game, team: int) -> dict[tuple[str, str], float]:
    """Link -> units shipped on it and not yet received."""
    structure, state = game.env.structure, game.env.state
    total = sum((np.asarray(slot)[structure.num_sources :, team] for slot in state.shipments), start=np.zeros(1))
    units = np.broadcast_to(total, structure.num_edges)
    return dict(zip(structure.edge_names, units.tolist(), strict=True))
