"""The grid as a table that changes while it runs: networks and lead times down, methods across, a mark a seed."""

from __future__ import annotations

from rich.table import Table

from scenv_paper.design import Cell
from scenv_paper.grid import DONE, ELSEWHERE, FAILED, RUNNING, STOPPED, WAITING, Grid

_MARKS = {
    WAITING: "[dim]·[/]",
    DONE: "[green]✓[/]",
    FAILED: "[red]✗[/]",
    STOPPED: "[yellow]‖[/]",
    ELSEWHERE: "[blue]»[/]",
}
LEGEND = "· waiting   12/50 rollouts   ✓ done   ✗ failed   ‖ stopped, can go on   » another process is at it"


def table(grid: Grid) -> Table:
    """The grid as it is now."""
    methods = list(dict.fromkeys(cell.method for cell in grid.cells))
    places = list(dict.fromkeys((cell.budget, cell.network, cell.lead_time) for cell in _trained(grid)))
    places = places or list(dict.fromkeys((cell.budget, cell.network, cell.lead_time) for cell in grid.cells))
    done = sum(state == DONE for state in grid.states.values())
    result = Table(title=f"{done} of {len(grid.cells)} cells done", caption=LEGEND)
    for heading in ("network", "lead time", *methods):
        result.add_column(heading, justify="left" if heading == "network" else "center", no_wrap=True)
    for _, network, lead_time in sorted(places, key=lambda place: (place[1], place[2])):
        at_place = [cell for cell in grid.cells if (cell.network, cell.lead_time) == (network, lead_time)]
        marks = (" ".join(_mark(grid, cell) for cell in at_place if cell.method == method) for method in methods)
        result.add_row(network, str(lead_time), *marks)
    return result


def _trained(grid: Grid) -> list[Cell]:
    return [cell for cell in grid.cells if cell.method != "classical"]


def _mark(grid: Grid, cell: Cell) -> str:
    state = grid.states[cell]
    if state != RUNNING:
        return _MARKS[state]
    progress = grid.progress(cell)
    return "[cyan]…[/]" if progress is None else f"[cyan]{progress[0]}/{progress[1]}[/]"
