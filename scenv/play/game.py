"""A game: people at some firms of a network, a policy at all others, period by period on the package's simulator."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scenv.errors import ActionError, ScenarioError, shown
from scenv.evaluation.conduct import Conducted, begin, whole_number
from scenv.evaluation.episode import Episode, EpisodeRecorder
from scenv.play.decisions import Decisions
from scenv.play.opponents import make_opponent
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv

__all__ = ["MOST_ROUNDS", "MOST_TEAMS", "Game", "Seat", "game_scenario"]

MOST_ROUNDS, MOST_TEAMS = 200, 40
_MOST_PERIODS = 100
"""An order may be as large as the firm's mean demand of so many periods."""


class Seat(NamedTuple):
    """A firm (its position in `agents`) in one of a game's teams."""

    team: int
    firm: int


def game_scenario(source: Any, rounds: int = 36, **overrides: Any) -> Scenario:
    """The scenario of a game of so many rounds: every period counts, the first one too.

    Raises:
        ScenarioError: for a number of rounds below 1 or above `MOST_ROUNDS`, and as `load_scenario`.
    """
    if whole_number(rounds, "rounds", 1) > MOST_ROUNDS:
        raise ScenarioError(f"rounds must be at most {MOST_ROUNDS}, got {shown(rounds)}")
    return load_scenario(source, **overrides, horizon=rounds + 1, warmup=0)


class Game:
    """Some teams, each with a network of its own, that meet the same demand and go from round to round together.

    A round is one decision: everybody sees the period just lived through, and orders. Seats without a person, and
    those whose person has not ordered when the round ends, order what the policy orders.

    Attributes:
        scenario: what is simulated, T periods of N firms; the game has T - 1 rounds.
        others: the name of the policy at the free seats.
        seed: of the demand.
        teams: how many.
        env: the simulator, one row a team.
        people: seats that a person has now.
        ever: seats that a person has or had in this game.
        most: [N] the largest order of each firm, units.
    """

    def __init__(self, scenario: Scenario, others: str = "base-stock", *, teams: int = 1, seed: int = 0) -> None:
        """Begin in the first period.

        Raises:
            ScenarioError: if the policy does not suit the scenario, or there are too many teams.
        """
        if whole_number(teams, "teams", 1) > MOST_TEAMS:
            raise ScenarioError(f"teams must be at most {MOST_TEAMS}, got {shown(teams)}")
        self.scenario = scenario
        self.others = others
        self.seed = whole_number(seed, "seed", 0)
        self.teams = teams
        self.people: set[Seat] = set()
        self.ever: set[Seat] = set()
        self._pending: dict[Seat, float] = {}
        mean = firm_demand_moments(scenario)[0]
        self.most: np.ndarray = np.ceil(_MOST_PERIODS * np.maximum(mean, 1.0))
        policy = make_opponent(others, scenario)
        self.env = VectorEnv(scenario, num_envs=teams, seed=[self.seed] * teams)
        self._recorders = [EpisodeRecorder(scenario, team) for team in range(teams)]
        self.env.reset()
        begin(policy, others, teams, self.seed)
        self._policy = Conducted(policy, others, self.env)
        self._observe()

    @property
    def rounds(self) -> int:
        """How many decisions a game has."""
        return self.env.horizon - 1

    @property
    def period(self) -> int:
        """The period just lived through, which is the number of rounds played."""
        return self.env.period

    @property
    def is_over(self) -> bool:
        """Whether the last period has been lived through."""
        return self.period == self.rounds

    @property
    def waiting(self) -> frozenset[Seat]:
        """Seats whose people have not ordered yet in this round."""
        return frozenset(self.people - self._pending.keys())

    def sit(self, seat: Seat) -> None:
        """A person takes a free seat, at any time before the end.

        Raises:
            ActionError: if there is no such seat, somebody has it, or the game is over.
        """
        if not (0 <= seat.team < self.teams and 0 <= seat.firm < len(self.env.agents)):
            raise ActionError("there is no such seat in this game")
        if seat in self.people:
            raise ActionError(f"{self.env.agents[seat.firm]} of team {seat.team + 1} is taken; choose another seat")
        self._require_running()
        self.people.add(seat)
        self.ever.add(seat)

    def leave(self, seat: Seat) -> None:
        """The person leaves, and the policy plays on; what was ordered in this round stands."""
        self.people.discard(seat)

    def order(self, seat: Seat, quantity: Any) -> float:
        """What a person orders in this round; until the round ends it can be changed.

        Raises:
            ActionError: if nobody sits there, the game is over, or the quantity is no finite number from 0 to the
                firm's `most`.
        """
        self._require_running()
        if seat not in self.people:
            raise ActionError("only who sits at a firm orders for it")
        most = float(self.most[seat.firm])
        try:
            units = math.nan if isinstance(quantity, bool) else float(quantity)
        except (TypeError, ValueError, OverflowError):
            units = math.nan
        if not 0 <= units <= most:
            raise ActionError(f"an order is a number from 0 to {most:,.0f} units, not {shown(quantity)}")
        self._pending[seat] = units
        return units

    def ordered(self, seat: Seat) -> float | None:
        """What the person at this seat has ordered in this round, if so."""
        return self._pending.get(seat)

    def advance(self) -> None:
        """End the round: place everybody's orders and live through the next period.

        Raises:
            ActionError: if the game is over.
        """
        self._require_running()
        given = np.full((self.teams, len(self.env.agents)), np.nan)
        for seat, units in self._pending.items():
            given[seat] = units
        self._pending = {}
        self.env.step_policy(Decisions(self._policy, given))
        self._observe()

    def episode(self, team: int = 0) -> Episode:
        """The record of a team so far."""
        return self._recorders[team].episode()

    def seats_of(self, team: int) -> list[int]:
        """The firms of a team at which people sit or sat, in agent order."""
        return sorted(seat.firm for seat in self.ever if seat.team == team)

    def _observe(self) -> None:
        for recorder in self._recorders:
            recorder.observe(self.env)

    def _require_running(self) -> None:
        if self.is_over:
            raise ActionError("this game is over; begin a new one")
