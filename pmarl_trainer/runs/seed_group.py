"""The folder of a run of several seeds (`pmarl-train --seeds`): a run folder for each seed, and what they say together.

seeds.json when it starts: the seeds; summary.json, learning_curves.png and report.html when it is done. Every run is a
process with one thread, so each learns exactly what it would learn alone with `threads=1`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.runs.facts import describe_run
from pmarl_trainer.runs.group_summary import summarise
from pmarl_trainer.runs.report import write_json
from pmarl_trainer.runs.seed_processes import SeedProcesses
from pmarl_trainer.training.observer import Callback


def begin(config: RunConfig, folder: Path, seeds: int, spec: EnvSpec) -> None:
    """Write a run folder for each of so many seeds from the configuration's on, and which they are."""
    train = config.train
    threads = 1 if train.threads == "auto" else train.threads
    numbers = range(train.seed, train.seed + seeds)
    for seed in numbers:
        place = folder / f"s{seed}"
        place.mkdir()
        own = train.model_copy(update={"seed": seed, "threads": threads})
        describe_run(config.model_copy(update={"train": own}), spec, place)
    write_json(folder / "seeds.json", {"seeds": list(numbers)})


def folders(folder: Path) -> list[Path] | None:
    """The runs' folders, by seed; None if `folder` is not of several seeds.

    Raises:
        CheckpointError: if seeds.json is damaged.
    """
    path = folder / "seeds.json"
    if not path.exists():
        return None
    try:
        return [folder / f"s{int(seed)}" for seed in json.loads(path.read_text(encoding="utf-8"))["seeds"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f'{path}: expected {{"seeds": [...]}} ({error})') from error


def refuse_group(folder: Path) -> None:
    """Refuse a group where one run is wanted, and name the runs inside."""
    places = folders(folder)
    if places is not None:
        names = ", ".join(place.name for place in places[:8]) + (", ..." if places[8:] else "")
        raise CheckpointError(f"{folder}: holds the runs of {len(places)} seeds ({names}); give one, e.g. {places[0]}")


def go_on(folder: Path, *, quiet: bool, callbacks: Sequence[Callback] = ()) -> bool:
    """Train every run of the group from where it stands, then say how they did together; False if interrupted."""
    places = folders(folder) or []
    if not SeedProcesses(places, quiet=quiet, callbacks=callbacks).run():
        return False
    summarise(folder, places)
    return True
