"""`scenv render`: a network, or an episode on it, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenv.commands.console import refuse_to_overwrite
from scenv.drawing.canvas import SUFFIXES, require_matplotlib
from scenv.errors import ScenvError
from scenv.evaluation.episode import Episode, record_episode
from scenv.policies import make_policy
from scenv.render import draw_episode, draw_network, save
from scenv.render.film import FILM_SUFFIX, save_film
from scenv.scenario.files import load_scenario


def render_command(
    source: Annotated[str, typer.Argument(help="bg, r1, r2, r3, a network file or a scenario file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The picture: .png, .svg, .pdf, .jpg, .webp; with --run .gif.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Simulate an episode and draw that instead.")] = False,
    policy: Annotated[
        str, typer.Option("-p", "--policy", help="With --run: what the firms follow; names as in `scenv evaluate`.")
    ] = "base-stock",
    seed: Annotated[int, typer.Option(min=0, help="With --run: of the demand.")] = 0,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that exists.")] = False,
) -> None:
    """Draw a network in its stages, or an episode: stock, backorders and orders of each stage over time.

    Needs matplotlib, which the extra `plot` brings.

    Examples:

        scenv render r2 -o r2.png

        scenv render bg --run --policy sterman -o beer_game.png

        scenv render r3 --run -o r3.gif      # the same as a film
    """
    require_matplotlib()
    scenario_name = Path(source).stem
    path = output or Path(f"{scenario_name}{'_run' if run else ''}.png")
    _check_suffix(path, run)
    refuse_to_overwrite(path, force)
    if not run:
        save(draw_network(source), path)
    else:
        scenario = load_scenario(source)
        episode = record_episode(make_policy(policy, scenario), scenario, seed=seed)
        _save_episode(episode, path, f"{scenario.network.name} under {policy}")
    typer.echo(f"wrote {path}")


def _check_suffix(path: Path, run: bool) -> None:
    allowed = (*SUFFIXES, FILM_SUFFIX) if run else SUFFIXES
    if path.suffix.lower() not in allowed:
        film = "" if run or path.suffix.lower() != FILM_SUFFIX else "; a film needs --run"
        raise ScenvError(f"{path}: a picture's name must end in one of {', '.join(allowed)}{film}")


def _save_episode(episode: Episode, path: Path, title: str) -> None:
    if path.suffix.lower() == FILM_SUFFIX:
        save_film(episode, path, title)
    else:
        save(draw_episode(episode, title), path)
