"""Numbers in scenario fields: checked in one way, refused in one wording, and never under pydantic's branch names.

A field that takes one number or a mapping of names to numbers would be a union to pydantic, whose errors name the
branches ("constrained-float") and not what the user wrote. Here it is one function, and an error is a `FieldError`
that knows the path of the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ValidationError

from scenv.errors import did_you_mean, shown
from scenv.network.rows import MAX_NUMBER

__all__ = [
    "Count",
    "FieldError",
    "Fraction",
    "NonNegative",
    "PerRetailer",
    "Positive",
    "Switch",
    "at",
    "list_of",
    "number",
    "number_or_named",
    "per_retailer",
    "problem_of",
    "read_model",
    "whole",
]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Check = Callable[[Any], T]


class FieldError(ValueError):
    """What is wrong with one field.

    Attributes:
        path: the names that lead to the field, outermost first; empty for the value as a whole.
        message: what was expected and what was got, without the field's name.
    """

    def __init__(self, message: str, path: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(str(part) for part in path)

    def __str__(self) -> str:
        return f"field {'.'.join(self.path)!r}: {self.message}" if self.path else self.message


@contextmanager
def at(*path: object) -> Iterator[None]:
    """Say of every `FieldError` raised inside that it lies under `path`."""
    try:
        yield
    except FieldError as problem:
        raise FieldError(problem.message, (*map(str, path), *problem.path)) from None


def number(low: float = 0.0, high: float = MAX_NUMBER, *, above: float | None = None) -> Check[float]:
    """A check for finite real numbers from `low` to `high`, and greater than `above`; Python's and numpy's alike."""
    span = f"from {low:g} to {high:g}" if above is None else f"above {above:g} and at most {high:g}"

    def check(value: Any) -> float:
        real = _as_float(value)
        if low <= real <= high and (above is None or real > above):  # False for NaN
            return real
        raise FieldError(f"must be a finite number {span}, got {shown(value)}")

    return check


def whole(low: int, high: int) -> Check[int]:
    """A check for whole numbers from `low` to `high`; 2.0 is one, True and "2" are none."""

    def check(value: Any) -> int:
        real = _as_float(value)
        if low <= real <= high and real.is_integer():
            return int(value)
        raise FieldError(f"must be a whole number from {low} to {high}, got {shown(value)}")

    return check


def _switch(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    word = value.lower() if isinstance(value, str) else ""
    if word in ("true", "yes", "on", "false", "no", "off"):
        return word in ("true", "yes", "on")
    raise FieldError(f"must be true or false, got {shown(value)}")


def number_or_named(check: Check[T]) -> Check[T | dict[str, T]]:
    """A check for one number for all, or a mapping name -> number."""

    def check_all(value: Any) -> T | dict[str, T]:
        if not isinstance(value, Mapping):
            return check(value)
        if not value:
            raise FieldError("must be a number or a mapping of names to numbers, got an empty mapping")
        checked = {}
        for name, entry in value.items():
            with at(name):
                checked[str(name)] = check(entry)
        return checked

    return check_all


def list_of(check: Check[T], least: int, most: int) -> Check[tuple[T, ...]]:
    """A check for lists (tuples, one-dimensional arrays) of `least` to `most` entries."""

    def check_all(value: Any) -> tuple[T, ...]:
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = value.tolist()
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            raise FieldError(f"must be a list of {least} to {most} entries, got {shown(value)}")
        checked = []
        for index, entry in enumerate(value):
            with at(index):
                checked.append(check(entry))
        return tuple(checked)

    return check_all


#: true or false; YAML 1.2 reads yes, no, on and off as text, which is meant so where a boolean is expected.
Switch = Annotated[bool, BeforeValidator(_switch)]
NonNegative = Annotated[float, BeforeValidator(number())]
Positive = Annotated[float, BeforeValidator(number(above=0.0))]
Fraction = Annotated[float, BeforeValidator(number(0.0, 1.0))]
Count = Annotated[int, BeforeValidator(whole(1, 1_000_000))]
PerRetailer = Annotated[float | Mapping[str, float], BeforeValidator(number_or_named(number()))]


def per_retailer(value: float | Mapping[str, float], retailers: Sequence[str], field: str) -> np.ndarray:
    """Spread one number, or a mapping retailer -> number ("default" for the rest), over the retailers.

    Returns:
        [R] float64.

    Raises:
        FieldError: if the mapping misses a retailer or names a firm that is none.
    """
    if not isinstance(value, Mapping):
        return np.full(len(retailers), float(value))
    check_retailers(value, retailers, field)
    return np.array([float(value[name if name in value else "default"]) for name in retailers])


def check_retailers(given: Mapping[str, Any], retailers: Sequence[str], field: str) -> None:
    """Every retailer has an entry, of its own or under "default", and nobody else has.

    Raises:
        FieldError: naming the first retailer without, or the first name that is no retailer.
    """
    for name in given:
        if name not in retailers and name != "default":
            hint = did_you_mean(name, retailers)
            raise FieldError(f"{shown(name)} is no retailer of this network{hint}", (field,))
    missing = [name for name in retailers if name not in given and "default" not in given]
    if missing:
        raise FieldError(f"misses retailer {missing[0]!r}; give each retailer an entry, or 'default'", (field,))


def read_model(model: type[M], value: Any) -> M:
    """Validate a mapping as a nested model.

    Raises:
        FieldError: for the first field that is wrong, with the nearest known name for an unknown one.
    """
    if isinstance(value, model):
        return value
    if not isinstance(value, Mapping):
        raise FieldError(f"must be a mapping with {', '.join(model.model_fields)}; got {shown(value)}")
    try:
        return model.model_validate(dict(value))
    except ValidationError as error:
        raise problem_of(error, model) from None


def problem_of(error: ValidationError, model: type[BaseModel]) -> FieldError:
    """The first of pydantic's findings on a model, in the field's own name; a misspelt name before a missing field."""
    findings = error.errors()
    finding = next((each for each in findings if each["type"] == "extra_forbidden"), findings[0])
    path, given = finding["loc"], finding["input"]
    cause = finding.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        return FieldError(cause.message, (*path, *cause.path))
    if finding["type"] in ("extra_forbidden", "invalid_key"):
        hint = did_you_mean(path[-1], model.model_fields) or f"; expected one of {', '.join(model.model_fields)}"
        return FieldError(f"unknown field {shown(path[-1])}{hint}", path[:-1])
    if finding["type"] == "missing":
        return FieldError("is missing", path)
    if isinstance(cause, ValueError):
        return FieldError(str(cause), path)
    message = finding["msg"].replace("Input should be", "must be")
    return FieldError(f"{message[:1].lower()}{message[1:]}, got {shown(given)}", path)


def _as_float(value: Any) -> float:
    """A real number (Python's or numpy's) as a float; NaN for everything else, text and booleans included."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return math.nan
    if isinstance(value, Integral) and abs(int(value)) > 2**1000:
        return math.inf
    return float(value)
