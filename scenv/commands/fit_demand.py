"""`scenv fit-demand`: what kind of demand a file of past sales holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import rich.box
import typer
import yaml
from rich.markup import escape
from rich.table import Table

from scenv.commands.console import output_console, refuse_to_overwrite, write_text
from scenv.drawing.canvas import SUFFIXES, require_matplotlib, save
from scenv.errors import ScenarioError, ScenvError
from scenv.render.demand_fit_picture import draw_demand_fits
from scenv.scenario.demand.csv_file import Layout, read_history
from scenv.scenario.demand.fitting import SEASONS, DemandFit, fit_demand
from scenv.scenario.fields import FieldError
from scenv.text_file import named


def fit_demand_command(
    file: Annotated[Path, typer.Argument(help="Past demand: a table, plain, long or across; docs: Demand.")],
    season: Annotated[
        int | None, typer.Option(help="A season's periods; by default 7 for days, 52 for weeks, 12 for months.")
    ] = None,
    missing: Annotated[
        Literal["error", "zero", "previous", "skip"], typer.Option(help="What periods without a line are.")
    ] = "error",
    sum_periods: Annotated[int, typer.Option(min=1, help="So many periods of the file are one.")] = 1,
    where: Annotated[list[str] | None, typer.Option(help="column=value: only these lines of a long table.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture of series and fits.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the scenario's lines, .yaml.")] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over files that exist.")] = False,
) -> None:
    """Say of each retailer whether its demand is Poisson, negative binomial, intermittent or seasonal.

    The kind with the least Bayesian information criterion is taken; a hold-out check says which would have foretold the
    last fifth best. The lines to paste into a scenario are printed, and saved by --out.

    Examples:

        scenv fit-demand sales.csv --plot fit.png

        scenv fit-demand train.csv --where family=DAIRY --missing zero --out demand.yaml
    """
    for path, suffixes in ((plot, SUFFIXES), (out, (".yaml", ".yml"))):
        if path is not None and path.suffix.lower() not in suffixes:
            raise ScenvError(f"{path}: the name must end in one of {', '.join(suffixes)}")
        if path is not None:
            refuse_to_overwrite(path, force)
    if plot is not None:
        require_matplotlib()
    fits = _fits(file, season, missing, Layout(where=_pairs(where or []), sum_periods=sum_periods))
    output_console().print(_table(fits, named(file)))
    only = list(fits) == ["demand"]
    demand = fits["demand"].process if only else {"kind": "per_retailer", "processes": _processes(fits)}
    text = yaml.safe_dump({"demand": demand}, sort_keys=False, default_flow_style=None, allow_unicode=True, width=1000)
    print(text, end="")
    if out is not None:
        write_text(out, text)
        print(f"wrote {out}")
    if plot is not None:
        save(draw_demand_fits(fits), plot)
        print(f"wrote {plot}")


def _fits(file: Path, season: int | None, missing: str, layout: Layout) -> dict[str, DemandFit]:
    try:
        history = read_history(file, missing=missing, layout=layout)  # type: ignore[arg-type]
    except FieldError as error:
        raise ScenarioError(error.message) from None
    fits = {}
    for name, series in history.series.items():
        length = season or SEASONS.get(history.period)
        if season is None and length is not None and len(series) < 3 * length:
            length = None
        try:
            fits[name] = fit_demand(series, length)
        except ScenarioError as error:
            raise ScenarioError(f"{named(file)}: {name!r} {error}") from None
    return fits


def _pairs(where: list[str]) -> dict[str, str] | None:
    pairs = {}
    for text in where:
        column, equals, value = text.partition("=")
        if not (column and equals and value) or column in pairs:
            raise ScenvError(f"--where {text}: expected column=value, each column once")
        pairs[column] = value
    return pairs or None


def _processes(fits: dict[str, DemandFit]) -> dict[str, object]:
    return {name: fit.process for name, fit in fits.items()}


def _table(fits: dict[str, DemandFit], title: str) -> Table:
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD)
    table.add_column("retailer", overflow="fold")
    for column in ("periods", "mean", "deviation", "zeros"):
        table.add_column(column, justify="right")
    for column in ("kind", "BIC less than the next by", "foretells the last fifth better"):
        table.add_column(column)
    for name, fit in fits.items():
        series, second = fit.series, list(fit.bic)[1]
        table.add_row(
            escape(name),
            str(len(series)),
            f"{series.mean():.3g}",
            f"{series.std():.3g}",
            f"{(series == 0).mean():.0%}",
            _word(fit.kind),
            f"{fit.margin:.1f} ({_word(second)})",
            "none" if fit.better is None else _word(fit.better),
        )
    return table


def _word(kind: str) -> str:
    return kind.replace("compound_poisson", "intermittent").replace("_", " ")
