"""`pmarl-benchmark`: run the grid, or what is left of it, and write the report; or verify a report."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from scenv_paper import design
from scenv_paper.cell import write_json
from scenv_paper.display import table
from scenv_paper.errors import UsageError
from scenv_paper.grid import DONE, FAILED, Grid
from scenv_paper.provenance import CHECKOUT

_STDERR = Console(stderr=True)


def _names(given: str | None, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    names = known if given is None else tuple(given.split(","))
    wrong = [name for name in names if name not in known]
    if wrong:
        raise UsageError(f"{option}: expected some of {', '.join(known)}, separated by commas, got {wrong[0]!r}")
    return names


def _command(
    budget: Annotated[
        str, typer.Option(help="Training of a cell: smoke (seconds), small (minutes), standard, paper.")
    ] = "small",
    only: Annotated[str | None, typer.Option(help="Networks, e.g. r2 or bg,r1.", show_default="all four")] = None,
    lead_times: Annotated[str | None, typer.Option(help="Shipment lead times.", show_default="1,2,3")] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Methods; besides these, the ablations " + ", ".join(design.ABLATIONS) + ".",
            show_default=",".join(design.METHODS),
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds of each cell, from 0 on.")] = 3,
    jobs: Annotated[int | None, typer.Option(min=1, help="Cells at a time.", show_default="one a CPU core")] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run the cells on this Ray cluster ('local' starts one here).", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Where cells have their folders: what an interrupted grid goes on from.")
    ] = Path("paper-results"),
    results: Annotated[
        Path | None,
        typer.Option(
            help="Where raw files (below paper/) and report go.",
            show_default="OUT/results; in a clone benchmarks/results for --verify",
        ),
    ] = None,
    timing: Annotated[bool, typer.Option(help="Measure Figure 7 too, if it is not yet.")] = True,
    report_only: Annotated[bool, typer.Option("--report", help="Only write the report anew.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute the report from its raw files; exit code 1 if it differs.")
    ] = False,
) -> None:
    """Reproduce the paper's tables and figures: train what is not trained yet, evaluate, write report.html.

    Cells (network, lead time, method, seed) run side by side. Interrupt it when you like: the same command goes on
    where it was. A cell that fails is reported, with its log, and does not stop the others.

    Examples:

        pmarl-benchmark --budget small

        pmarl-benchmark --budget standard --only r2 --lead-times 2

        pmarl-benchmark --budget paper --ray auto

        pmarl-benchmark --verify
    """
    if verify:
        from scenv_paper.report import verify_report

        folder = results or (CHECKOUT / "benchmarks" / "results" if CHECKOUT else out / "results")
        differences = verify_report(folder / "paper", folder)
        for line in differences:
            _STDERR.print(line, markup=False, soft_wrap=True)
        if differences:
            sys.exit(1)
        print(f"{folder}: the report is what its raw files say")
        return
    folder = results or out / "results"
    failed = 0
    if not report_only:
        failed = _run_grid(_grid(budget, only, lead_times, methods, seeds, out, folder), jobs, ray)
        if timing and not (folder / "paper" / "timing.json").exists():
            from scenv_paper.timing import measure

            print("measuring training time per episode (Figure 7)", flush=True)
            write_json(folder / "paper" / "timing.json", measure())
    from scenv_paper.report import write_report

    for path in write_report(folder / "paper", folder):
        if path.suffix in (".html", ".md"):
            print(path)
    if failed:
        sys.exit(1)


def _grid(
    budget: str, only: str | None, lead_times: str | None, methods: str | None, seeds: int, out: Path, results: Path
) -> Grid:
    if budget not in design.BUDGETS:
        raise UsageError(f"--budget: expected one of {', '.join(design.BUDGETS)}, got {budget!r}")
    networks = _names(only, design.NETWORKS, "--only")
    leads = [int(word) for word in _names(lead_times, tuple(map(str, design.LEAD_TIMES)), "--lead-times")]
    known = (*design.METHODS, *design.ABLATIONS)
    chosen = design.METHODS if methods is None else _names(methods, known, "--methods")
    cells = list(design.cells(budget, networks, leads, chosen, seeds))
    return Grid(cells, out / "cells", results / "paper")


def _run_grid(grid: Grid, jobs: int | None, ray: str | None) -> int:
    """Run, show, and say what failed; how many cells did."""
    if ray is not None and importlib.util.find_spec("ray") is None:
        raise UsageError('--ray needs the ray extra: pip install "scenv[ray]"')
    work: Any = (lambda: grid.run_on_ray(ray)) if ray is not None else lambda: grid.run(jobs or os.cpu_count() or 1)
    try:
        if sys.stdout.isatty():
            _with_table(grid, work)
        else:
            _with_lines(grid, jobs, ray)
    except KeyboardInterrupt:
        print("interrupted; cells at work have saved, the same command goes on", file=sys.stderr)
        sys.exit(130)
    failures = [cell for cell in grid.cells if grid.states[cell] == FAILED]
    for cell in failures:
        lines = grid.log(cell).read_text(encoding="utf-8").strip().splitlines() if grid.log(cell).exists() else []
        print(f"failed: {cell.name}: {lines[-1] if lines else 'no output'} ({grid.log(cell)})", file=sys.stderr)
    return len(failures)


def _with_table(grid: Grid, work: Any) -> None:
    """On a terminal: the live table, redrawn every second."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = Thread(target=guarded, daemon=True)
    with Live(table(grid), refresh_per_second=2) as live:
        thread.start()
        try:
            while thread.is_alive():
                time.sleep(0.5)
                live.update(table(grid))
        except KeyboardInterrupt:  # the cells' processes got it too: wait until they have saved
            grid.stop()
            thread.join()
            raise
        live.update(table(grid))
    if errors:
        raise errors[0]


def _with_lines(grid: Grid, jobs: int | None, ray: str | None) -> None:
    """Into a file or CI's log: a line whenever a cell ends."""
    told: dict[design.Cell, str] = {cell: DONE for cell in grid.cells if grid.states[cell] == DONE}
    print(f"{len(told)} of {len(grid.cells)} cells were done before", flush=True)

    def tell() -> None:
        for cell, state in grid.states.items():
            if told.get(cell) != state and state not in ("waiting", "running"):
                told[cell] = state
                print(f"{sum(s == DONE for s in told.values())}/{len(grid.cells)} {cell.name}: {state}", flush=True)

    if ray is not None:
        grid.run_on_ray(ray, tell)
    else:
        grid.run(jobs or os.cpu_count() or 1, tell)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(_command)
