"""`scenv render`: a network, or an episode on it, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenv.commands.console import ScenarioOption, SourceArgument, named_source, refuse_to_overwrite
from scenv.drawing.canvas import SUFFIXES, require_matplotlib
from scenv.errors import ScenvError
from scenv.evaluation.episode import Episode, record_episode
from scenv.render import draw_episode, draw_network, save
from scenv.render.film import FILM_SUFFIX, save_film
from scenv.scenario.files import load_scenario

CSV_SUFFIX = ".csv"


def render_command(
    source: SourceArgument = None,
    scenario: ScenarioOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="A picture: .png, .svg, .pdf, .jpg, .webp; with --run also .gif, .csv (numbers).",
        ),
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Simulate an episode and draw that instead.")] = False,
    policy: Annotated[
        str | None,
        typer.Option(
            "-p", "--policy", help="With --run: what the firms follow, base-stock by default; names as in `evaluate`."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="With --run: of the demand, 0 by default.")] = None,
    around: Annotated[str | None, typer.Option(help="Draw this firm and those near it only.")] = None,
    hops: Annotated[
        int | None, typer.Option(min=0, help="With --around: how many edges away that is, 2 by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that exists.")] = False,
) -> None:
    """Draw a network in its stages, or an episode: stock, backorders and orders of each stage over time.

    Needs matplotlib, which the extra `plot` brings.

    Examples:

        scenv render r2 -o r2.png

        scenv render 38.csv --around Part_0001 --hops 1 -o part.png

        scenv render bg --run --policy sterman -o beer_game.png

        scenv render r3 --run -o r3.gif      # the same as a film

        scenv render r3 --run -o r3.csv      # what every firm saw, ordered and paid in every period
    """
    name = named_source(source, scenario)
    if not run:
        for option, value in (("--policy", policy), ("--seed", seed)):
            if value is not None:
                raise ScenvError(f"{option} {value}: has no effect without --run, which simulates an episode")
    if run and around is not None:
        raise ScenvError(f"--around {around}: has no effect with --run, which draws stages")
    if around is None and hops is not None:
        raise ScenvError(f"--hops {hops}: has no effect without --around FIRM")
    path = output or Path(f"{Path(name).stem}{'_run' if run else ''}.png")
    _check_suffix(path, run)
    if path.suffix.lower() != CSV_SUFFIX:
        require_matplotlib()
    refuse_to_overwrite(path, force)
    if not run:
        save(draw_network(name, around=around, hops=2 if hops is None else hops), path)
    else:
        loaded, policy = load_scenario(name), policy or "base-stock"
        episode = record_episode(policy, loaded, seed=seed or 0)
        _save_episode(episode, path, f"{loaded.network.name} under {policy}")
    print(f"wrote {path}")


def _check_suffix(path: Path, run: bool) -> None:
    allowed = (*SUFFIXES, FILM_SUFFIX, CSV_SUFFIX) if run else SUFFIXES
    if path.suffix.lower() not in allowed:
        film = {FILM_SUFFIX: "; a film needs --run", CSV_SUFFIX: "; numbers need --run"}.get(path.suffix.lower(), "")
        raise ScenvError(f"{path}: a picture's name must end in one of {', '.join(allowed)}{film}")


def _save_episode(episode: Episode, path: Path, title: str) -> None:
    if path.suffix.lower() == FILM_SUFFIX:
        save_film(episode, path, title)
    elif path.suffix.lower() == CSV_SUFFIX:
        episode.to_csv(path)
    else:
        save(draw_episode(episode, title), path)
