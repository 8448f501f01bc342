"""marl_eval.json: a run's evaluations in the schema that marl-eval reads, as BenchMARL writes it.

{environment: {task: {algorithm: {seed: {step_0: {step_count, elapsed_time, return: [...]}, ..., absolute_metrics:
{return: [...]}}}}}} with one number per evaluation episode. Files of several runs are merged by merging these mappings.
https://github.com/instadeepai/marl-eval (R. Gorsane et al., "Towards a standardised performance evaluation protocol for
cooperative MARL", 2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.runs.evaluation_log import read_evaluations


def marl_eval_record(config: RunConfig, folder: Path, record: Mapping[str, Any], max_steps: int) -> dict[str, Any]:
    """The document for one run.

    Args:
        config: the run's.
        folder: where its evaluations.jsonl lies.
        record: its final evaluation, as in evaluation.json: the absolute metrics.
        max_steps: environment steps of an episode.

    Returns:
        Plain data. `return` is larger for better: where the environment has costs, minus `cost`, which is there too.
    """
    train, entry = config.train, config.env.entry
    algorithm = train.method if train.preset == "default" else f"{train.method}-{train.preset}"
    steps: dict[str, Any] = {
        f"step_{k}": {
            "step_count": int(row["episodes"]) * max_steps,
            "elapsed_time": row["seconds"],
            **_metrics(record["metric"], row["totals"]),
        }
        for k, row in enumerate(read_evaluations(folder))
    }
    own = next(policy for policy in record["policies"].values() if policy["name"] == record["method"])
    steps["absolute_metrics"] = _metrics(record["metric"], own["episodes"])
    task = str(config.env.arguments.get("scenario", entry.partition(":")[2]))
    return {entry.partition(":")[0]: {task: {algorithm: {f"seed_{train.seed}": steps}}}}


def _metrics(metric: str, totals: Sequence[float]) -> dict[str, list[float]]:
    if metric == "cost":
        return {"return": [-total for total in totals], "cost": list(totals)}
    return {"return": list(totals)}
