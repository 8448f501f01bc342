"""Disruptions: firms that close, links that delay, demand that jumps; at given or random times.

They are drawn an episode ahead from random streams of their own, so they do not depend on what the firms do: policies
meet the same ones, and the same demand besides. What they mean for a period is `scenv.simulation.dynamics`' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from scenv.errors import did_you_mean, shown
from scenv.network.network import Network
from scenv.network.order_links import order_links
from scenv.scenario.fields import FieldError, Switch, list_of, number, read_model, whole
from scenv.scenario.periods import NumberOfPeriods, fixed

__all__ = ["Closure", "Delay", "DemandShock", "Disruption", "Disruptions"]

_when = whole(0, 1_000_000)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise FieldError(f"must be a name, got {shown(value)}")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(list_of(_name, 1, 100_000))]


class Disruption(BaseModel):
    """What all disruptions have: when they begin, how long they last, and whether their targets are hit together.

    Attributes:
        period: the first period of the disruption; or
        between: [first, last]: it begins in one of these periods, each as likely; or
        probability: in each period it begins with this probability, again and again. One that begins while another
            lasts prolongs it if it ends later.
        duration: periods it lasts, a number or a distribution (values, probabilities).
        together: with random times, whether all targets are hit at the same times (a storm) or each at its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    period: Annotated[int, BeforeValidator(_when)] | None = None
    between: Annotated[tuple[int, ...], BeforeValidator(list_of(_when, 2, 2))] | None = None
    probability: Annotated[float, BeforeValidator(number(0, 1))] | None = None
    duration: NumberOfPeriods = fixed(1)
    together: Switch = False

    @model_validator(mode="after")
    def _one_time(self) -> Disruption:
        if sum(given is not None for given in (self.period, self.between, self.probability)) != 1:
            raise FieldError("give exactly one of period, between and probability")
        if self.between is not None and self.between[0] > self.between[1]:
            raise FieldError(f"must be [first, last], got {list(self.between)}", ("between",))
        return self

    def active(self, rng: np.random.Generator, rows: int, periods: int, targets: int) -> np.ndarray:
        """When it lasts, [rows, periods, targets] bool; row k is the same however many rows there are."""
        groups = 1 if self.together else targets
        chances = periods if self.probability is not None else 1
        # A fixed number of uniform numbers for each row: begin and duration of each chance.
        uniform = rng.random(size=(rows, 2, chances, groups))
        duration = self.duration.quantile(uniform[:, 1]).astype(np.int64)
        period = np.arange(periods)[:, None]
        if self.probability is not None:
            end = np.where(uniform[:, 0] < self.probability, period + duration, 0)
            active = np.maximum.accumulate(end, axis=1) > period
        else:
            first, last = self.between or (self.period or 0, self.period or 0)
            begin = first + np.floor(uniform[:, 0] * (last - first + 1)).astype(np.int64)
            active = (period >= begin) & (period < begin + duration)
        return np.broadcast_to(active, (rows, periods, targets))

    @property
    def targets(self) -> tuple[str, Names | None]:
        """The name of the field that names targets, and its value; None is all of them."""
        raise NotImplementedError

    def positions(self, known: Sequence[str]) -> np.ndarray:
        """Where the targets stand among the known names; each once.

        Raises:
            FieldError: for a target that is none of the known.
        """
        field, names = self.targets
        position = {name: index for index, name in enumerate(known)}
        for name in names or ():
            if name not in position:
                hint = did_you_mean(name, known) if len(known) <= 5000 else ""
                raise FieldError(f"{shown(name)} is no {field.removesuffix('s')} of this network{hint}", (field,))
        return np.array([position[name] for name in dict.fromkeys(known if names is None else names)], dtype=np.intp)

    def positions_in(self, network: Network) -> np.ndarray:
        """Positions of the targets in a network: among its firms, its order links, or its retailers.

        Raises:
            FieldError: for a name that is none of them.
        """
        raise NotImplementedError

    def nothing(self, shape: tuple[int, ...]) -> np.ndarray:
        """What targets meet that no disruption of this kind hits."""
        raise NotImplementedError

    def applied(self, before: np.ndarray, active: np.ndarray) -> np.ndarray:
        """What targets meet under this disruption too, where it is `active`."""
        raise NotImplementedError


