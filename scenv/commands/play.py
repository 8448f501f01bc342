"""`scenv play`: the beer game in the browser, on any network, against any policy."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from scenv.errors import ScenvError

_NEEDED = ("jinja2", "python_multipart", "starlette", "uvicorn")


def play_command(
    source: Annotated[str, typer.Argument(help="bg, r1, r2, r3, or a scenario or network file.")] = "bg",
    firm: Annotated[
        str | None, typer.Option("--as", help="The firm to choose first; one may take another.", show_default=False)
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--others",
            "-p",
            help="Who plays the other firms, base-stock by default: a policy's name as in `evaluate`, or the folder "
            "of pmarl-export. Several, each after its own --others, are offered in this order.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in this network play.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")] = 8765,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Play the beer game in the browser, alone or in class: you run a firm, policies run the others.

    The game runs on the simulator of this package. Needs the extra `play`: pip install "scenv[play]".

    Examples:

        scenv play

        scenv play r2 --as ret_0 --others optimised-base-stock

        scenv play bg --others sterman --host 0.0.0.0      # a class joins from phones

        scenv play my_network.json --others runs/r2/policies
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ScenvError(f'playing needs {", ".join(missing)}; pip install "scenv[play]"')
    from scenv.play.server import serve
    from scenv.play.setup import PlaySettings

    settings = PlaySettings(source, firm, tuple(others or ["base-stock"]))
    settings.check()
    serve(settings, host, port, open_browser=browser)
