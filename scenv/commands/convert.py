"""`scenv convert`: a network from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenv.commands.console import ColumnsOption, FirmsOption, columns_of, refuse_to_overwrite
from scenv.errors import ScenvError
from scenv.network.network import load_network


def convert_command(
    source: Annotated[
        str,
        typer.Argument(
            help="bg, r1, r2, r3; a network file: .json, .cyjs, .graphml, .gexf, .csv, .tsv, .xlsx; or a folder "
            "of tables."
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(help="The file to write: .json, .graphml or .xlsx; or, without a dot, a folder of tables."),
    ],
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that exists.")] = False,
    firms: FirmsOption = None,
    columns: ColumnsOption = "",
) -> None:
    """Convert a network to node-link JSON, GraphML, an Excel workbook, or a folder of tables (links.csv, firms.csv).

    It is checked on the way, and nothing is lost or made up. Excel needs the extra `excel`.

    Examples:

        scenv convert 10.csv chain.json

        scenv convert r2 r2.graphml          # to edit it in yEd or Gephi

        scenv convert edited.graphml edited.json

        scenv convert sites.csv chain.json --columns source=from,shipment_lead_time=days

        scenv convert r2 my_network          # a folder of tables

        scenv convert r2 r2.xlsx             # the same for Excel

        scenv convert plan.xlsx plan.json --columns source=From,target=To,stage_cost=EUR
    """
    suffix = target.suffix.lower()
    if suffix not in (".json", ".graphml", ".xlsx", ""):
        raise ScenvError(f"{target}: a network's name must end in .json, .graphml or .xlsx, or be a folder's")
    if suffix:
        refuse_to_overwrite(target, force)
    elif target.exists() and not (force and target.is_dir()):
        raise ScenvError(f"{target}: exists already; use --force to write its tables anew")
    network = load_network(source, firms=firms, columns=columns_of(columns))
    write = {".json": network.to_json, ".graphml": network.to_graphml, ".xlsx": network.to_excel, "": network.to_tables}
    write[suffix](target)
    print(f"wrote {target}: {network.name}, {len(network.agents):,} firms, {len(network.edges):,} edges")