class Closure(Disruption):
    """Firms close. While closed, a firm receives nothing (what arrives waits at its gate until it opens), serves nobody
    (orders and customers are written down as backorders, or lost), and orders nothing (its decision is void).

    Attributes:
        firms: which firms; all by default, each hit on its own unless `together`.
    """

    kind: Literal["closure"] = "closure"
    firms: Names | None = None

    @property
    def targets(self) -> tuple[str, Names | None]:
        """See `Disruption.targets`."""
        return "firms", self.firms

    def positions_in(self, network: Network) -> np.ndarray:
        """See `Disruption.positions_in`."""
        return self.positions(network.agents)

    def nothing(self, shape: tuple[int, ...]) -> np.ndarray:
        """Open: False."""
        return np.zeros(shape, dtype=bool)

    def applied(self, before: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Closed if any disruption says so."""
        return before | active


class Delay(Disruption):
    """Links delay. What leaves on them meanwhile takes `extra` periods more; delays of several disruptions add up.

    Attributes:
        links: "supplier -> customer", or "external -> source"; all by default.
        extra: periods more.
    """

    kind: Literal["delay"] = "delay"
    links: Names | None = None
    extra: Annotated[int, BeforeValidator(whole(1, 1000))]

    @property
    def targets(self) -> tuple[str, Names | None]:
        """See `Disruption.targets`."""
        return "links", self.links

    def positions_in(self, network: Network) -> np.ndarray:
        """See `Disruption.positions_in`."""
        return self.positions(
            [f"{supplier or 'external'} -> {customer}" for supplier, customer in order_links(network)]
        )

    def nothing(self, shape: tuple[int, ...]) -> np.ndarray:
        """No periods more."""
        return np.zeros(shape, dtype=np.int32)

    def applied(self, before: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Delays add up."""
        return before + self.extra * active.astype(np.int32)


class DemandShock(Disruption):
    """External demand has another mean for a while; factors of several disruptions multiply.

    Attributes:
        retailers: whose demand; all by default.
        factor: the mean meanwhile, as a multiple of the usual.
    """

    kind: Literal["demand_shock"] = "demand_shock"
    retailers: Names | None = None
    factor: Annotated[float, BeforeValidator(number(0, 1e6))]

    @property
    def targets(self) -> tuple[str, Names | None]:
        """See `Disruption.targets`."""
        return "retailers", self.retailers

    def positions_in(self, network: Network) -> np.ndarray:
        """See `Disruption.positions_in`."""
        return self.positions([network.agents[i] for i in network.retailers])

    def nothing(self, shape: tuple[int, ...]) -> np.ndarray:
        """The usual mean: 1."""
        return np.ones(shape)

    def applied(self, before: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Factors multiply."""
        return before * np.where(active, self.factor, 1.0)


_KINDS: dict[str, type[Disruption]] = {"closure": Closure, "delay": Delay, "demand_shock": DemandShock}


def _read_one(value: Any) -> Disruption:
    if isinstance(value, Disruption):
        return value
    if not isinstance(value, Mapping):
        raise FieldError(f"must be a mapping with 'kind' ({', '.join(_KINDS)}), got {shown(value)}")
    kind = value.get("kind")
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        hint = did_you_mean(kind, _KINDS) or f"; expected one of {', '.join(_KINDS)}"
        raise FieldError(f"unknown kind of disruption {shown(kind)}{hint}", ("kind",))
    return read_model(model, value)


Disruptions = Annotated[tuple[Closure | Delay | DemandShock, ...], BeforeValidator(list_of(_read_one, 0, 1000))]
