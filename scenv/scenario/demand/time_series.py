"""Demand from data: a table of past demand, replayed or resampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, PrivateAttr, model_validator

from scenv.errors import did_you_mean, shown
from scenv.scenario.demand.csv_file import Layout, read_history
from scenv.scenario.demand.deterministic import PATHS_SCHEMA, paths_of
from scenv.scenario.demand.layout import Missing, Returns
from scenv.scenario.demand.process import DemandProcess, Scale, covariance_over_time, demand_kind
from scenv.scenario.fields import FieldError, Switch, at, whole

_SHARED = "demand"


def _file_name(value: Any) -> str:
    if not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise FieldError(f"must be the path of a CSV file, got {shown(value)}")
    return str(value)


def _values(value: Any) -> Any:
    """Cells as text: a scenario file may say `store: 5`."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value or not all(isinstance(v, str | int) for v in value.values()):
        raise FieldError(f"must be a mapping of columns to the text that counts, got {shown(value)}")
    return {str(column): str(text) for column, text in value.items()}


@demand_kind
class TimeSeriesDemand(DemandProcess):
    """Past demand, from a file (CSV, TSV, Excel) or given as numbers.

    A file has one header line with the retailers' names, or the single name `demand` for a series that every retailer
    shares, and one line per period with a number of at least 0 for each; cells separated by commas, semicolons (then
    with decimal commas too), tabs or bars. A column with dates, by any name, or one that counts periods (period, week,
    month, ..., or pandas' index without a name) puts the lines in the order of time. A period may not come twice.

    Or it is long, a line for each date and shop with a quantity, or it goes across, a line for each shop with a column
    for each period; a column of shops (`shop`, `store_id`, ..., or `retailer_column`) says so. Then the quantities of a
    shop and period are summed.

    Attributes:
        file: path of the file; in a scenario file, relative to its folder. Or
        values: a list of numbers for all retailers, or a mapping retailer -> list; all of one length.
        columns: retailer -> the file's name of its column or shop, where they differ; then others are not read.
        date_column: the file's column that says when, where it is not known by its name or its dates.
        retailer_column: of a table with a column of shops, that column, where it is not known by its name.
        quantity_column: of a long table, the column of units, where it is not known by its name.
        where: of a table with a column of shops, column -> the value that a line must have to count: one product.
        returns: what a quantity below 0 is: "error" refuses it, "zero" takes it for goods that came back.
        sum_periods: so many periods of the file are one, 7 for days to weeks; what remains at the end is left out.
        missing: what periods are that the dates jump over, and empty cells: "error" refuses them, "zero" is no demand,
            "previous" the demand of the period before; "skip" takes lines as successive whatever their dates (a shop
            that closes at weekends).
        mode: "bootstrap" draws periods with replacement, the retailers' numbers of a period together, so that their
            correlation stays; "replay" plays the series from its start and begins again at its end.
        block: bootstrap draws runs of so many successive periods (circular block bootstrap; Politis & Romano 1992), so
            that correlation over time stays within them.
        random_start: replay begins at a random period, another one in each episode.
    """

    kind: Literal["time_series"] = "time_series"
    file: Annotated[str, BeforeValidator(_file_name)] | None = None
    values: Annotated[Any, BeforeValidator(paths_of), PATHS_SCHEMA] = None
    columns: dict[str, str] | None = None
    date_column: str | None = None
    retailer_column: str | None = None
    quantity_column: str | None = None
    where: Annotated[dict[str, str] | None, BeforeValidator(_values)] = None
    returns: Returns = "error"
    sum_periods: Annotated[int, BeforeValidator(whole(1, 100_000))] = 1
    missing: Missing = "error"
    mode: Literal["bootstrap", "replay"] = "bootstrap"
    block: Annotated[int, BeforeValidator(whole(1, 1_000_000))] = 1
    random_start: Switch = False
    _series: dict[str, np.ndarray] = PrivateAttr()

    @model_validator(mode="after")
    def _read(self) -> TimeSeriesDemand:
        if (self.file is None) == (self.values is None):
            raise FieldError("give either file or values")
        if self.file is not None:
            with at("file"):
                wanted = list(self.columns.values()) if self.columns else None
                self._series = read_history(self.file, wanted, self.date_column, self.missing, self._layout()).series
        else:
            if self.columns is not None:
                raise FieldError("belongs to a file; name the retailers in values", ("columns",))
            if self.date_column is not None or self.missing != "error" or self._layout() != Layout():
                raise FieldError("date_column, missing and what else says how to read it belong to a file")
            given = self.values if isinstance(self.values, dict) else {_SHARED: self.values}
            self._series = {name: np.array(path) for name, path in given.items()}
        periods = {len(series) for series in self._series.values()}
        if len(periods) > 1:
            raise FieldError(f"must have as many periods for each retailer, got {sorted(periods)}", ("values",))
        if self.mode == "bootstrap" and self.block > min(periods):
            raise FieldError(f"must not exceed the {min(periods)} periods of the series", ("block",))
        return self

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TimeSeriesDemand)
            and self.model_dump() == other.model_dump()
            and all(np.array_equal(series, other._series[name]) for name, series in self._series.items())
        )

    def moments(self, retailers: Sequence[str], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean [R] of the series; its standard deviation [R] over time."""
        table = np.ascontiguousarray(self._table(retailers).T)
        return table.mean(axis=1) * scale, table.std(axis=1) * scale

    def covariance(self, retailers: Sequence[str], scale: float = 1.0) -> np.ndarray:
        """[R, R] of the series over time."""
        return covariance_over_time(self._table(retailers) * scale)

    @property
    def stationary(self) -> bool:
        """Whether any period of the series may come at any time: unless it is replayed from its start."""
        return self.mode == "bootstrap" or self.random_start

    def by_period(self, periods: int, retailers: Sequence[str], scale: Scale = None) -> tuple[np.ndarray, np.ndarray]:
        """Of a replay, the periods that it reaches, without variance."""
        if self.stationary:
            return super().by_period(periods, retailers, scale)
        return self.sample(np.random.default_rng(0), periods, retailers, scale), np.zeros(len(retailers))

    def sample(
        self, rng: np.random.Generator, periods: int, retailers: Sequence[str], scale: Scale = None
    ) -> np.ndarray:
        """[periods, R]."""
        table = self._table(retailers)
        step = np.arange(periods)
        if self.mode == "replay":
            drawn = step + (int(rng.integers(len(table))) if self.random_start else 0)
        else:
            starts = rng.integers(len(table), size=-(-periods // self.block))
            drawn = starts[step // self.block] + step % self.block
        demand = table[drawn % len(table)]
        return demand if scale is None else demand * scale

    def _layout(self) -> Layout:
        return Layout(self.retailer_column, self.quantity_column, self.where, self.returns, self.sum_periods)

    def _table(self, retailers: Sequence[str]) -> np.ndarray:
        """The series of each retailer, [periods of the series, R]."""
        names = self.columns or {name: name for name in self._series if name != _SHARED}
        if not names and _SHARED in self._series:
            return np.repeat(self._series[_SHARED][:, None], len(retailers), axis=1)
        where = ("columns",) if self.columns else ("file",) if self.file else ("values",)
        for name in names:
            if name not in retailers:
                hint = did_you_mean(name, retailers)
                counts = "; if it counts periods, name it in date_column" if self.file and not self.columns else ""
                raise FieldError(f"{shown(name)} is no retailer of this network{hint}{counts}", where)
        missing = [name for name in retailers if name not in names]
        if missing:
            raise FieldError(f"has no series for retailer {missing[0]!r}", where)
        return np.stack([self._series[names[name]] for name in retailers], axis=1)
