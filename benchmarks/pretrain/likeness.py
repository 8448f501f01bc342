"""How much the networks of `scenv.generators.layered` look like real ones: results/layered.md.

    python -m benchmarks.pretrain.likeness --chains FOLDER

FOLDER holds the data set of Willems (2008), NN.csv. The random networks are those that the policy is trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

import scenv
from benchmarks.pretrain.worlds import random_scenario
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parents[1] / "results"
DRAWN = 400


def _cost_steps(network: scenv.Network) -> np.ndarray:
    """Holding cost over the supplier's, link by link."""
    return network.holding_cost[network.customer] / np.maximum(network.holding_cost[network.supplier], 1e-9)


def _stages(network: scenv.Network) -> np.ndarray:
    return np.array([network.stages[agent] for agent in network.agents])


FACTS: Mapping[str, Callable[[scenv.Network], float]] = {
    "firms": lambda network: len(network.agents),
    "stages": lambda network: _stages(network).max() + 1,
    "links per firm": lambda network: len(network.edges) / len(network.agents),
    "retailers, share of firms": lambda network: len(network.retailers) / len(network.agents),
    "sources, share of firms": lambda network: len(network.sources) / len(network.agents),
    "suppliers of a firm that has some, mean": lambda network: network.in_degree[network.in_degree > 0].mean(),
    "suppliers, most": lambda network: network.in_degree.max(),
    "customers of a firm that has some, mean": lambda network: network.out_degree[network.out_degree > 0].mean(),
    "customers, most": lambda network: network.out_degree.max(),
    "complexity, bits": lambda network: network.complexity,
    "holding cost over the supplier's, median link": lambda network: float(np.median(_cost_steps(network))),
    "holding cost, largest over median": lambda network: network.holding_cost.max() / np.median(network.holding_cost),
}


def table(real: Sequence[scenv.Network], drawn: Sequence[scenv.Network]) -> list[str]:
    """Median, and the middle 80 %, of every fact."""
    lines = ["| | real chains: median (10 to 90 %) | layered: median (10 to 90 %) |", "| --- | ---: | ---: |"]
    for name, fact in FACTS.items():
        cells = []
        for networks in (real, drawn):
            low, middle, high = np.quantile([fact(network) for network in networks], (0.1, 0.5, 0.9))
            cells.append(f"{middle:.3g} ({low:.3g} to {high:.3g})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", required=True, type=Path, help="folder of the Willems (2008) data set")
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    files = sorted(args.chains.glob("[0-9][0-9].csv"))
    real = [scenv.load_network(path) for path in files]
    rng = np.random.default_rng(0)
    drawn = [random_scenario(rng).network for _ in range(DRAWN)]
    about = provenance()
    text = [
        "# Layered random networks beside real ones",
        "",
        f"{len(real)} chains of Willems (2008), {', '.join(path.stem for path in files)}, and {DRAWN} networks like "
        f"those that the pretrained policy was trained on. `{about['command']}`, commit {about['commit']}.",
        "",
        *table(real, drawn),
        "",
    ]
    (args.out / "layered.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
