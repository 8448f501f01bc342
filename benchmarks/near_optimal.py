"""How near the best a decentralised policy can come: method hdpo of the trainer on every network.

    python -m benchmarks.near_optimal

trains what is not yet trained (a finished run in --runs is not trained again, an interrupted one goes on), evaluates
every run on the classical policies' demand paths, and writes results/near_optimal.json, results/near_optimal.md and,
for each network and lead time, results/near_optimal/NETWORK-LEADTIME.json, which `benchmarks.classical --extra` reads.
About two minutes a run on one core, several times that with global observation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.hdpo_runs import MAIN_LEAD_TIME, command_line, trained
from benchmarks.near_optimal_report import report
from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.runs.evaluate import evaluate_run
from scenv_paper.provenance import provenance

#: The seed and number of the demand paths that benchmarks.classical evaluates on.
PATHS = {"seed": 0, "episodes": 100}
#: What is trained: name -> settings of the section train. `nearest` is `local`, played with the nearest action.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "local": {},
    "straight_through": {"adjustment": "straight_through"},
    "free": {"order_range": "free"},
    "global": {"policy_input": "global"},
}


def cells(args: Any) -> Iterator[tuple[str, int, str]]:
    """(network, lead time, variant), the most telling first, so that an interrupted benchmark still says much."""
    for network in args.networks:
        yield network, MAIN_LEAD_TIME, "local"
    for variant in [name for name in args.variants if name != "local"]:
        for network in args.networks:
            yield network, MAIN_LEAD_TIME, variant
    for lead_time in [lead for lead in args.lead_times if lead != MAIN_LEAD_TIME]:
        for network in args.networks:
            yield network, lead_time, "local"


def measured(config: RunConfig, folder: Path, **switch: str) -> dict[str, Any]:
    """The run's best policies on the classical policies' paths, relative to base-stock."""
    document = config.model_dump(mode="json")
    document["train"] |= switch
    out = folder / f"near_optimal{'-'.join(['', *switch.values()])}.json"
    if not out.exists():
        evaluate_run(build_config(document, str(folder)), folder, out=out, **PATHS)
    found = json.loads(out.read_text())["policies"]["hdpo"]
    return {key: found[key] for key in ("mean", "ci95", "ratio", "ratio_ci95", "episodes")}


def measure(args: Any) -> list[dict[str, Any]]:
    """One entry a policy: where it was trained, what it costs, how long it took."""
    entries = []
    for network, lead_time, variant in cells(args):
        folder = args.runs / f"{network}-{lead_time}-{variant}"
        if args.finished and not (folder / "evaluation.json").exists():
            continue
        config = trained(folder, network, lead_time, VARIANTS[variant])
        training = json.loads((folder / "evaluation.json").read_text())["training"]
        place = {"network": network, "lead_time": lead_time, "training": training}
        entries.append({**place, "variant": variant, **measured(config, folder)})
        if variant == "local":
            entries.append({**place, "variant": "nearest", **measured(config, folder, adjustment="nearest")})
        write(entries, args.out)
    return entries


def write(entries: list[dict[str, Any]], out: Path) -> None:
    """All files, from what is measured so far."""
    (out / "near_optimal").mkdir(parents=True, exist_ok=True)
    for entry in entries:
        if entry["variant"] == "local":
            path = out / "near_optimal" / f"{entry['network']}-{entry['lead_time']}.json"
            path.write_text(json.dumps({"seed": PATHS["seed"], "episode_costs": entry["episodes"]}) + "\n")
    kept = [{key: value for key, value in entry.items() if key != "episodes"} for entry in entries]
    document = {"provenance": provenance(("numpy", "torch")), **PATHS, "policies": kept}
    (out / "near_optimal.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "near_optimal.md").write_text(report(document), encoding="utf-8")


def main() -> None:
    """Train, evaluate, write."""
    parser = command_line(__doc__, "runs/near_optimal")
    parser.add_argument("--variants", default=tuple(VARIANTS), type=lambda text: text.split(","))
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
