"""pmarl-evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pmarl_trainer.commands import checkpoint_option
from pmarl_trainer.commands.options import TracebackOption, takes
from pmarl_trainer.commands.running import require_torch
from pmarl_trainer.errors import TrainerError


@dataclass(frozen=True)
class EvaluateOptions:
    """What can be said on the command line of `pmarl-evaluate`."""

    run: Annotated[Path, typer.Argument(help="Folder of a run.")]
    episodes: Annotated[
        int | None, typer.Option(min=2, help="How many.", show_default="the run's final_episodes, 100")
    ] = None
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the paths.", show_default="the run's evaluation_seed, 2024")
    ] = None
    checkpoint: checkpoint_option.CheckpointOption = "best"
    out: Annotated[
        Path | None, typer.Option(help="Write only the JSON, and to this new file.", show_default="the run's files")
    ] = None
    traceback: TracebackOption = False


@takes(EvaluateOptions)
def command(options: EvaluateOptions) -> None:
    """Evaluate a trained run and the classical policies on the same paths, and write its report anew.

    Examples:

        pmarl-evaluate runs/r2-pmarl-s0-1

        pmarl-evaluate runs/r2-pmarl-s0-1 --episodes 1000 --seed 7 --out /tmp/thousand.json
    """
    which = checkpoint_option.check(options.checkpoint)
    if options.out is not None and options.out.exists():
        raise TrainerError(f"{options.out}: already there; give another --out")
    require_torch()
    from pmarl_trainer.runs.evaluate import evaluate_run
    from pmarl_trainer.runs.facts import load_config
    from pmarl_trainer.runs.seed_group import refuse_group

    refuse_group(options.run)
    config = load_config(options.run)
    evaluate_run(config, options.run, episodes=options.episodes, seed=options.seed, which=which, out=options.out)
