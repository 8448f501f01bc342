"""Whether a batch of episodes fits into this machine's memory, asked before anything is allocated."""

from __future__ import annotations

import os
from pathlib import Path

from scenv.errors import ScenarioError
from scenv.network.order_links import order_links
from scenv.scenario.disruptions import Closure, Delay, DemandShock
from scenv.scenario.implied import lead_time_distribution, longest_delay
from scenv.scenario.scenario import Scenario
from scenv.simulation.observation import LOCAL_STATE_SIZE

__all__ = ["check_memory", "memory_of_batch", "memory_of_machine"]

_NUMBER = 8  # bytes


def memory_of_batch(scenario: Scenario, num_envs: int) -> int:
    """About how many bytes `num_envs` episodes take at once: what is drawn ahead for all periods, the pipelines, and
    the observations with their history.
    """
    network, links = scenario.network, order_links(scenario.network)
    lead = {leg: [lead_time_distribution(scenario, leg, *link) for link in links] for leg in ("order", "shipment")}
    delay = longest_delay(scenario)
    slots = sum(max(link.longest for link in own) for own in lead.values()) + delay
    ahead = 3 * _NUMBER * len(network.retailers)  # uniform numbers, what is made of them on the way, and the demand
    for leg, own in lead.items():
        random = sum(not link.is_fixed for link in own)
        if random or (leg == "shipment" and delay):
            ahead += _NUMBER * random + 12 * len(links)  # uniform numbers, then lead times of 4 bytes, copied twice
    for kind, size, targets in (
        (Closure, 1, len(network.agents)),
        (Delay, 4, len(links)),
        (DemandShock, 8, len(network.retailers)),
    ):
        if any(isinstance(disruption, kind) for disruption in scenario.disruptions):
            ahead += 2 * size * targets
    observed = 4 * LOCAL_STATE_SIZE * (scenario.history + 1) * len(network.agents)
    rewards = _NUMBER * (scenario.reward_window + 1) * len(network.agents)
    return num_envs * (scenario.horizon * ahead + 2 * observed + rewards + _NUMBER * slots * len(links))


def memory_of_machine() -> int | None:
    """Bytes of memory here, or what a container allows of it; None where the system does not say."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return None
    try:
        return min(installed, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file, or "max"
        return installed


def check_memory(scenario: Scenario, num_envs: int) -> None:
    """Refuse a batch that cannot fit.

    Raises:
        ScenarioError: saying how much it needs and how much there is.
    """
    needed, there = memory_of_batch(scenario, num_envs), memory_of_machine()
    if there is not None and needed > there:
        raise ScenarioError(
            f"{num_envs:,} episodes of {scenario.horizon:,} periods at once need {_gigabytes(needed)} GB, this machine "
            f"has {_gigabytes(there)}; take fewer at a time, or a shorter horizon"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.0f}" if size >= 1e10 else f"{size / 1e9:.1f}"
