"""Echelon base stock for serial systems, by default at the Clark-Scarf optimum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenv.policies.base import per_firm
from scenv.policies.base_stock import BaseStock
from scenv.scenario.files import load_scenario
from scenv.theory.serial_optimum import local_from_echelon, serial_chain, serial_optimum


class EchelonBaseStock(BaseStock):
    """Order what lifts the echelon inventory position, of the firm and everything downstream of it, to a level S_j.

    A firm learns of the demand downstream through its customer's orders, and its echelon position is the one that
    these tell of. So the rule is exactly a local base stock at the differences of the nested echelon levels (Axsäter &
    Rosling 1993, see `scenv.serial_optimum`), and needs no more than local observations; that is how it is carried out.

    Attributes:
        echelon_levels: S_j, [N] units, in the order of the network's agents.
        levels: the local levels that do the same, [N] units.
    """

    def __init__(self, scenario: Any = "bg", *, levels: Mapping[str, float] | None = None) -> None:
        """Levels as given (firm -> echelon level, units), or the optimal ones.

        Raises:
            ScenarioError: if the network is not serial, `levels` does not name every firm once, or, without `levels`,
                the optimum is not known for this scenario (see `serial_optimum`).
        """
        scenario = load_scenario(scenario)
        chain = serial_chain(scenario.network)
        if levels is None:
            levels = serial_optimum(scenario).echelon_levels
        self.echelon_levels = per_firm(levels, scenario.network, "levels")
        local = local_from_echelon(self.echelon_levels[chain].tolist())
        names = [scenario.network.agents[i] for i in chain]
        super().__init__(scenario, levels=dict(zip(names, local, strict=True)))
