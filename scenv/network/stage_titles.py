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

    A stage whose firms carry another common label in the network file is called by it, one without by its number. A
    retailer is a firm that meets external demand, in whichever stage it stands: where the first stage is not all of
    them, its title says that it means the stage.
    """
    sizes = Counter(network.stages.values())
    names: dict[int, set[str | None]] = {stage: set() for stage in range(max(sizes) + 1)}
    for agent, stage in network.stages.items():
        names[stage].add(network.stage_names.get(agent))
    titles = []
    for stage, found in names.items():
        label = next(iter(found)) if len(found) == 1 else None
        name, count = _FULL.get(str(label)), sizes[stage]
        if name == "Retailer" and count != len(network.retailers) - len(network.selling_depots):
            titles.append(f"Retail stage ({count})")
        elif name is None and label:
            titles.append(f"{label}" + f" ({count})" * (count > 1))
        elif name is None:
            titles.append(f"Stage {stage}" + f" ({count})" * (count > 1))
        else:
            titles.append(name if count == 1 else f"{count} {name.lower()}s")
    return titles
