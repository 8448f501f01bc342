"""`scenv convert`: a network from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenv.commands.console import refuse_to_overwrite
from scenv.errors import ScenvError, shown
from scenv.network.network import load_network


def convert_command(
    source: Annotated[
        str,
        typer.Argument(
            help="bg, r1, r2, r3; a network file: .json, .cyjs, .graphml, .gexf, .csv, .tsv; or a folder of tables."
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(help="The file to write: .json (node-link) or .graphml; or, without a dot, a folder of tables."),
    ],
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that exists.")] = False,
    firms: Annotated[Path | None, typer.Option(help="For a table of links: the table of its firms.")] = None,
    columns: Annotated[
        str, typer.Option(help="For tables: which column is which field, source=ships_from,target=ships_to.")
    ] = "",
) -> None:
    """Convert a network to node-link JSON, GraphML, or tables (links.csv, firms.csv, network.json in a folder).

    It is checked on the way, and nothing is lost or made up.

    Examples:

        scenv convert 10.csv chain.json

        scenv convert r2 r2.graphml          # to edit it in yEd or Gephi

        scenv convert edited.graphml edited.json

        scenv convert sites.csv chain.json --columns source=from,shipment_lead_time=days

        scenv convert r2 my_network          # a folder of tables, for a spreadsheet
    """
    suffix = target.suffix.lower()
    if suffix not in (".json", ".graphml", ""):
        raise ScenvError(f"{target}: a network's name must end in .json or .graphml, or be a folder's")
    if suffix:
        refuse_to_overwrite(target, force)
    elif target.exists() and not (force and target.is_dir()):
        raise ScenvError(f"{target}: exists already; use --force to write its tables anew")
    network = load_network(source, firms=firms, columns=_mapping(columns) if columns else None)
    {".json": network.to_json, ".graphml": network.to_graphml, "": network.to_tables}[suffix](target)
    print(f"wrote {target}: {network.name}, {len(network.agents):,} firms, {len(network.edges):,} edges")


def _mapping(text: str) -> dict[str, str]:
    """{field: column} of "field=column,field=column"."""
    pairs = [part.partition("=") for part in text.split(",")]
    fields = [field.strip() for field, _, _ in pairs]
    for field, equals, column in pairs:
        if not (field.strip() and equals and column.strip()):
            raise ScenvError(f"--columns: expected field=column pairs with commas between them, not {shown(text)}")
        if fields.count(field.strip()) > 1:
            raise ScenvError(f"--columns: {shown(field.strip())} stands twice; expected each field once")
    return {field.strip(): column.strip() for field, _, column in pairs}
