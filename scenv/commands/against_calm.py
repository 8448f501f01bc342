"""`scenv evaluate --against calm`: what disruptions do, path by path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scenv.commands.console import output_console, write_comparisons
from scenv.drawing.canvas import save
from scenv.errors import ScenvError
from scenv.evaluation.against_calm import resilience
from scenv.evaluation.resilience import check_disturbed
from scenv.evaluation.resilience_table import resilience_tables
from scenv.scenario.scenario import Scenario

__all__ = ["compare_with_calm"]

_KEY = (
    "All against the same paths without the disruptions. Costs ± half of the 95 % interval; CVaR 5 %: the worst "
    "twentieth of paths; tail: cost beyond calm after recovery, in periods of it. Service lost: area between the "
    "curves of end demand served at once, in periods; survives, recovers: median periods from the onset until service "
    "suffers, and until it no longer does (open: not by the end); reached: firms, and "
    "stages, that owe more without being hit, and how many links away."
)


def compare_with_calm(
    policies: Sequence[str],
    variants: Mapping[str, Scenario],
    title: str,
    episodes: int,
    seed: int,
    json_file: Path | None,
    plot: Path | None,
) -> None:
    """Run the policies on each variant of the scenario, disturbed and calm; print, write and draw what was found.

    Raises:
        ScenvError: for a scenario without disruptions, an unsuitable policy, or a picture of several variants.
    """
    for variant in variants.values():
        check_disturbed(variant.disruptions)
    if plot is not None and len(variants) > 1:
        raise ScenvError("--plot: draws one lead time with --against calm; leave out --lead-times or name one")
    found = {label: resilience(policies, variant, episodes=episodes, seed=seed) for label, variant in variants.items()}
    console = output_console()
    console.print(*resilience_tables(found, title))
    console.print(_KEY)
    if json_file is not None:
        write_comparisons(json_file, found)
    if plot is not None:
        save(next(iter(found.values())).plot(), plot)
