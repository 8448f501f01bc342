"""A picture of past demand and of the kind that was fitted to it, retailer by retailer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from scenv.drawing.canvas import new_figure
from scenv.drawing.style import TEXT
from scenv.scenario.demand.fitting import DemandFit
from scenv.scenario.demand.process import read_demand

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_demand_fits"]

_MOST = 12
_DRAWS = 20_000


def draw_demand_fits(fits: Mapping[str, DemandFit]) -> Figure:
    """For each of at most 12 retailers the series with its season's means, and how often each quantity came, beside
    what the fitted kind draws.

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
    """
    shown = dict(list(fits.items())[:_MOST])
    figure = new_figure(11.0, 2.2 * len(shown) + 0.6)
    axes = figure.subplots(len(shown), 2, squeeze=False, gridspec_kw={"width_ratios": [2, 1]})
    for (name, fit), (left, right) in zip(shown.items(), axes, strict=True):
        periods = np.arange(len(fit.series))
        left.plot(periods, fit.series, color="0.7", linewidth=0.8)
        left.plot(periods, fit.season_means[periods % len(fit.season_means)], color="C0", linewidth=1.2)
        left.set_title(f"{name}: {fit.kind.replace('_', ' ')}", loc="left", fontsize=10, color=TEXT.normal)
        drawn = read_demand(fit.process).sample(np.random.default_rng(0), _DRAWS, (name,))[:, 0]
        width = max(1, int(np.ceil(fit.series.max() / 40)))
        edges = np.arange(-0.5, max(fit.series.max(), np.quantile(drawn, 0.999)) + width, width)
        right.hist(fit.series, edges, density=True, color="0.8", label="past")
        right.hist(drawn, edges, density=True, histtype="step", color="C0", label="fitted")
        for side in (left, right):
            side.tick_params(labelsize=8, colors=TEXT.normal)
    axes[0, 1].legend(fontsize=8, frameon=False)
    axes[-1, 0].set_xlabel("period", fontsize=9, color=TEXT.normal)
    axes[-1, 1].set_xlabel("units per period", fontsize=9, color=TEXT.normal)
    if len(fits) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(fits)} retailers", fontsize=10, color=TEXT.normal)
    figure.tight_layout()
    return figure
