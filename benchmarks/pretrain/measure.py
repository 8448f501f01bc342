"""What the shipped policy pays on networks that it was never trained on: results/pretrained.json, .md and .png.

    python -m benchmarks.pretrain.measure [--chains FOLDER]

FOLDER holds the data set of Willems (2008), NN.csv; without it, the built-in networks alone are measured. All policies
of a row meet the same 100 demand paths (seed 0); no training path is among them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import scenv
from benchmarks.pretrain.measure_report import picture, report
from benchmarks.pretrain.tune import tuned
from scenv.policies.best_levels import best_levels
from scenv.policies.pretrained import WEIGHTS, Pretrained
from scenv.policies.registry import make_policy
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parents[1] / "results"
PATHS = {"seed": 0, "episodes": 100}
BUILT_IN = ("bg", "r1", "r2", "r3")
LEAD_TIMES = (1, 2, 3)
#: Beside the networks as they come, at shipment lead time 2: name -> fields of the scenario.
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "backorder = holding cost": {"costs": {"backorder_ratio": 1}},
    "backorder = 5 holding cost": {"costs": {"backorder_ratio": 5}},
    "backorder = 10 holding cost": {"costs": {"backorder_ratio": 10}},
    "uniform costs": {"costs": "uniform"},
    "negative binomial, std 1.5 times Poisson's": {"overdispersed": 1.5},
    "negative binomial, std 2.5 times Poisson's": {"overdispersed": 2.5},
}
STEPS = (1, 5, 20, 100)  # unless --steps says otherwise
#: Larger networks are evaluated on fewer paths: memory and time.
LARGE = 1000


def scenario_of(source: str, **fields: Any) -> scenv.Scenario:
    """A scenario; `overdispersed` makes its Poisson demand negative binomial, its deviation so many times as large."""
    times = fields.pop("overdispersed", None)
    scenario = scenv.load_scenario(source, **fields)
    if times is None:
        return scenario
    mean = scenario.demand.moments(scenario.retailer_names)[0]
    means = dict(zip(scenario.retailer_names, mean.tolist(), strict=True))
    stds = {name: times * value**0.5 for name, value in means.items()}
    return scenv.load_scenario(scenario, demand={"kind": "negative_binomial", "mean": means, "std": stds})


def paid(
    scenario: scenv.Scenario, more: Mapping[str, Any] | None = None, episodes: int = PATHS["episodes"]
) -> dict[str, Any]:
    """What each policy costs relative to base-stock, with the 95 % interval of the ratio."""
    policies: dict[str, Any] = {"base-stock": "base-stock", "decomposition-aggregation": "decomposition-aggregation"}
    if best_levels(scenario) is not None:
        policies["optimised-base-stock"] = "optimised-base-stock"
    policies |= {"pretrained": "pretrained"} if more is None else more
    firms = len(scenario.network.agents)
    episodes = episodes if firms < LARGE else 20
    made = {name: make_policy(p, scenario) if isinstance(p, str) else p for name, p in policies.items()}
    both = scenv.evaluate(made, scenario, episodes=episodes, seed=PATHS["seed"])
    found = {name: both.difference(name) for name in list(made)[1:]}
    ratios = {name: [one.ratio, (one.ratio_ci95[1] - one.ratio_ci95[0]) / 2] for name, one in found.items()}
    return {
        "firms": firms,
        "edges": len(scenario.network.edges),
        "base_stock_cost": both["base-stock"].mean,
        "ratios": ratios,
    }


def zero_shot(chains: Path | None) -> Iterator[dict[str, Any]]:
    """One entry a network and lead time; then the built-in networks under other costs and demand."""
    sources = {name: name for name in BUILT_IN}
    if chains is not None:
        sources |= {f"chain {path.stem}": str(path) for path in sorted(chains.glob("[0-9][0-9].csv"))}
        for twin in ("chain 03", "chain 04", "chain 05"):  # r1, r2, r3
            sources.pop(twin, None)
    for name, source in sources.items():
        for lead_time in LEAD_TIMES:
            scenario = scenario_of(source, shipment_lead_time=lead_time)
            yield {"network": name, "lead_time": lead_time, "setting": "", **paid(scenario)}
    for setting, fields in OTHERS.items():
        for name in BUILT_IN:
            yield {"network": name, "lead_time": 2, "setting": setting, **paid(scenario_of(name, **fields))}


def larger(count: int) -> Iterator[dict[str, Any]]:
    """Random networks of 20 to 300 firms, up to five times the largest of training, with costs that differ more."""
    rng = np.random.default_rng(77)
    for number in range(count):
        firms = int(np.exp(rng.uniform(np.log(20), np.log(300))))
        network = scenv.generators.layered(
            firms, int(rng.integers(2, 11)), int(rng.integers(2**31)), cost_spread=float(rng.uniform(0, 4))
        )
        fields = {"shipment_lead_time": int(rng.integers(1, 4)), "demand": float(rng.choice([2, 8, 30]))}
        stages = max(network.stages.values()) + 1
        found = paid(scenv.load_scenario(network, **fields), episodes=20)
        yield {"network": f"random {number}", "stages": stages, **fields, **found}


def with_steps(place: Path, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The built-in networks after a few gradient steps on each, from the shipped parameters and from scratch."""
    for name in BUILT_IN:
        scenario, policies = scenv.load_scenario(name), {}
        for init in (WEIGHTS, None):
            for steps in numbers:
                path = place / f"{name}-{'pretrained' if init else 'scratch'}-{steps}.safetensors"
                save_file(tuned(scenario, steps, init=init), path)
                policies[f"{'pretrained' if init else 'scratch'} {steps}"] = Pretrained(scenario, weights=path)
        yield {"network": name, **paid(scenario, policies)}


def elsewhere(place: Path, steps: int) -> Iterator[dict[str, Any]]:
    """What was learned from scratch on one built-in network, on all of them: the files are `with_steps`'."""
    for name in BUILT_IN:
        scenario = scenv.load_scenario(name)
        weights = {f"on {other}": place / f"{other}-scratch-{steps}.safetensors" for other in BUILT_IN}
        policies = {key: Pretrained(scenario, weights=path) for key, path in weights.items()}
        yield {"network": name, **paid(scenario, {**policies, "pretrained": "pretrained"})}


def hdpo() -> dict[str, float]:
    """NETWORK-LEADTIME -> what method hdpo pays after its 400 steps on the network itself (near_optimal.json)."""
    recorded = json.loads((RESULTS / "near_optimal.json").read_text())["policies"]
    return {f"{row['network']}-{row['lead_time']}": row["ratio"] for row in recorded if row["variant"] == "local"}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=Path, help="folder of the Willems (2008) data set")
    parser.add_argument("--steps", default=STEPS, type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--random", default=60, type=int, help="how many larger random networks")
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    document: dict[str, Any] = {
        "provenance": provenance(("numpy", "torch")),
        "weights": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "hdpo": hdpo(),
    }
    with tempfile.TemporaryDirectory() as folder:
        tables = {
            "zero_shot": zero_shot(args.chains),
            "larger": larger(args.random),
            "tuned": with_steps(Path(folder), args.steps),
            "elsewhere": elsewhere(Path(folder), max(args.steps)),
        }
        for key, entries in tables.items():
            document[key] = []
            for entry in entries:
                document[key].append(entry)
                print(entry["network"], {k: round(v[0], 3) for k, v in entry["ratios"].items()}, flush=True)
    (args.out / "pretrained.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    picture(document, args.out / "pretrained.png")
    (args.out / "pretrained.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
