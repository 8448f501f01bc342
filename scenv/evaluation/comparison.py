"""Several policies side by side, on the same demand paths: differences, a table, a plot, JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from scenv.drawing.canvas import save
from scenv.errors import ScenarioError
from scenv.evaluation.by_policy import ByPolicy
from scenv.evaluation.intervals import PairedDifference, paired_difference
from scenv.evaluation.plots import draw_comparison
from scenv.evaluation.result import Evaluation
from scenv.evaluation.tables import comparison_table, stage_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Comparison(ByPolicy[Evaluation]):
    """Evaluations of several policies on the same scenario and demand paths, by name; the first is the reference.

    Attributes:
        evaluations: name -> evaluation, in the order of tables and plots.

    Raises:
        ScenarioError: if there are none, or they do not share networks, seeds and numbers of episodes.
    """

    evaluations: Mapping[str, Evaluation]

    def __post_init__(self) -> None:
        runs = {(e.seed, len(e.episode_costs), e.agents) for e in self.evaluations.values()}
        if len(runs) != 1:
            raise ScenarioError(
                "a comparison needs evaluations of the same firms, seed and number of episodes, "
                f"got {len(runs) or 'no'} different kinds"
            )

    @property
    def _by_name(self) -> Mapping[str, Evaluation]:
        return self.evaluations

    @property
    def reference(self) -> str:
        """The policy that the others are compared with unless another is named: the first."""
        return next(iter(self.evaluations))

    def difference(self, name: str, reference: str | None = None) -> PairedDifference:
        """How much more `name` costs than `reference` (the first policy unless given), episode by episode."""
        other = self[reference if reference is not None else self.reference]
        return paired_difference(self[name].episode_costs, other.episode_costs)

    def table(self, title: str | None = None, *, by_stage: bool = False) -> Table:
        """A rich table, one row per policy (or per policy and stage): print it with `rich.print`."""
        return stage_table(self, title) if by_stage else comparison_table({"": self}, title)

    def plot(self, path: str | Path | None = None, *, title: str | None = None) -> Figure:
        """Bars of the mean costs with their intervals, split into holding and backorder; written to `path` if given.

        Raises:
            MissingPlotExtraError: where matplotlib (the extra `plot`) is not installed.
        """
        figure = draw_comparison({"": self}, title)
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and lists, for JSON; what is not defined is None."""
        policies = {}
        for name, result in self.evaluations.items():
            difference = self.difference(name)
            policies[name] = {
                "mean": result.mean,
                "ci95": list(result.ci95),
                "difference": difference.mean,
                "difference_ci95": list(difference.ci95),
                "ratio": difference.ratio,
                "ratio_ci95": list(difference.ratio_ci95),
                "fill_rate": result.fill_rate,
                "lost_units": float(result.lost.sum(axis=1).mean()),
                "per_agent": result.per_agent,
                "holding_per_agent": result.holding_per_agent,
                "backorder_per_agent": result.backorder_per_agent,
                "other_costs_per_agent": result.other_costs_per_agent,
                "fill_rates": result.fill_rates,
                "per_stage": result.per_stage,
                "episode_costs": result.episode_costs.tolist(),
            }
        first = self[self.reference]
        document = {
            "network": first.scenario.network.name,
            "scenario": first.scenario.model_dump(mode="json"),
            "episodes": len(first.episode_costs),
            "seed": first.seed,
            "reference": self.reference,
            "policies": policies,
        }
        return dict(without_nan(document))

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict` as JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        """The table as plain text."""
        text = io.StringIO()
        Console(file=text, width=120).print(self.table())
        return text.getvalue()


def without_nan(value: Any) -> Any:
    """JSON has no NaN and no infinity: None instead."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float | np.floating) and not math.isfinite(value) else value
