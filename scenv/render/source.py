"""What to show of a network that may lack costs: looking at it should not need a complete scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.network.network import load_network
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario

__all__ = ["scenario_to_show"]


def scenario_to_show(source: Any, **overrides: Any) -> tuple[Scenario, bool]:
    """A scenario of anything that `load_scenario` takes, also of a bare network.

    Returns:
        (the scenario, whether its costs mean something): a network file or graph without costs gets the preset
        "uniform", to be shown as "not given".

    Raises:
        ScenvError: where the source cannot be used for another reason.
    """
    try:
        return load_scenario(source, **overrides), True
    except ScenarioError:
        is_yaml = isinstance(source, (str, Path)) and Path(source).suffix.lower() in (".yaml", ".yml")
        if "costs" in overrides or is_yaml or isinstance(source, (Mapping, Scenario)):
            raise
        network = load_network(source)
        if not np.isnan(network.holding_cost).any():
            raise
        return load_scenario(network, **overrides, costs="uniform"), False
