"""What a number, a seed and a truth value of the section train may be."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict, StrictBool

#: The largest number of a setting that has no smaller bound of its own: no losses made of it outgrow float32 at once.
LARGEST = 10**12

#: Every number of the section train is one of these, no text or truth value, finite, and at most LARGEST. That bound is
#: `TrainConfig._number`'s: one that stood here would replace a field's own.
Whole = Annotated[int, Strict()]
Real = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**63)]


def _boolean(value: Any) -> Any:
    """What people write for truth values: in YAML 1.2 these words are text unless a truth value is expected."""
    if isinstance(value, str):
        return {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}.get(
            value.lower(), value
        )
    return value


#: A truth value, not a number.
Boolean = Annotated[StrictBool, BeforeValidator(_boolean)]
