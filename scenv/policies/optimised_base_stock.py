"""Optimised base stock: the best constant levels there are, found by simulation."""

from __future__ import annotations

import importlib.util
from typing import Any, Literal

from scenv.errors import ScenarioError, ScenvError
from scenv.policies.base_stock import BaseStock
from scenv.policies.decomposition_aggregation import decomposition_aggregation_levels
from scenv.scenario.files import load_scenario

Method = Literal["auto", "gradient", "cma"]


class OptimisedBaseStock(BaseStock):
    """Base stock at the levels of least simulated cost: what a learner has to beat.

    A learner that beats the formulas (`BaseStock`, `DecompositionAggregation`) may merely have found better constants.
    These levels know the scenario's costs, horizon and initial state as a learner does, and answer to nothing but the
    inventory position. Making the policy takes seconds (beer game) to a minute (27 firms); `save` keeps the result,
    and `BaseStock.from_file` reads it.
    """

    def __init__(
        self, scenario: Any = "r2", *, method: Method = "auto", episodes: int = 128, seed: int = 20_000, **search: Any
    ) -> None:
        """Search from the levels of decomposition-aggregation.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            method: "gradient" through the torch simulator, "cma" (CMA-ES, library `cma`), or "auto": the gradient where
                torch is installed.
            episodes: number of demand paths to minimise the mean cost of.
            seed: of these paths; evaluate on other ones.
            **search: further arguments of `scenv.policies.level_search.search_by_gradient` or `search_by_cma`.

        Raises:
            ScenarioError: for an unknown method or fewer than one episode.
            ScenvError: if the library that the method needs (for "auto": either) is not installed.
        """
        from scenv.policies.level_search import LevelSearch, search_by_cma, search_by_gradient  # it simulates policies

        scenario = load_scenario(scenario)
        if method not in ("auto", "gradient", "cma"):
            raise ScenarioError(f"method must be 'auto', 'gradient' or 'cma', got {method!r}")
        if episodes < 1:
            raise ScenarioError(f"episodes must be at least 1, got {episodes}")
        if method == "auto":
            method = _available_method()
        task = LevelSearch(scenario, decomposition_aggregation_levels(scenario), episodes, seed)
        find = search_by_gradient if method == "gradient" else search_by_cma
        levels = find(task, **search)
        super().__init__(scenario, levels=dict(zip(scenario.network.agents, levels.tolist(), strict=True)))
        self.method = method


def _available_method() -> Method:
    methods: tuple[tuple[str, Method], ...] = (("torch", "gradient"), ("cma", "cma"))
    for library, method in methods:
        if importlib.util.find_spec(library):
            return method
    raise ScenvError(
        'optimised base stock needs PyTorch (pip install "scenv[train]") or cma (pip install "scenv[optimise]")'
    )
