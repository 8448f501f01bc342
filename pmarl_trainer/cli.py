"""`pmarl-train`, `pmarl-evaluate` and `pmarl-export`. torch is imported only when a command really runs."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pmarl_trainer.errors import TrainerError

INSTALL_HINT = 'the trainer needs torch: pip install "scenv[train]"'


def _train_command(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings that win over the file's: train.KEY, env.KEY or KEY."),
    ] = None,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file (YAML) with the sections env and train.")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="maac, pmarl, fv or hdpo.", show_default="the file's, or pmarl"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="default; maac-reference: the settings published with MAAC; paper: its equations as printed.",
            show_default="the file's, or default",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of initialisation, exploration and training paths.", show_default="the file's, or 0"),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(min=1, max=1000, help="Train so many seeds together, from SEED on, each in a folder of its own."),
    ] = 1,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or cuda:N.", show_default="the file's, or auto")
    ] = None,
    adjacency: Annotated[
        Path | None,
        typer.Option(help="Who is whose neighbour: .json, .npy or text.", show_default="the environment's own"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="New folder of the run.", show_default="runs/SCENARIO-METHOD-sSEED-N")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.", show_default=False)] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="The same as KEY=VALUE.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only the final table.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the resolved configuration, every key with its value, and stop.")
    ] = False,
    keys: Annotated[
        bool, typer.Option("--keys", help="Say what every key of the section train means, and stop.")
    ] = False,
) -> None:
    """Train agents on the environment of a scenario file, then evaluate them against its classical policies.

    A scenario file needs one line, env: {entry: scenv:vector_env, scenario: r2},
    the environment and its arguments; train: {...} changes settings (see --keys).
    The run's folder holds the resolved configuration, checkpoints, metrics.csv,
    a tensorboard log, evaluation.json and report.html. Ctrl-C saves; --resume
    goes on as if nothing had happened.

    Examples:

        pmarl-train --scenario scenarios/r2.yaml

        pmarl-train --scenario scenarios/r2.yaml --method maac --seed 1

        pmarl-train --scenario scenarios/r2.yaml --seeds 5

        pmarl-train --scenario scenarios/r2.yaml batch_size=512 env.shipment_lead_time=3

        pmarl-train --scenario my_env.yaml --adjacency neighbours.csv --dry-run

        pmarl-train --resume runs/r2-pmarl-s0-1
    """
    if keys:
        _print_keys()
        return
    changes = [*(overrides or ()), *(set_ or ())]
    given = {"method": method, "preset": preset, "seed": seed, "train_device": device}
    given["adjacency"] = None if adjacency is None else str(adjacency)
    if resume is not None:
        if changes or dry_run or seeds > 1 or any(value is not None for value in (scenario, out, *given.values())):
            raise TrainerError("--resume goes on with the run as it was configured; it takes no option but --quiet")
        _require_torch()
        from pmarl_trainer.runs.run_folder import resume_run

        _say_how_it_ended(resume_run(resume, quiet=quiet), resume)
        return
    if scenario is None:
        raise TrainerError("give --scenario FILE, or --resume RUN")
    from pmarl_trainer.config.files import read_config

    config = read_config(scenario, changes, **given)
    if dry_run:
        import yaml

        print(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), end="")
        return
    _require_torch()
    from pmarl_trainer.runs.run_folder import start_run

    last = f"-{config.train.seed + seeds - 1}" if seeds > 1 else ""
    folder = out or _new_folder(f"{scenario.stem}-{config.train.method}-s{config.train.seed}{last}")
    _say_how_it_ended(start_run(config, folder, seeds=seeds, quiet=quiet), folder)


def _print_keys() -> None:
    """Every key of the section train: name, default, what it means."""
    from pmarl_trainer.config.schema import TrainConfig

    for name, field in TrainConfig.model_fields.items():
        default = "null" if field.default is None else field.default
        print(f"{name}: {default}")
        if field.description:
            print(textwrap.fill(field.description, 100, initial_indent="    ", subsequent_indent="    "))


CheckpointOption = Annotated[
    str, typer.Option(help="best, last, or the number of a rollout that was kept (train.keep_checkpoints_num).")
]


def _evaluate_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    episodes: Annotated[
        int | None, typer.Option(min=2, help="How many.", show_default="the run's final_episodes, 100")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the paths.", show_default="the run's evaluation_seed, 2024")
    ] = None,
    checkpoint: CheckpointOption = "best",
    out: Annotated[
        Path | None, typer.Option(help="Write only the JSON, and here.", show_default="the run's evaluation.json")
    ] = None,
) -> None:
    """Evaluate a trained run and the classical policies on the same paths, and write its report anew.

    Examples:

        pmarl-evaluate runs/r2-pmarl-s0-1

        pmarl-evaluate runs/r2-pmarl-s0-1 --episodes 1000 --seed 7 --out /tmp/thousand.json
    """
    _require_torch()
    from pmarl_trainer.runs.run_folder import evaluate_run, load_config

    which = _checkpoint(checkpoint)
    evaluate_run(load_config(run), run, episodes=episodes, seed=seed, which=which, out=out)


def _export_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[Path, typer.Option(help="New folder for the policies.")],
    checkpoint: CheckpointOption = "best",
    onnx: Annotated[
        bool | None, typer.Option("--onnx/--no-onnx", help="ONNX files too.", show_default="if onnx is installed")
    ] = None,
) -> None:
    """Write each agent's policy to files of its own, for use without torch and without any other agent.

    NAME.json and NAME.safetensors (for numpy), NAME.onnx (for onnxruntime). What comes out runs from the agent's own
    observation alone, so policies that see every agent's (method fv) are refused.

    Examples:

        pmarl-export runs/r2-pmarl-s0-1 --out policies

        scenv evaluate --scenario r2 --policy base-stock,policies
    """
    _require_torch()
    from pmarl_trainer.export.policies import export_run

    files = export_run(run, out, which=_checkpoint(checkpoint), onnx=onnx)
    print(f"{len(files)} files in {out}: {', '.join(files[:3])}{', ...' if files[3:] else ''}")
    if onnx is None and not any(name.endswith(".onnx") for name in files):
        print('no ONNX files: pip install "scenv[export]" if you want them too')


def train() -> None:
    """Entry point of `pmarl-train`."""
    _run("pmarl-train", _train_command)


def evaluate() -> None:
    """Entry point of `pmarl-evaluate`."""
    _run("pmarl-evaluate", _evaluate_command)


def export() -> None:
    """Entry point of `pmarl-export`."""
    _run("pmarl-export", _export_command)


def _run(name: str, command: Callable[..., Any]) -> None:
    """Run a command; what a user can mend is one line on standard error and exit code 2."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app(prog_name=name)
    except TrainerError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)


def _checkpoint(which: str) -> str:
    if which not in ("best", "last") and not which.isdecimal():
        raise TrainerError(f"--checkpoint: expected best, last or a rollout's number, got {which!r}")
    return which


def _require_torch() -> None:
    # OpenMP's threads spin while they wait for each other. Where another process wants the same cores, every one of the
    # thousands of small operations in an update then waits for the scheduler: we measured 2.9 s instead of 0.07 s.
    # The variable is read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for module in ("torch", "safetensors"):
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise TrainerError(INSTALL_HINT)


def _new_folder(stem: str) -> Path:
    stem = re.sub(r"[^\w.-]+", "_", stem)
    return next(path for n in itertools.count(1) if not (path := Path("runs") / f"{stem}-{n}").exists())


def _say_how_it_ended(finished: bool, folder: Path) -> None:
    if finished:
        print(f"everything is in {folder}")
    else:
        print(f"interrupted, and saved; go on with: pmarl-train --resume {folder}", file=sys.stderr)
        sys.exit(130)
