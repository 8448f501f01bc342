"""What reports of measurements are made of."""

from __future__ import annotations

from collections.abc import Sequence


def table_row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def table_head(titles: Sequence[str], left: int = 1) -> list[str]:
    """The two lines that a table begins with; columns stand to the right, but the first `left` of them."""
    return [table_row(titles), table_row(["---"] * left + ["---:"] * (len(titles) - left))]
