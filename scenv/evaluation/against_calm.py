"""Policies on disturbed paths beside the same paths undisturbed: run them, and say it in a table, a picture, JSON."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from scenv.drawing.canvas import save
from scenv.evaluation.by_policy import ByPolicy
from scenv.evaluation.comparison import without_nan
from scenv.evaluation.conduct import whole_number
from scenv.evaluation.resilience import Resilience, check_disturbed
from scenv.evaluation.resilience_plot import draw_resilience
from scenv.evaluation.resilience_table import resilience_tables
from scenv.evaluation.run import ScenarioSource, policies_for, run_policy
from scenv.evaluation.trace import Trace
from scenv.policies.base import Policy
from scenv.scenario.files import load_scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ResilienceComparison", "resilience"]


@dataclass(frozen=True, eq=False)
class ResilienceComparison(ByPolicy[Resilience]):
    """Several policies on the same disturbed and calm paths, by name.

    Attributes:
        results: name -> `Resilience`, in the order of tables and plots; at least one.
    """

    results: Mapping[str, Resilience]

    @property
    def _by_name(self) -> Mapping[str, Resilience]:
        return self.results

    def tables(self, title: str | None = None) -> tuple[Table, Table]:
        """Two rich tables, of cost and of service, one row per policy: print them with `rich.print`."""
        return resilience_tables({"": self.results}, title)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Service and cost over time, calm and disturbed; written to `path` if given.

        Raises:
            MissingPlotExtraError: where matplotlib (the extra `plot`) is not installed.
        """
        figure = draw_resilience(self.results)
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and lists, for JSON; what is not defined, and no median within the episode, is
        None.
        """
        first = next(iter(self.results.values())).disturbed
        document = {
            "network": first.scenario.network.name,
            "scenario": first.scenario.model_dump(mode="json"),
            "episodes": len(first.episode_costs),
            "seed": first.seed,
            "policies": {name: result.to_dict() for name, result in self.results.items()},
        }
        return dict(without_nan(document))

    def __str__(self) -> str:
        """The tables as plain text."""
        text = io.StringIO()
        Console(file=text, width=120).print(*self.tables())
        return text.getvalue()


def resilience(
    policy: Policy | str | Mapping[str, Policy | str] | Sequence[Policy | str],
    scenario: ScenarioSource = "r2",
    *,
    episodes: int = 100,
    seed: int = 0,
    **overrides: Any,
) -> ResilienceComparison:
    """Run policies on disturbed paths, and on the same paths without the disruptions.

    The policies are made for the calm scenario, and meet the disruptions unwarned.

    Args:
        policy: a policy or the name of one, or several, as `scenv.evaluate` takes them.
        scenario: name, path, mapping, graph or Scenario; with disruptions.
        episodes: number of paths.
        seed: of the paths, a whole number of at least 0.
        **overrides: fields of the scenario, e.g. `disruptions="storm"`.

    Returns:
        A `ResilienceComparison`: for each policy a `Resilience`.

    Raises:
        ScenarioError: as `scenv.evaluate` does, and for a scenario without disruptions.
        ActionError: as `scenv.evaluate` does.
        PolicyError: as `scenv.evaluate` does.

    Example:
        >>> result = resilience("base-stock", "bg", disruptions="source-closed", episodes=10)
        >>> result["base-stock"].cost.ratio > 1
        True
    """
    episodes, seed = whole_number(episodes, "episodes", 1), whole_number(seed, "seed", 0)
    disturbed = load_scenario(scenario, **overrides)
    check_disturbed(disturbed.disruptions)
    calm = load_scenario(disturbed, disruptions=[])
    if isinstance(policy, str) or not isinstance(policy, Mapping | Sequence):
        policy = [policy]
    results = {}
    for name, made in policies_for(policy, calm, "resilience").items():
        usual, hit = Trace(calm, episodes), Trace(disturbed, episodes)
        results[name] = Resilience(
            calm=run_policy(name, made, calm, episodes, seed, usual),
            disturbed=run_policy(name, made, disturbed, episodes, seed, hit),
            calm_trace=usual,
            disturbed_trace=hit,
        )
    return ResilienceComparison(results)
