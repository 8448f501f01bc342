"""What `scenv play` was told, and the scenario that a player's choices make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenv.network.files import BUILT_IN_NETWORKS
from scenv.network.network import Network
from scenv.play import texts
from scenv.play.forms import Form, chosen, whole_field
from scenv.play.game import MOST_ROUNDS, game_scenario
from scenv.play.opponents import make_opponent, offered, suitable
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario

__all__ = ["Choices", "PlaySettings", "first_firm", "lead_times", "offered_here"]

_LONGEST_LEAD_TIME = 6
_STEP_PERIOD, _STEP_FACTOR = 5, 1.5


@dataclass(frozen=True)
class PlaySettings:
    """What `scenv play` was told.

    Attributes:
        source: a built-in name or a file, offered beside the built-in networks and chosen first.
        firm: the firm chosen first, if it is one of the network.
        others: policies to offer, the first chosen first; beside the registry's, exported runs' folders.
    """

    source: str = "bg"
    firm: str | None = None
    others: tuple[str, ...] = ("base-stock",)
    _scenarios: dict[str, Scenario] = field(default_factory=dict, repr=False, compare=False)

    @property
    def networks(self) -> dict[str, str]:
        """Key in a form -> what it is called."""
        names = {name: name for name in BUILT_IN_NETWORKS}
        return names if self.source in names else {self.source: Path(self.source).name, **names}

    def scenario(self, key: str) -> Scenario:
        """The scenario of a network that is offered, as it comes."""
        if key not in self._scenarios:
            self._scenarios[key] = load_scenario(key)
        return self._scenarios[key]

    def check(self) -> None:
        """Raise a `ScenvError` where the source, the firm or a policy does not stand."""
        scenario = self.scenario(self.source)
        if self.firm is not None:
            scenario.network.index(self.firm)
        for name in self.others:
            make_opponent(name, scenario)


@dataclass(frozen=True)
class Choices:
    """What somebody who opens a game has chosen, checked.

    Attributes:
        scenario: of the game.
        firm: a name.
        others: the policy at the free seats.
        sees_all: whether players see every firm.
        form: the choices as the form's own texts.
    """

    scenario: Scenario
    firm: str
    others: str
    sees_all: bool
    form: dict[str, str]

    @classmethod
    def read(cls, form: Form, settings: PlaySettings) -> Choices:
        """Check a form's fields; what is missing has its default.

        Raises:
            ScenvError: naming the field and what was expected.
        """
        base = settings.scenario(chosen(form, "network", settings.networks, settings.source))
        rounds = whole_field(form, "rounds", 1, MOST_ROUNDS, 36)
        overrides: dict[str, Any] = {}
        lead_time = form.get("lead_time", "own")
        if lead_time != "own":
            overrides["shipment_lead_time"] = whole_field(form, "lead_time", 1, _LONGEST_LEAD_TIME, 2)
        costs = chosen(form, "costs", texts.COSTS_OF, "own")
        if costs != "own":
            overrides["costs"] = costs
        if chosen(form, "demand", texts.DEMAND_OF, "own") == "step":
            step = {"kind": "step", "base": base.demand, "period": _STEP_PERIOD, "factor": _STEP_FACTOR}
            overrides["demand"] = step
        scenario = game_scenario(base, rounds, **overrides)
        others = chosen(form, "others", offered(settings.others), settings.others[0])
        make_opponent(others, scenario)
        firm = chosen(form, "firm", scenario.network.agents, first_firm(settings, scenario.network))
        view = chosen(form, "view", texts.VIEW_OF, "own")
        return cls(scenario, firm, others, view == "all", dict(form))


def first_firm(settings: PlaySettings, network: Network) -> str:
    """The firm that a form shows first."""
    return settings.firm if settings.firm in network.agents else network.agents[0]


def lead_times() -> list[str]:
    """What a form offers."""
    return [str(periods) for periods in range(1, _LONGEST_LEAD_TIME + 1)]


def offered_here(settings: PlaySettings, scenario: Scenario) -> list[str]:
    """The policies that suit a network as it comes."""
    return list(suitable(scenario, settings.others))
