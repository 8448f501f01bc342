"""The fields of a firm and of a link: their names, what else people call them, and what a value must be.

A checker takes (where, name, value) and returns the value in its right type, or raises `NetworkError`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from scenv.errors import NetworkError, shown

__all__ = [
    "COST_FIELDS",
    "EDGE_FIELDS",
    "GRAPH_FIELDS",
    "MAX_LEAD_TIME",
    "MAX_NUMBER",
    "NODE_FIELDS",
    "OTHER_WORDS",
    "as_float",
    "check_id",
    "check_text",
    "field_called",
    "is_given",
    "plain_copy",
]

Checker = Callable[[str, str, Any], Any]

COST_FIELDS = ("stage_cost", "holding_cost", "backorder_cost")
GRAPH_FIELDS = ("name", "citation", "description", "scenario")
MAX_LEAD_TIME = 1000
"""Periods. A longer lead time is far beyond any horizon here, and pipelines take memory in proportion to it."""
MAX_NUMBER = 1e12
"""Largest cost or stage time. Sums over thousands of firms then stay exact enough and far from overflow."""
_MAX_TEXT = 2000
_MAX_ID = 200
_MAX_DEPTH = 16
# What an empty cell, an object or an array looks like once a program has printed it into a file.
_NO_NAME = re.compile(r"nan|NaN|NaT|<NA>|<.* at 0x[0-9a-fA-F]+>")


def is_given(value: Any) -> bool:
    """Whether a value says anything: not None, NaN (also pandas' NA), or empty text, which all mean "not given"."""
    if value is None or (isinstance(value, str) and not value.strip()) or type(value).__name__ in ("NAType", "NaTType"):
        return False
    return not (isinstance(value, Real) and bool(value != value))


def field_called(key: object, known: Mapping[str, Checker] | tuple[str, ...]) -> str | None:
    """The field that a key names, also as "Stage Cost" or "stage-cost"; None if it is none of them."""
    if not isinstance(key, str):
        return None
    plain = re.sub(r"[\s\-]+", "_", key.strip()).lower()
    return key if key in known else plain if plain in known else None


def as_float(value: Any) -> float:
    """A real number (Python's or numpy's) as a float; NaN for everything else, text and booleans included."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _number(where: str, name: str, value: Any) -> float:
    number = as_float(value)
    if 0 <= number <= MAX_NUMBER:  # False for NaN
        return number
    raise NetworkError(f"{where}: {name} must be a finite number from 0 to {MAX_NUMBER:g}, not {shown(value)}")


def _whole(where: str, name: str, value: Any, low: int, high: int) -> int:
    # A whole number written as 2.0 is accepted: tables and GraphML often type integers as double.
    number = as_float(value)
    if low <= number <= high and number.is_integer():
        return int(number)
    raise NetworkError(f"{where}: {name} must be a whole number from {low} to {high}, not {shown(value)}")


def _lead_time(where: str, name: str, value: Any) -> int:
    return _whole(where, name, value, 0, MAX_LEAD_TIME)


def _stage(where: str, name: str, value: Any) -> int:
    return _whole(where, name, value, 0, 1_000_000)


def check_text(where: str, name: str, value: Any) -> str:
    """Printable text of at most 2000 characters, or `NetworkError`."""
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _MAX_TEXT:
        return str(value)
    raise NetworkError(f"{where}: {name} must be printable text of 1 to {_MAX_TEXT} characters, not {shown(value)}")


def check_id(where: str, name: str, value: Any) -> str:
    """A firm's id as it was given: text, or a whole number (which becomes text); never what an empty cell becomes."""
    if not isinstance(value, bool) and isinstance(value, Integral) and abs(int(value)) < 10**18:
        return str(int(value))
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _MAX_ID:
        if not _NO_NAME.fullmatch(value.strip()):
            return str(value)
        raise NetworkError(
            f"{where}: {name} must name a firm, not {shown(value)} (what an empty cell or object becomes)"
        )
    raise NetworkError(
        f"{where}: {name} must be a whole number or printable text of 1 to {_MAX_ID} characters, not {shown(value)}"
    )


def _distribution(where: str, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or set(value) != {"values", "probabilities"}:
        raise NetworkError(f"{where}: {name} must hold exactly 'values' and 'probabilities', not {shown(value)}")
    lists = value["values"], value["probabilities"]
    if not all(isinstance(x, list | tuple) for x in lists) or not 1 <= len(lists[0]) == len(lists[1]) <= 1000:
        raise NetworkError(f"{where}: {name} must hold two lists of the same length, 1 to 1000")
    values = [_number(where, f"{name} values", x) for x in lists[0]]
    probabilities = [_number(where, f"{name} probabilities", x) for x in lists[1]]
    if abs(math.fsum(probabilities) - 1) > 1e-6:
        raise NetworkError(f"{where}: {name} probabilities must sum to 1, not to {math.fsum(probabilities):g}")
    return {"values": values, "probabilities": probabilities}


def plain_copy(where: str, value: Any, depth: int = _MAX_DEPTH) -> Any:
    """A copy of the JSON-like `scenario` block that shares nothing with the input; what it says is the scenario's."""
    if depth == 0:
        raise NetworkError(f"{where}: nested too deeply; expected at most {_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        keys = [check_text(where, "a key", key) for key in value]
        return {key: plain_copy(f"{where}.{key}"[:200], value[key], depth - 1) for key in keys}
    if isinstance(value, list | tuple):
        return [plain_copy(where, v, depth - 1) for v in value]
    if value is None or isinstance(value, str | bool):
        return value
    number = as_float(value)
    if abs(number) <= MAX_NUMBER:
        return int(value) if isinstance(value, Integral) else number
    raise NetworkError(f"{where}: expected text, a finite number, a list or an object, not {shown(value)}")


NODE_FIELDS: dict[str, Checker] = {
    "stage": _stage,
    "label": check_text,
    "name": check_text,
    "stage_cost": _number,
    "stage_time": _number,
    "stage_time_distribution": _distribution,
    "holding_cost": _number,
    "backorder_cost": _number,
    "demand_mean": _number,
    "demand_std": _number,
}
EDGE_FIELDS: dict[str, Checker] = {"order_lead_time": _lead_time, "shipment_lead_time": _lead_time}

OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    # Without spaces, dashes and case. A table's header may use them; an attribute so called is not passed over.
    "shipment_lead_time": (
        *("leadtime", "leadtimes", "leadtimedays", "lead", "days", "weeks", "periods", "duration", "delay"),
        *("transittime", "transitdays", "transit", "transporttime", "traveltime", "deliverytime", "shippingtime"),
        *("shipmenttime", "shippingleadtime", "transportleadtime", "deliveryleadtime", "leadtimeindays"),
    ),
    "order_lead_time": ("ordertime", "orderdelay", "orderdays", "informationdelay", "informationleadtime"),
    "stage": ("reldepth",),
    "stage_cost": ("cost", "unitcost", "costperunit", "addedcost", "costadded", "valueadded", "directcost"),
    "stage_time": ("processingtime", "productiontime", "processtime", "manufacturingtime"),
    "holding_cost": ("holding", "holdingcosts", "inventorycost", "inventoryholdingcost", "carryingcost", "storagecost"),
    "backorder_cost": (
        *("backorder", "backordercosts", "backlogcost", "penalty", "penaltycost", "shortagecost", "stockoutcost"),
    ),
    "demand_mean": ("demand", "meandemand", "avgdemand", "averagedemand", "demandavg", "demandaverage"),
    "demand_std": (
        *("stddemand", "stdevdemand", "demandstdev", "demandsd", "sddemand", "demanddeviation", "stddevdemand"),
        *("demandstddev", "demandstandarddeviation", "standarddeviation", "stddev", "stdev"),
    ),
}
