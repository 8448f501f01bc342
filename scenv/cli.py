"""The command line `scenv`: look at networks, draw them, convert and check them, and run policies on them."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from scenv.commands.check import check_command
from scenv.commands.convert import convert_command
from scenv.commands.decide import decide_command
from scenv.commands.evaluate import evaluate_command
from scenv.commands.fit_demand import fit_demand_command
from scenv.commands.info import info_command
from scenv.commands.levels import levels_command
from scenv.commands.new import new_command
from scenv.commands.play import play_command
from scenv.commands.render import render_command
from scenv.commands.terminal import make_readable
from scenv.errors import ScenvError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"scenv {version('scenv')}")
        except PackageNotFoundError:
            print("scenv, run from a folder and not installed")
        raise typer.Exit


@app.callback()
def scenv(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Multi-echelon inventory control on real supply networks.

    A first look:

        scenv info r2                     the network, firm by firm

        scenv render r2 -o r2.png         the same as a picture

        scenv evaluate r2                 what classical policies cost on it

        scenv levels r2                   up to which level each firm should order

        scenv new my_network              a folder to start a network of your own from

        scenv check my_network.json       is my own network fit for simulation?

        scenv play                        play the beer game in the browser

    Networks and scenarios are named (bg, r1, r2, r3) or files. Each command has a --help with examples.
    """


app.command(name="info")(info_command)
app.command(name="render")(render_command)
app.command(name="evaluate")(evaluate_command)
app.command(name="levels")(levels_command)
app.command(name="decide")(decide_command)
app.command(name="fit-demand")(fit_demand_command)
app.command(name="new")(new_command)
app.command(name="convert")(convert_command)
app.command(name="check")(check_command)
app.command(name="play")(play_command)


def main() -> None:
    """Entry point: errors in the input are one line on standard error and exit code 2."""
    make_readable()
    # OpenMP's threads spin while they wait, which stops everything on a busy machine; read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.path.append(os.getcwd())  # where `--policy module:callable` looks too, as `python -m` does
    try:
        app(standalone_mode=True)
    except ScenvError as error:
        print(f"scenv: {error}", file=sys.stderr)
        sys.exit(2)
