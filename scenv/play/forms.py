"""Reading what a browser sends: every field is text of a stranger until it is one of what was offered."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from scenv.errors import ScenarioError, shown

__all__ = ["Form", "chosen", "whole_field"]

Form = Mapping[str, str]


def chosen(form: Form, field: str, among: Collection[str], default: str) -> str:
    """The value of a field, one of those offered; the default where it is missing.

    Raises:
        ScenarioError: for anything else.
    """
    value = form.get(field, default)
    if value not in among:
        raise ScenarioError(f"{field}: expected one of {', '.join(sorted(among))}, got {shown(value)}")
    return value


def whole_field(form: Form, field: str, lowest: int, highest: int, default: int) -> int:
    """The whole number in a field; the default where it is missing or empty.

    Raises:
        ScenarioError: if it is none, or out of bounds.
    """
    text = form.get(field, "").strip()
    if not text:
        return default
    digits = text.removeprefix("-")
    if len(text) > 20 or not (digits.isascii() and digits.isdigit()) or not lowest <= int(text) <= highest:
        raise ScenarioError(f"{field}: expected a whole number from {lowest} to {highest}, got {shown(text)}")
    return int(text)
