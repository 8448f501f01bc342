"""What dividing training among firms costs: CPU time against the trainer of all firms at once, rounds and bytes.

    OMP_NUM_THREADS=1 python -m benchmarks.parties [--networks bg r1 r2 r3] [--rounds 3]

writes results/parties.json and .md. A rollout of the trainer of all firms at once and one of all parties one after the
other (`LocalExchange`, one process) take turns, `--rounds` times after one to warm up, on one thread; the clock is the
process's CPU time, because others may use the machine. One update is a gradient step of hdpo (its episode included), or
of critics and policies of pmarl (its part of the rollout's episode included). Ratios are medians of the rounds' own.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.parties.assembly import secret_of
from pmarl_trainer.parties.factory import make_party, take_seat
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.traffic import Traffic
from pmarl_trainer.training.methods import make_training
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
NETWORKS = ("bg", "r1", "r2", "r3")
METHODS = ("pmarl", "hdpo")
_EXPLAINED = (
    "CPU time of one update (hdpo: a gradient step with its episode; pmarl: with its part of the rollout's",
    "episode), all parties in one process and one thread, against the trainer of all firms at once; medians.",
    "Bytes are those of the numbers on the busiest directed link. The last columns say what an update takes",
    "longer where a message takes 10, 50 or 100 ms from one firm to another: counted rounds times that, a sum",
    "counted twice (there and back). Firms that are far apart compute at the same time.",
)
#: Seconds that a message takes from one firm to another.
DELAYS = (0.01, 0.05, 0.1)


def configuration(network: str, method: str) -> RunConfig:
    """The trainer's defaults, learning from the first rollout on."""
    env = {"entry": "scenv:vector_env", "scenario": network}
    start = {} if method == "hdpo" else {"learning_starts": 0}
    return build_config({"env": env, "train": {}}, "benchmark", method=method, train_device="cpu", **start)


def both(config: RunConfig, folder: Path, traffic: Traffic) -> tuple[Callable[[], int], Callable[[], int], int]:
    """(one rollout of all firms at once, one of the parties, each returning how many updates it made; firms)."""
    env = open_env(config, 1, 0)
    central, central_state = make_training(config, env[1], torch.device("cpu"), folder), RunState()
    exchange = LocalExchange(traffic.watch)
    parties = {
        agent: make_party(take_seat(config, agent, folder / agent, secret=secret_of(config, i), env=env))
        for i, agent in enumerate(env[1].agents)
    }
    states = {agent: RunState() for agent in parties}

    def at_once() -> int:
        before = central_state.updates
        central.improve(central_state)
        central_state.rollout += 1
        return central_state.updates - before

    def divided() -> int:
        before = sum(state.updates for state in states.values())
        exchange.run({agent: party.improve(states[agent]) for agent, party in parties.items()})
        for state in states.values():
            state.rollout += 1
        return (sum(state.updates for state in states.values()) - before) // len(states)

    return at_once, divided, len(parties)


def timed(rollout: Callable[[], int]) -> float:
    """CPU seconds of one update."""
    start = time.process_time()
    updates = rollout()
    return (time.process_time() - start) / updates


def measure(network: str, method: str, rounds: int) -> dict[str, Any]:
    """One line of the table."""
    traffic = Traffic()
    with tempfile.TemporaryDirectory() as folder:
        at_once, divided, firms = both(configuration(network, method), Path(folder), traffic)
        at_once()
        updates = divided()
        one_rollout = copy.deepcopy(traffic)
        times = [(timed(at_once), timed(divided)) for _ in range(rounds)]
    return {
        "network": network,
        "method": method,
        "firms": firms,
        "updates_per_rollout": updates,
        "central_seconds": statistics.median(one for one, _ in times),
        "divided_seconds": statistics.median(other for _, other in times),
        "ratio": statistics.median(other / one for one, other in times),
        "rounds_per_rollout": dict(one_rollout.rounds),
        "bytes_per_update_on_the_busiest_link": one_rollout.busiest_link / updates,
        "seconds_by_delay": {str(delay): one_rollout.waited(delay) / updates for delay in DELAYS},
    }


def report(record: dict[str, Any]) -> str:
    """The results as a page."""
    facts, rows = record["provenance"], record["rows"]
    where = f"`{facts['command']}`, commit {facts['commit']}, {facts['machine']}."
    head = "network | firms | method | all at once, ms | divided, ms | ratio | kB a link and update"
    lines = ["# Training divided among firms", "", where, *_EXPLAINED, ""]
    lines += [
        f"| {head} | +10 ms | +50 ms | +100 ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        waits = " | ".join(f"{seconds:.2f} s" for seconds in row["seconds_by_delay"].values())
        lines.append(
            f"| {row['network']} | {row['firms']} | {row['method']} | {1e3 * row['central_seconds']:.0f} | "
            f"{1e3 * row['divided_seconds']:.0f} | {row['ratio']:.1f} | "
            f"{row['bytes_per_update_on_the_busiest_link'] / 1e3:.0f} | {waits} |"
        )
    lines += ["", "Rounds of one rollout:", "", "| network | method | updates | rounds |", "| --- | --- | --- | --- |"]
    for row in rows:
        rounds_of = ", ".join(f"{count} {kind}" for kind, count in row["rounds_per_rollout"].items())
        lines.append(f"| {row['network']} | {row['method']} | {row['updates_per_rollout']} | {rounds_of} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for network in options.networks:
        for method in options.methods:
            rows.append(measure(network, method, options.rounds))
            print(json.dumps(rows[-1]), flush=True)
    record = {"provenance": provenance(("torch", "numpy")), "rows": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "parties.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (options.out / "parties.md").write_text(report(record), encoding="utf-8")


if __name__ == "__main__":
    main()
