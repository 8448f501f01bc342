"""`scenv new`: a folder to start one's own network from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from scenv.errors import ScenvError, shown
from scenv.text_file import named

FILES = ("links.csv", "firms.csv", "sales.csv", "scenario.yaml", "README.md")


def new_command(
    folder: Annotated[Path, typer.Argument(help="The folder to make; one that is there must be empty.")],
) -> None:
    """Write a small network to change into your own: two tables, past sales, a scenario, and a README.

    It runs as it is. Nothing that is there is written over.

    Examples:

        scenv new my_network

        scenv evaluate my_network/scenario.yaml

        pmarl-train --scenario my_network/scenario.yaml
    """
    try:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise ScenvError(f"{named(folder)}: exists already; expected the name of a new or empty folder")
        folder.mkdir(exist_ok=True)
        template = resources.files("scenv.commands") / "template"
        for name in FILES:
            with (folder / name).open("xb") as file:  # what came there meanwhile stays, too
                file.write((template / name).read_bytes())
    except ScenvError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenvError(f"{named(folder)}: cannot be made ({shown(str(reason))})") from None
    print(f"wrote {folder}: {', '.join(FILES)}\nnext: scenv evaluate {folder / 'scenario.yaml'}")
