"""pmarl-export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pmarl_trainer.commands import checkpoint_option
from pmarl_trainer.commands.options import TracebackOption, takes
from pmarl_trainer.commands.running import require_torch


@dataclass(frozen=True)
class ExportOptions:
    """What can be said on the command line of `pmarl-export`."""

    run: Annotated[Path, typer.Argument(help="Folder of a run.")]
    out: Annotated[Path, typer.Option(help="New folder for the policies.")]
    checkpoint: checkpoint_option.CheckpointOption = "best"
    onnx: Annotated[
        bool | None, typer.Option("--onnx/--no-onnx", help="ONNX files too.", show_default="if onnx is installed")
    ] = None
    traceback: TracebackOption = False


@takes(ExportOptions)
def command(options: ExportOptions) -> None:
    """Write each agent's policy to files of its own, for use without torch and without any other agent.

    NAME.json and NAME.safetensors (for numpy), NAME.onnx (for onnxruntime). What comes out runs from the agent's own
    observation alone, so policies that see every agent's (method fv) are refused.

    Examples:

        pmarl-export runs/r2-pmarl-s0-1 --out policies

        scenv evaluate --scenario r2 --policy base-stock,policies
    """
    which = checkpoint_option.check(options.checkpoint)
    require_torch()
    from pmarl_trainer.export.policies import export_run
    from pmarl_trainer.runs.seed_group import refuse_group

    refuse_group(options.run)
    files = export_run(options.run, options.out, which=which, onnx=options.onnx)
    print(f"{len(files)} files in {options.out}: {', '.join(files[:3])}{', ...' if files[3:] else ''}")
    if options.onnx is None and not any(name.endswith(".onnx") for name in files):
        print('no ONNX files: pip install "scenv[export]" if you want them too')
