"""One firm's own simulator: it knows its own numbers and what reaches it on its links, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import networkx as nx
import numpy as np
from gymnasium.error import ResetNeeded

from scenv.errors import ActionError, ScenarioError, did_you_mean
from scenv.network.network import Network
from scenv.network.order_links import order_links
from scenv.scenario.files import load_scenario
from scenv.scenario.firm_scenario import write_firm_scenario
from scenv.scenario.implied import lead_time_distribution
from scenv.scenario.lead_times import LEGS
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, backend_asarray
from scenv.simulation.dynamics import USUAL, Conditions, LocalState, order_cost, order_quantity
from scenv.simulation.exogenous import Exogenous, draw_exogenous, external_demand
from scenv.simulation.firm import (
    FirmExogenous,
    FirmPeriod,
    FirmState,
    firm_exogenous,
    firm_initial_state,
    firm_structure,
    live,
    place,
    take_in,
)
from scenv.simulation.observation import LOCAL_STATE_SIZE, FunctionalHistory, History, empty_history
from scenv.simulation.order_rules import reviewing, unanswered
from scenv.simulation.random_streams import RandomStreams, Seed, checked_rows
from scenv.simulation.reward import RewardRule, reward_rule
from scenv.simulation.structure import build_structure


@dataclass(frozen=True, eq=False)
class Sent:
    """What one firm sends at the end of a period, by neighbour: arrays [B], units.

    Attributes:
        orders: supplier -> what is ordered from it. The external supplier is no neighbour.
        goods: customer -> what is shipped to it.
    """

    orders: dict[str, Array]
    goods: dict[str, Array]


class FirmEnv:
    """One firm of a supply chain, B rows: it takes what arrives on its links and gives what it sends.

    The others may run anywhere. After `reset`, which lives through period 0, every period ends with `send`, which
    orders and says what goes to each neighbour, and the next one begins with `receive`, which takes what each
    neighbour sent at the end of the period:

        >>> import scenv
        >>> shop, depot = (scenv.firm_env("bg", name, seed=0) for name in ("ret_0", "whole_0"))
        >>> observation = shop.reset()
        >>> sent = shop.send(quantities=shop.local_state.demand)
        >>> sorted(sent.orders), sorted(sent.goods)
        (['whole_0'], [])

    All firms of a network that exchange so live through exactly what `scenv.vector_env` would simulate: the equations
    are the same functions (`scenv.simulation.dynamics`), on the rows of one firm. After `reset(seed=s)` the firm meets
    what it would meet in `vector_env(...)` after `reset(seed=s)`: demand, lead times, closures.

    With `backend="torch"`, costs, observations, local states and what is sent carry gradients; rewards do not.

    Attributes:
        agent: the firm's name.
        suppliers, customers: its neighbours' names, in link order. A source's supplier is external, and not named.
        scenario: the frozen scenario.
        num_envs: B.
        horizon, warmup: periods of an episode; how many of the first do not count.
        adjustments: [|A|] int64, the adjustment a that each action stands for; num_actions: |A|.
        reward_delay: the reward of the period after `send` number s belongs to that of number s - reward_delay.
        observation_size: O = 5 (m + 1).
        observation_scale: the firm's mean demand.
        demand_stands_alone: whether retailers' demands are independent, so that this firm's can be drawn by itself.
        period: the period just observed.
        local_state: the firm's local state of that period, fields [B].
        cost, reward: [B] of that period; reward 0 while none is known.
        differentiable: with `backend="torch"`.
    """

    def __init__(
        self,
        scenario: Scenario,
        agent: str,
        *,
        num_envs: int = 1,
        backend: Literal["numpy", "torch"] = "numpy",
        device: Any = None,
        seed: Seed = None,
    ) -> None:
        """Use `scenv.firm_env`, which also loads the scenario."""
        if agent not in scenario.network.agents:
            hint = did_you_mean(agent, scenario.network.agents)
            raise ScenarioError(f"{agent!r} is no firm of network {scenario.network.name!r}{hint}")
        if scenario.reward_scope != "own":
            raise ScenarioError(
                f"reward_scope must be 'own' for one firm by itself, which knows no other firm's costs; got "
                f"{scenario.reward_scope!r}"
            )
        _require_exchange_once_a_period(scenario, agent)
        self.agent, self.scenario, self.num_envs = agent, scenario, checked_rows(num_envs)
        self._asarray = backend_asarray(backend, device)
        self._whole = build_structure(scenario)  # for what is drawn from outside, too
        self._firm = firm_structure(scenario, self._whole, agent, self._asarray)
        self.suppliers = tuple(name for name in self._firm.suppliers if name is not None)
        self.customers = self._firm.customers
        self.horizon, self.warmup = scenario.horizon, scenario.warmup
        self.adjustments = scenario.actions.adjustments
        self.num_actions = len(self.adjustments)
        self._reward: RewardRule = reward_rule(scenario, self._firm.own)
        self.reward_delay = int(self._reward.delay[0])
        self.observation_size = LOCAL_STATE_SIZE * (scenario.history + 1)
        self.observation_scale = float(self._whole.mean_demand[self._firm.position, 0])
        self.differentiable = backend == "torch"
        self.demand_stands_alone = _independent(scenario)
        self._streams = RandomStreams(self.num_envs, seed)
        self.period = -1
        self._sent: tuple[Array, Array] | None = None
        # [1, B] demand since the last review: before the period just observed, and with it, once orders are placed.
        self._unanswered: Array | None = None
        self._still_unanswered: Array | None = None
        self._state: FirmState
        self._lived: FirmPeriod
        self._exogenous: FirmExogenous
        self._history: History
        self.reward: Array

    def __deepcopy__(self, memo: dict[int, Any]) -> FirmEnv:
        """A twin that goes on from here exactly as this firm would; arrays are never written, so shared, with the
        gradient that they carry.
        """
        twin = copy.copy(self)
        for name in ("_reward", "_history", "_streams"):
            if hasattr(self, name):  # the history begins with the first episode
                setattr(twin, name, copy.deepcopy(getattr(self, name), memo))
        return twin

    def write_scenario(self, folder: Path) -> None:
        """Write to a folder, as scenario.yaml and network.json, the scenario as this firm alone knows it; see
        `scenv.firm_scenario`.
        """
        write_firm_scenario(self.scenario, self.agent, folder)

    @property
    def local_state(self) -> LocalState:
        """The local state of the period just observed, fields [B]."""
        return LocalState(*(field[0, ...] for field in self._lived.local))

    @property
    def cost(self) -> Array:
        """[B] cost of the period just observed."""
        return self._lived.cost[0, ...]

    @property
    def answered_demand(self) -> Array:
        """[B] the demand d that an order max(0, d + a) of this period answers: see `VectorEnv.answered_demand`."""
        demand = self._lived.local.demand
        return (demand if self._unanswered is None else self._unanswered + demand)[0, ...]

    def reset(self, seed: Seed = None, *, demand_seed: Seed = None, drawn: Exogenous | None = None) -> Array:
        """Live through period 0 of the next episode; its observation [B, O] float32.

        Args:
            seed: a number for fresh random streams, or None to go on with the present ones. Lead times on a link and
                disruptions are the same for all firms that use the same one.
            demand_seed: of the firm's own demand, instead: so that nobody who knows `seed` knows it.
            drawn: instead of the firm's own draws, what `VectorEnv.exogenous` of the same scenario says.

        Raises:
            ScenarioError: for a `demand_seed` where retailers' demands depend on each other.
        """
        if seed is not None:
            self._streams = RandomStreams(self.num_envs, seed)
        if drawn is None:
            drawn = draw_exogenous(self.scenario, self._whole, self._streams)
        if demand_seed is not None:
            drawn = replace(drawn, demand=self._own_demand(demand_seed, drawn.demand_factor))
        self._exogenous = firm_exogenous(self._firm, drawn, self._asarray)
        self._state = firm_initial_state(self._firm, self.num_envs, self._exogenous)
        self.period, self._sent = -1, None
        self._unanswered = self._still_unanswered = None
        observation = self._live()
        self._reward.start(self._without_gradient(self._lived.cost))
        self.reward = self._without_gradient(self._lived.cost[0, ...] * 0.0)
        return observation

    def _own_demand(self, seed: Seed, factor: np.ndarray | None) -> np.ndarray:
        """[B, T, R] demand of an episode by a seed of its own."""
        if not self.demand_stands_alone:
            raise ScenarioError(
                f"demand of kind {self.scenario.demand.kind!r} is drawn for all retailers together, so {self.agent!r} "
                "cannot draw its own by a demand_seed"
            )
        streams = RandomStreams(self.num_envs, seed)
        streams.next_episode()
        return external_demand(self.scenario, streams, factor)

    def send(self, *, action: Any = None, quantities: Any = None) -> Sent:
        """Order max(0, d + a) by action [B], or a real quantity [B]; what goes to each neighbour.

        Raises:
            ActionError: if not exactly one is given, or it has a wrong shape or values.
            gymnasium.error.ResetNeeded: outside an episode, or twice in a period.
        """
        if not 0 <= self.period < self.horizon - 1 or self._sent is not None:
            raise ResetNeeded("send() comes once after each period but the last one, receive() after it")
        ordered = self._quantities(action, quantities)
        now = self._conditions(self.period)
        quantity, parts = place(self._firm, ordered[None, ...], now)
        if now.review is not None:
            self._still_unanswered = unanswered(self.answered_demand[None, ...], 0.0, now.review)
        self._sent = (quantity, parts)
        firms = self._firm.suppliers
        return Sent(
            orders={name: parts[k, ...] for k, name in enumerate(firms) if name is not None},
            goods={name: self._lived.shipped[k, ...] for k, name in enumerate(self.customers)},
        )

    def receive(self, orders: Mapping[str, Array], goods: Mapping[str, Array]) -> Array:
        """Take what the neighbours sent at the end of the period, and live through the next one.

        Args:
            orders: customer -> what it ordered from this firm, [B].
            goods: supplier -> what it shipped to this firm, [B].

        Returns:
            The observation [B, O] float32.

        Raises:
            ActionError: if a neighbour is missing or a stranger is there, or what it sent is no quantity.
            gymnasium.error.ResetNeeded: if nothing was sent in this period.
        """
        if self._sent is None:
            raise ResetNeeded("receive() comes after send()")
        came = self._checked(orders, self.customers, "orders"), self._checked(goods, self.suppliers, "goods")
        now = self._conditions(self.period)
        self._unanswered, self._still_unanswered = self._still_unanswered, None
        self._state, self._sent = take_in(self._firm, self._lived, self._sent, *came, now), None
        observation = self._live()
        own = self._firm.own
        fixed = None if own.order_cost is None else order_cost(own, self._lived.state.ordered)
        paid = None if fixed is None else self._without_gradient(fixed)
        self.reward = self._reward.step(self._without_gradient(self._lived.cost), paid)[0, ...]
        return observation

    def carry(self, change: Callable[[Array], Array]) -> None:
        """Replace every array by which the present period goes on into the next one: the state, what is under way, what
        was just sent, and the periods that later observations show. So a learner cuts the graph between periods
        (torch): call it between `send` and `receive`.
        """
        state, lived = self._lived.state, self._lived
        books = state.books._replace(
            **{name: change(array) for name, array in state.books._asdict().items() if array is not None}
        )
        slots = tuple(map(change, state.orders)), tuple(map(change, state.shipments))
        state = FirmState(books, *slots, ordered=change(state.ordered))
        if self._still_unanswered is not None:
            self._still_unanswered = change(self._still_unanswered)
        self._lived = replace(lived, state=state, supplied=change(lived.supplied))
        if self._sent is not None:
            quantity, parts = self._sent
            self._sent = change(quantity), change(parts)
        if isinstance(self._history, FunctionalHistory):
            self._history.change(change)

    def _live(self) -> Array:
        self.period += 1
        demand = self._exogenous.demand[self.period, ...]
        self._lived = live(self._firm, self._state, demand, self._conditions(self.period))
        if self.period == 0:
            memory = self.scenario.history
            self._history = empty_history(self.num_envs, 1, self.horizon, memory, like=self._lived.cost)
        window = self._history.append(self._lived.local)[:, 0, :]
        return window if self.differentiable else window.copy()

    def _conditions(self, period: int) -> Conditions:
        conditions, review = self._exogenous.conditions, reviewing(self._firm.own.rules, period)
        drawn = USUAL if conditions is None else conditions.periods[period]
        return drawn if review is None else drawn._replace(review=review)

    def _quantities(self, action: Any, quantities: Any) -> Array:
        if (action is None) == (quantities is None):
            raise ActionError("send() takes either an action or quantities")
        if action is None:
            return self._quantity(self._asarray(quantities), "quantities")
        chosen = np.asarray(action)
        if chosen.shape != (self.num_envs,) or not np.issubdtype(chosen.dtype, np.integer):
            raise ActionError(f"actions must be integers of shape [{self.num_envs}], got {chosen.dtype}{chosen.shape}")
        if ((chosen < 0) | (chosen >= self.num_actions)).any():
            raise ActionError(f"actions must be in 0 .. {self.num_actions - 1}, got {chosen.min()} .. {chosen.max()}")
        adjustment = self._asarray(self.adjustments[chosen].astype(np.float64))
        return order_quantity(self.answered_demand, adjustment)

    def _quantity(self, values: Array, what: str) -> Array:
        if tuple(values.shape) != (self.num_envs,):
            raise ActionError(f"{self.agent}: {what} must have shape [{self.num_envs}], got {tuple(values.shape)}")
        if not bool(((values >= 0) & (values < np.inf)).all()):
            raise ActionError(f"{self.agent}: {what} must be finite and not negative")
        return values

    def _checked(self, came: Mapping[str, Array], neighbours: Sequence[str], what: str) -> Array:
        if set(came) != set(neighbours):
            raise ActionError(f"{self.agent}: {what} must come from {sorted(neighbours)}, got {sorted(came)}")
        if not neighbours:
            return self._lived.shipped[:0, ...]
        rows = [self._quantity(self._asarray(came[name]), f"{what} from {name}") for name in neighbours]
        return self._firm.own.xp.stack(rows, axis=0)

    def _without_gradient(self, values: Array) -> Array:
        return values.detach() if self.differentiable else values


def _independent(scenario: Scenario) -> bool:
    """Whether every retailer's demand is independent of the others'."""
    covariance = scenario.demand.covariance(scenario.retailer_names)
    return covariance is None or not (covariance - np.diag(np.diag(covariance))).any()


def _require_exchange_once_a_period(scenario: Scenario, agent: str) -> None:
    """Refuse lead times of 0 on the firm's links.

    Raises:
        ScenarioError: naming the field and the link.
    """
    for supplier, customer in order_links(scenario.network):
        for leg in LEGS:
            if agent in (supplier, customer):
                periods = lead_time_distribution(scenario, leg, supplier, customer)
                if periods.shortest == 0:
                    raise ScenarioError(
                        f"{leg}_lead_time of '{supplier or 'external'} -> {customer}' can be 0: firms that exchange "
                        "within a period need several rounds of messages, and one firm by itself exchanges once a "
                        "period; expected at least 1 on the links of " + repr(agent)
                    )


def firm_env(
    scenario: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario,
    agent: str,
    *,
    num_envs: int = 1,
    backend: Literal["numpy", "torch"] = "numpy",
    device: Any = None,
    seed: Seed = None,
    **overrides: Any,
) -> FirmEnv:
    """One firm's own simulator, see `FirmEnv`.

    Args:
        scenario: as for `scenv.vector_env`.
        agent: the firm.
        num_envs: B.
        backend: as for `scenv.vector_env`.
        device: likewise.
        seed: likewise.
        **overrides: fields of the scenario.

    Raises:
        ScenarioError: for a bad scenario or a name that is no firm of it, or a lead time of 0 on its links.
    """
    loaded = load_scenario(scenario, **overrides)
    return FirmEnv(loaded, agent, num_envs=num_envs, backend=backend, device=device, seed=seed)
