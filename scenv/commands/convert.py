"""`scenv convert`: a network from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenv.commands.console import refuse_to_overwrite
from scenv.errors import ScenvError
from scenv.network.network import load_network


def convert_command(
    source: Annotated[
        str, typer.Argument(help="bg, r1, r2, r3, or a network file: .json, .graphml, or .csv of the Willems data set.")
    ],
    target: Annotated[Path, typer.Argument(help="The file to write: .json (node-link) or .graphml.")],
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that exists.")] = False,
) -> None:
    """Convert a network to node-link JSON or GraphML.

    It is checked on the way, and nothing is lost or made up.

    Examples:

        scenv convert 10.csv chain.json

        scenv convert r2 r2.graphml          # to edit it in yEd or Gephi

        scenv convert edited.graphml edited.json
    """
    suffix = target.suffix.lower()
    if suffix not in (".json", ".graphml"):
        raise ScenvError(f"{target}: a network's name must end in .json or .graphml")
    refuse_to_overwrite(target, force)
    network = load_network(source)
    (network.to_json if suffix == ".json" else network.to_graphml)(target)
    typer.echo(f"wrote {target}: {network.name}, {len(network.agents):,} firms, {len(network.edges):,} edges")
