"""One period as a table of plain text: render mode "ansi"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenv.simulation.dynamics import LocalState

__all__ = ["period_table"]

_COLUMNS = ("BO", "IL", "OO", "AS", "AO", "cost")


def period_table(period: int, agents: Sequence[str], local: LocalState, cost: np.ndarray) -> str:
    """What every firm saw in a period: backorders, stock, on order, received, demand, cost.

    Args:
        period: its number, 0 after `reset`.
        agents: the N firms.
        local: the local states, five arrays [N].
        cost: [N].

    Returns:
        N + 2 lines and one with the total cost, without a newline at the end.
    """
    width = max(10, *(len(name) + 1 for name in agents))
    columns = [np.asarray(column).tolist() for column in (*local, cost)]
    lines = [f"period {period}", "firm".ljust(width) + "".join(f"{name:>9}" for name in _COLUMNS)]
    for i, name in enumerate(agents):
        lines.append(name.ljust(width) + "".join(f"{column[i]:9.1f}" for column in columns))
    lines.append("all".ljust(width) + " " * 9 * len(local) + f"{sum(columns[-1]):9.1f}")
    return "\n".join(lines)
