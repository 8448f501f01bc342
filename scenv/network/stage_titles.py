"""What the stages of a network are called in a picture."""

from __future__ import annotations

from collections import Counter

from scenv.network.network import Network

__all__ = ["stage_titles"]

_FULL = {
    "Ret": "Retailer",
    "Whole": "Wholesaler",
    "Dist": "Distributor",
    "Manu": "Manufacturer",
    "Sup": "Supplier",
}


def stage_titles(network: Network) -> list[str]:
    """One title per stage, nearest the customer first: the paper's names (Fig. 4) with the number of firms.

    A stage whose firms have no common name of these is called by its number.
    """
    sizes = Counter(network.stages.values())
    names: dict[int, set[str | None]] = {stage: set() for stage in range(max(sizes) + 1)}
    for agent, stage in network.stages.items():
        names[stage].add(network.stage_names.get(agent))
    titles = []
    for stage, found in names.items():
        name = _FULL.get(str(next(iter(found)))) if len(found) == 1 else None
        count = sizes[stage]
        if name is None:
            titles.append(f"Stage {stage}" + f" ({count})" * (count > 1))
        else:
            titles.append(name if count == 1 else f"{count} {name.lower()}s")
    return titles
