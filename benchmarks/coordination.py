"""What coordination is worth: whose costs firms minimise, what they see, and what they may order, apart.

    python -m benchmarks.coordination

trains method hdpo, which descends exact gradients, for every network, lead time, variant and seed that is not trained
yet (a finished run in --runs is not trained again, an interrupted one goes on), evaluates the *last* policies of each
(the best ones would be chosen by everybody's cost, which a selfish firm does not do), and writes
results/coordination.json, .md and .png. About a minute a run on one core.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.coordination_report import draw, report
from benchmarks.hdpo_runs import MAIN_LEAD_TIME, command_line, trained
from pmarl_trainer.runs.evaluate import evaluate_run
from scenv_paper.provenance import provenance

#: What is trained: name -> settings of the section train.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "own": {"cost_scope": "own"},
    "neighbours": {"cost_scope": "neighbours"},
    "network": {"cost_scope": "network"},
    "free": {"order_range": "free"},
    "see_all": {"policy_input": "global"},
}
INCENTIVES = ("own", "neighbours", "network")
#: Gradient steps; 400, the default, gain a few per cent more (results/near_optimal.md).
STEPS = 150


def cells(args: Any) -> Iterator[tuple[str, int, str, int]]:
    """(network, lead time, variant, seed), the most telling first, so that an interrupted benchmark still says much."""
    leads = sorted(args.lead_times, key=lambda lead: (lead != MAIN_LEAD_TIME, lead))
    for lead in leads:
        for seed in range(args.seeds):
            for variant in INCENTIVES:
                for network in args.networks:
                    yield network, lead, variant, seed
        if lead == MAIN_LEAD_TIME:
            for variant in [name for name in VARIANTS if name not in INCENTIVES]:
                for seed in range(args.seeds):
                    for network in args.networks:
                        yield network, lead, variant, seed


def run(folder: Path, network: str, lead_time: int, variant: str, seed: int) -> None:
    """Train the cell's run, as far as need be, and evaluate its last policies."""
    settings = {
        "seed": str(seed),
        "rollouts": str(STEPS),
        "evaluation_interval": "50",
        "checkpoint_interval": "50",
        **VARIANTS[variant],
    }
    config = trained(folder, network, lead_time, settings)
    if not (folder / "last.json").exists():
        evaluate_run(config, folder, which="last", out=folder / "last.json", table=False)


def measure(args: Any) -> None:
    """Run all cells; the files are written anew after each that is trained."""
    entries: list[dict[str, Any]] = []
    for network, lead_time, variant, seed in cells(args):
        folder = args.runs / f"{network}-{lead_time}-{variant}-{seed}"
        if not args.finished:
            run(folder, network, lead_time, variant, seed)
        elif not (folder / "last.json").exists():
            continue
        found = json.loads((folder / "last.json").read_text(encoding="utf-8"))
        training = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["training"]
        reference = found["policies"]["base_stock"]["episodes"]
        place = {"network": network, "lead_time": lead_time, "variant": variant, "seed": seed}
        costs = {"episodes": _rounded(found["policies"]["hdpo"]["episodes"]), "base_stock": _rounded(reference)}
        entries.append({**place, "seconds": training["seconds"], **costs})
        if not args.finished:
            write(entries, args.out, args.trained_at)
    write(entries, args.out, args.trained_at)


def _rounded(costs: list[float]) -> list[float]:
    """To a tenth, of costs of thousands."""
    return [round(cost, 1) for cost in costs]


def write(entries: list[dict[str, Any]], out: Path, trained_at: str | None) -> None:
    """All files, from what is measured so far."""
    source = provenance(("numpy", "torch"))
    document = {"provenance": source, "trained_at": trained_at or source["commit"], "steps": STEPS, "runs": entries}
    out.mkdir(parents=True, exist_ok=True)
    (out / "coordination.json").write_text(json.dumps(document) + "\n", encoding="utf-8")
    (out / "coordination.md").write_text(report(document), encoding="utf-8")
    draw(document, out / "coordination.png")


def main() -> None:
    """Train, evaluate, write."""
    parser = command_line(__doc__, "runs/coordination")
    parser.add_argument("--seeds", default=3, type=int)
    parser.add_argument("--trained-at", metavar="COMMIT", help="with --finished: where the runs come from")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
