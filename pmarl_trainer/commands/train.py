"""pmarl-train."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmarl_trainer.commands.options import TracebackOption, takes
from pmarl_trainer.commands.running import require_torch
from pmarl_trainer.config.schema import RunConfig, TrainConfig
from pmarl_trainer.errors import TrainerError

if TYPE_CHECKING:
    from pmarl_trainer.runs.result import TrainingResult


@dataclass(frozen=True)
class TrainOptions:
    """What can be said on the command line of `pmarl-train`."""

    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO] [KEY=VALUE]...",
            help="What --scenario takes; settings that win over the file's: train.KEY, env.KEY or KEY.",
        ),
    ] = None
    scenario: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="Scenario file, network file, or a built-in name, e.g. r2."),
    ] = None
    method: Annotated[
        str | None,
        typer.Option(help="maac, pmarl, fv or hdpo.", show_default="the file's, or pmarl"),
    ] = None
    preset: Annotated[
        str | None,
        typer.Option(
            help="default; maac-reference: the settings published with MAAC; paper: its equations as printed.",
            show_default="the file's, or default",
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(help="Of initialisation, exploration and training paths.", show_default="the file's, or 0"),
    ] = None
    seeds: Annotated[
        int,
        typer.Option(min=1, max=1000, help="Train so many seeds side by side, from SEED on, each in its own folder."),
    ] = 1
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or cuda:N.", show_default="the file's, or auto")
    ] = None
    adjacency: Annotated[
        Path | None,
        typer.Option(help="Who is whose neighbour: .json, .npy or text.", show_default="the environment's own"),
    ] = None
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Begin with the networks of this run, of the same environment or another: by agents' names.",
            show_default=False,
        ),
    ] = None
    parties: Annotated[
        str | None,
        typer.Option(
            help="local: every firm a party of its own, which keeps its data to itself; processes: each in one of "
            "this machine's processes; none: all at once.",
            show_default="the file's, or none",
        ),
    ] = None
    out: Annotated[
        Path | None, typer.Option(help="New folder of the run.", show_default="runs/SCENARIO-METHOD-sSEED-N")
    ] = None
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.", show_default=False)] = None
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="The same as KEY=VALUE.")] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only the final table.")] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, print the configuration, every key, and stop.")
    ] = False
    keys: Annotated[bool, typer.Option("--keys", help="Say what every key of the section train means, and stop.")] = (
        False
    )
    traceback: TracebackOption = False

    def settings(self) -> dict[str, Any]:
        """Values of the section train that have an option of their own."""
        return {
            "method": self.method,
            "preset": self.preset,
            "seed": self.seed,
            "parties": self.parties,
            "train_device": self.device,
            "adjacency": None if self.adjacency is None else str(self.adjacency),
            "init": None if self.init is None else str(self.init.resolve()),
        }

    def source(self) -> str | None:
        """The scenario, from the option or from the words.

        Raises:
            TrainerError: if there are several.
        """
        names = [word for word in self.words or () if "=" not in word]
        names += [] if self.scenario is None else [self.scenario]
        if len(names) > 1:
            raise TrainerError(f"one scenario at a time, got {' and '.join(names)}; settings are written KEY=VALUE")
        return names[0] if names else None

    def overrides(self) -> list[str]:
        """Settings, in the order in which they win."""
        return [*(word for word in self.words or () if "=" in word), *(self.set_ or ())]

    def given(self) -> set[str]:
        """Names of the options that were given."""
        return {field.name for field in fields(self) if getattr(self, field.name) not in (field.default, [])}


@takes(TrainOptions)
def command(options: TrainOptions) -> None:
    """Train agents on the environment of a scenario file, then evaluate them against its classical policies.

    A scenario is a file, or a built-in name. A file needs one line,
    env: {entry: scenv:vector_env, scenario: r2}, the environment and its
    arguments; train: {...} changes settings (see --keys).
    The run's folder holds the resolved configuration, checkpoints, metrics.csv,
    a tensorboard log, evaluation.json and report.html. Ctrl-C saves; --resume
    goes on as if nothing had happened.

    Examples:

        pmarl-train r2

        pmarl-train --scenario scenarios/r2.yaml --method maac --seed 1

        pmarl-train --scenario scenarios/r2.yaml --seeds 5

        pmarl-train --scenario scenarios/r2.yaml --method hdpo --parties local

        pmarl-train r2 batch_size=512 env.shipment_lead_time=3

        pmarl-train --scenario my_env.yaml --adjacency neighbours.csv --dry-run

        pmarl-train --resume runs/r2-pmarl-s0-1
    """
    if options.keys:
        _refuse_others(options, "--keys explains the settings and stops; it takes no other option", {"keys"})
        print_keys()
    elif options.resume is not None:
        why = "--resume goes on with the run as it was configured; it takes no option but --quiet"
        _refuse_others(options, why, {"resume", "quiet"})
        _resume(options.resume, quiet=options.quiet)
    else:
        source = options.source()
        if source is None:
            raise TrainerError("give --scenario FILE, or --resume RUN")
        _begin(options, source)


def _refuse_others(options: TrainOptions, why: str, allowed: set[str]) -> None:
    """An option that would have no effect is refused."""
    if options.given() - allowed - {"traceback"}:
        raise TrainerError(why)


def _begin(options: TrainOptions, source: str) -> None:
    from pmarl_trainer.config.files import read_config

    config = read_config(Path(source), options.overrides(), **options.settings())
    require_torch()
    from pmarl_trainer.runs.api import train
    from pmarl_trainer.runs.run_folder import check_start

    if options.dry_run:
        check_start(config, options.out)
        _print_configuration(config)
        return
    result = train(config, name=Path(source).stem, out=options.out, seeds=options.seeds, quiet=options.quiet)
    _say_how_it_ended(result)


def _resume(folder: Path, *, quiet: bool) -> None:
    require_torch()
    from pmarl_trainer.runs.api import resume

    _say_how_it_ended(resume(folder, quiet=quiet))


def _print_configuration(config: RunConfig) -> None:
    from pmarl_trainer.config.writing import yaml_text

    print(yaml_text(config.model_dump(mode="json")), end="")


def _say_how_it_ended(result: TrainingResult) -> None:
    folder = result.folder
    if not result.finished:
        print(f"interrupted, and saved; go on with: pmarl-train --resume {folder}", file=sys.stderr)
        sys.exit(130)
    print(f"everything is in {folder}; for people: {result.report}")
    one = result.runs[0].folder
    print(f"next: pmarl-evaluate {one} --episodes 1000 --seed 7")
    print(f"      pmarl-export {one} --out policies")


def print_keys() -> None:
    """Every key of the section train: name, default, what it means."""
    for name, field in TrainConfig.model_fields.items():
        default = "null" if field.default is None else field.default
        print(f"{name}: {default}")
        if field.description:
            print(textwrap.fill(field.description, 100, initial_indent="    ", subsequent_indent="    "))
