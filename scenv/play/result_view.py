"""What a player sees when the game is over: standings, the bullwhip, and the orders that cost most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup

from scenv.network.stage_titles import stage_titles
from scenv.play import texts
from scenv.play.charts import Series, legend, line_chart, quantity
from scenv.play.game import Game, Seat
from scenv.play.outcome import Lesson, Standing, best_policy, lessons, standings
from scenv.play.pages import policy_name

__all__ = ["ResultView"]

_SHOWN_LESSONS = 5
_BAR = 100.0


@dataclass(frozen=True, eq=False)
class ResultView:
    """A finished game from a seat.

    Attributes:
        game: a game that is over.
        seat: whose orders are judged.
        more: policies beside the registry's.
        who: what the people of the team are called.
    """

    game: Game
    seat: Seat
    more: Sequence[str] = ()
    who: str = texts.YOU

    @property
    def firm(self) -> str:
        """The seat's firm."""
        return self.game.env.agents[self.seat.firm]

    @cached_property
    def standings(self) -> list[Standing]:
        """The team's own first, then every policy's in its seats."""
        return standings(self.game, self.seat.team, self.more)

    @cached_property
    def best(self) -> str:
        """The policy that would have paid least in these seats."""
        return best_policy(self.standings)

    @cached_property
    def lessons(self) -> list[Lesson]:
        """Every order of the person, the most expensive first."""
        return lessons(self.game, self.seat, self.best)

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        own = self.standings[0].own
        best = min(row.own for row in self.standings[1:])
        line = texts.OVER_OWN.format(
            firm=self.firm, cost=quantity(own), policy=policy_name(self.best), best=quantity(best)
        )
        return f"{line} {texts.OVER_BETTER}" if own < best else line

    @property
    def rows(self) -> list[tuple[str, bool, str, str, float]]:
        """(who, is it the people, own cost, everybody's, bar length of 100), cheapest first."""
        ranked = sorted(self.standings, key=lambda row: row.own)
        largest = max((row.own for row in ranked), default=0.0) or 1.0
        return [
            (
                self.who if row.policy is None else policy_name(row.policy),
                row.policy is None,
                quantity(row.own),
                quantity(row.everybody),
                _BAR * row.own / largest,
            )
            for row in ranked
        ]

    @property
    def bullwhip(self) -> list[tuple[str, str, Markup]]:
        """(stage, bullwhip ratio, chart of its firms' orders), customers first, all on one scale."""
        episode, network = self.game.episode(self.seat.team), self.game.scenario.network
        orders, ratios = episode.orders, episode.bullwhip
        demand = episode.stage_demand
        highest = float(orders.max(initial=1.0))
        charts = []
        for stage, title in enumerate(stage_titles(network)):
            firms = [i for i, name in enumerate(network.agents) if network.stages[name] == stage]
            firms.sort(key=lambda i: i == self.seat.firm)
            lines = [Series(network.agents[i], orders[:, i], self._style(i)) for i in firms]
            if len(firms) == 1:
                lines.insert(0, Series(texts.SERIES_DEMAND, demand[:-1, stage], "line-demand"))
            ratio = texts.BULLWHIP_RATIO.format(ratio=ratios[stage]) if np.isfinite(ratios[stage]) else ""
            charts.append((title, ratio, self._small_chart(lines, title, highest)))
        return charts

    def _small_chart(self, lines: list[Series], title: str, top: float) -> Markup:
        return line_chart(lines, f"{texts.BULLWHIP}: {title}", rounds=self.game.rounds, width=320, height=170, top=top)

    def _style(self, firm: int) -> str:
        return "line-orders" if firm == self.seat.firm else "line-other"

    @property
    def order_chart(self) -> tuple[Markup, Markup]:
        """The person's orders beside what the best policy would have ordered from the same view, and the legend."""
        by_round = sorted(self.lessons, key=lambda lesson: lesson.period)
        series = [
            Series(
                texts.SERIES_BEST.format(policy=policy_name(self.best)),
                np.array([lesson.advised for lesson in by_round]),
                "line-demand",
            ),
            Series(texts.SERIES_ORDERS, np.array([lesson.ordered for lesson in by_round]), "line-orders"),
        ]
        return (
            line_chart(series, texts.LESSONS, rounds=self.game.rounds),
            legend({line.style: line.name for line in series}),
        )

    @property
    def lesson_rows(self) -> list[tuple[int, str, str, str]]:
        """(round, ordered, advised, loss) of the few most expensive orders, the most expensive first."""
        return [
            (lesson.period + 1, quantity(lesson.ordered), quantity(lesson.advised), quantity(lesson.loss))
            for lesson in self.lessons[:_SHOWN_LESSONS]
            if lesson.loss > 0.5
        ]
