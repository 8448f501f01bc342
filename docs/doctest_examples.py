"""Docstrings say "Example:" before a doctest; griffe reads doctests under "Examples:" only."""

from __future__ import annotations

from typing import Any

import griffe


class DoctestExamples(griffe.Extension):
    """Read "Example:" as "Examples:"."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every module, class, function and attribute that is loaded."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("Example:\n", "Examples:\n")
