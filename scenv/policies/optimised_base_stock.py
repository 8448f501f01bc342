"""Optimised base stock: the best constant levels there are, found by simulation."""

from __future__ import annotations

import importlib.util
from typing import Any, Literal

from scenv.errors import ScenarioError, ScenvError
from scenv.policies.base_stock import BaseStock
from scenv.policies.best_levels import best_levels
from scenv.policies.decomposition_aggregation import decomposition_aggregation_levels
from scenv.policies.level_search import LevelSearch, search_by_cma, search_by_gradient
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import extensions
from scenv.scenario.scenario import Scenario

Method = Literal["auto", "gradient", "cma"]


class OptimisedBaseStock(BaseStock):
    """Base stock at the levels of least simulated cost: what a learner has to beat.

    A learner that beats the formulas (`BaseStock`, `DecompositionAggregation`) may merely have found better constants.
    These levels know the scenario's costs, horizon and initial state as a learner does, and answer to nothing but the
    inventory position. For bg, r1, r2 and r3 as they come, at shipment lead times 1, 2 and 3, the levels are on record
    (`scenv.policies.best_levels`); elsewhere making the policy takes seconds (four firms) to minutes (27 firms), and
    shows how far it is. `save` keeps the result, and `BaseStock.from_file` reads it.

    Attributes:
        method: where the levels come from, "recorded", "gradient" or "cma".
    """

    def __init__(
        self,
        scenario: Any = "r2",
        *,
        method: Method = "auto",
        episodes: int | None = None,
        seed: int | None = None,
        **search: Any,
    ) -> None:
        """Take the levels on record, or search from the levels of decomposition-aggregation.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            method: "gradient" through the torch simulator, "cma" (CMA-ES, library `cma`), or "auto": no search where
                levels are on record and no other argument is given, else the gradient where torch is installed; with
                least orders, lots, fixed costs of orders or whole units, CMA-ES where cma is.
            episodes: number of demand paths to minimise the mean cost of, by default 128.
            seed: of these paths, by default 20000; evaluate on other ones.
            **search: further arguments of `scenv.policies.level_search.search_by_gradient` or `search_by_cma`.

        Raises:
            ScenarioError: for an unknown method or fewer than one episode.
            ScenvError: if the library that the method needs (for "auto": either) is not installed.
        """
        scenario = load_scenario(scenario)
        if method not in ("auto", "gradient", "cma"):
            raise ScenarioError(f"method must be 'auto', 'gradient' or 'cma', got {method!r}")
        if episodes is not None and episodes < 1:
            raise ScenarioError(f"episodes must be at least 1, got {episodes}")
        levels = best_levels(scenario) if method == "auto" and not search and episodes is seed is None else None
        self.method: str = "recorded"
        if levels is None:
            self.method = _available_method(scenario) if method == "auto" else method
            start = decomposition_aggregation_levels(scenario)
            task = LevelSearch(scenario, start, episodes or 128, 20_000 if seed is None else seed)
            find = search_by_gradient if self.method == "gradient" else search_by_cma
            levels = dict(zip(scenario.network.agents, find(task, **search).tolist(), strict=True))
        super().__init__(scenario, levels=levels)


#: What is a step in what firms order or pay: the gradient passes least orders, lots and whole units as if they were not
#: there, and knows nothing of the fixed cost of an order.
_STEPS = {"minimum_order", "lot_size", "order_cost", "whole_units"}


def _available_method(scenario: Scenario) -> Method:
    methods: list[tuple[str, Method]] = [("torch", "gradient"), ("cma", "cma")]
    if _STEPS & set(extensions(scenario)):
        methods.reverse()
    for library, method in methods:
        if importlib.util.find_spec(library):
            return method
    raise ScenvError(
        'optimised base stock needs PyTorch (pip install "scenv[train]") or cma (pip install "scenv[optimise]")'
    )
