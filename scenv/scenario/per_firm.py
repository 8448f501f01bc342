"""Fields that are one number for every firm, or a mapping from firms to numbers with 'default' for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from scenv.errors import did_you_mean, shown
from scenv.network.network import Network
from scenv.scenario.fields import FieldError, number, number_or_named, whole

__all__ = ["PER_FIRM_FIELDS", "UNIT_FIELDS", "PerFirm", "WholePerFirm", "by_firm", "require_firms"]

_numbers, _whole_numbers = number_or_named(number()), number_or_named(whole(1, 100_000))

PerFirm = Annotated[float | Mapping[str, float], BeforeValidator(_numbers)]
WholePerFirm = Annotated[int | Mapping[str, int], BeforeValidator(_whole_numbers)]

#: The scenario's fields of this kind; those of them that count units of product.
UNIT_FIELDS = ("capacity", "minimum_order", "lot_size", "storage_capacity", "initial_stock")
PER_FIRM_FIELDS = (*UNIT_FIELDS, "review_period", "order_cost", "overflow_cost")


def require_firms(given: Any, network: Network, whole_units: bool) -> None:
    """A mapping names firms of the network only; with `whole_units` its numbers, or the one number, are whole.

    Raises:
        FieldError: for the first name or number that is wrong.
    """
    if given is None:
        return
    for name, value in given.items() if isinstance(given, Mapping) else [(None, given)]:
        if name is not None and name not in network.agents and name != "default":
            hint = did_you_mean(name, network.agents)
            raise FieldError(f"{shown(name)} is no firm of network {network.name!r}{hint}")
        if whole_units and not float(value).is_integer():
            path = () if name is None else (name,)
            raise FieldError(f"must be whole where whole_units is on, got {shown(value)}", path)


def by_firm(given: float | Mapping[str, float] | None, network: Network, rest: Any) -> np.ndarray:
    """[N] float64: one number for all, or each firm's own, `default`'s, or where neither is given `rest` ([N] or one).

    `given` None is nobody's own.
    """
    values = np.array(np.broadcast_to(np.asarray(rest, dtype=np.float64), (len(network.agents),)))
    if given is None:
        return values
    if not isinstance(given, Mapping):
        values[:] = given
        return values
    if "default" in given:
        values[:] = given["default"]
    for name, value in given.items():
        if name != "default":
            values[network.index(name)] = value
    return values
