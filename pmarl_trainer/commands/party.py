"""pmarl-party."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pmarl_trainer.commands.options import TracebackOption, takes
from pmarl_trainer.commands.running import require_extra, require_torch

#: The port of the first firm where none is given; the others' follow.
_PORT = 50151


@dataclass(frozen=True)
class InitOptions:
    """What can be said on the command line of `pmarl-party init`."""

    scenario: Annotated[str, typer.Option(metavar="FILE|NAME", help="What pmarl-train takes.")]
    out: Annotated[Path, typer.Option(help="New folder; one in it for each firm.")]
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings: train.KEY, env.KEY or KEY.")
    ] = None
    method: Annotated[str | None, typer.Option(help="pmarl, maac or hdpo.", show_default="the file's, or pmarl")] = None
    seed: Annotated[int | None, typer.Option(help="The seed that all know.", show_default="the file's, or 0")] = None
    host: Annotated[str, typer.Option(help="Where all listen; edit the files for other machines.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=1, max=65000, help="Of the first firm; the others' follow.")] = _PORT
    aggregator: Annotated[str | None, typer.Option(help="Who adds up.", show_default="the first firm")] = None
    allow_few_firms: Annotated[
        bool, typer.Option("--allow-few-firms", help="Fewer than three firms, whose sums hide nothing.")
    ] = False
    traceback: TracebackOption = False


@takes(InitOptions)
def init(options: InitOptions) -> None:
    """Make a folder for each firm of a scenario: keys, a certificate, the run description, and the scenario as it alone
    knows it.

    run.yaml is the run description, the same in every folder: edit the
    addresses and copy it to all, every byte. party.yaml is the firm's own:
    where it listens, its secret seed, what is clipped or made noisy.
    Hand each firm its folder and nobody else's. Whoever runs this command has
    seen all keys: for more than a trial, every firm makes its own key, has it
    certified, and puts only the certificate into run.yaml.

    Examples:

        pmarl-party init --scenario bg --method hdpo --out consortium

        pmarl-party init --scenario scenarios/r2.yaml --out consortium --host 10.0.0.5 rollouts=50
    """
    require_torch()
    require_extra()
    from pmarl_trainer.config.files import read_config
    from pmarl_trainer.parties.wire.description import read_description
    from pmarl_trainer.parties.wire.founding import found
    from pmarl_trainer.parties.wire.party_folder import RUN

    config = read_config(options.scenario, options.words or (), method=options.method, seed=options.seed)
    places = found(
        config,
        Path(options.scenario).stem,
        options.out,
        addresses=lambda number: f"{options.host}:{options.port + number}",
        aggregator=options.aggregator,
        few=options.allow_few_firms,
    )
    first = next(iter(places.values()))
    _, run = read_description(first / RUN)
    print(f"{len(places)} folders in {options.out}; the run description's SHA-256 is {run}")
    print(f"each firm starts its own: pmarl-party run {first}")


@dataclass(frozen=True)
class RunOptions:
    """What can be said on the command line of `pmarl-party run`."""

    folder: Annotated[Path, typer.Argument(help="The firm's folder, as pmarl-party init makes it.")]
    training: Annotated[
        Path | None, typer.Option(help="Where checkpoints and own numbers go.", show_default="FOLDER/training")
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is waited for.")] = False
    traceback: TracebackOption = False


@takes(RunOptions)
def run(options: RunOptions) -> None:
    """Train with the other firms, from where all can go on.

    Every firm starts this on its own machine, in any order: those that are
    early wait. Ctrl-C stops all after the rollout under way, and saves; the
    same command goes on, bit for bit. If a firm is lost, the others stop and
    name it; start all again to go on.

    Example:

        pmarl-party run consortium/ret_0
    """
    require_torch()
    require_extra()
    from pmarl_trainer.parties.party_log import Line
    from pmarl_trainer.parties.wire.party_folder import read_folder
    from pmarl_trainer.parties.wire.party_run import run_party

    folder = read_folder(options.folder)
    rollouts = folder.config.train.rollouts

    def tell(line: Line) -> None:
        if options.quiet:
            return
        cost = "" if line.costs is None else f", own cost {sum(line.costs) / len(line.costs):.1f}"
        print(f"{folder.own.firm}: rollout {line.rollout} of {rollouts}{cost}", flush=True)

    say = lambda text: print(f"{folder.own.firm}: {text}", file=sys.stderr, flush=True)  # noqa: E731
    state, spent = run_party(options.folder, say=say, report=tell, place=options.training)
    if state.rollout < rollouts:
        print(f"interrupted, and saved; go on with: pmarl-party run {options.folder}", file=sys.stderr)
        sys.exit(130)
    sent = ", ".join(f"{size / 1e6:.2f} MB to {firm}" for firm, size in spent.sent.items())
    print(f"{folder.own.firm}: done; {spent.rounds} rounds, waited {spent.waiting:.1f} s, sent {sent}")
    print(f"next: pmarl-party audit {options.folder} NEIGHBOUR'S_FOLDER")


@dataclass(frozen=True)
class AuditOptions:
    """What can be said on the command line of `pmarl-party audit`."""

    first: Annotated[Path, typer.Argument(help="A firm's folder, or its audit.jsonl.")]
    second: Annotated[Path, typer.Argument(help="Another firm's.")]
    traceback: TracebackOption = False


@takes(AuditOptions)
def audit(options: AuditOptions) -> None:
    """Join two firms' audit logs: every message that one sent the other received, and nothing else was.

    Exit code 2 and one line that names the first message that does not fit, or
    the line of a log that was changed or removed.

    Example:

        pmarl-party audit consortium/ret_0 consortium/whole_0
    """
    require_extra()
    from pmarl_trainer.parties.wire.audit_join import join

    for crossing in join(options.first, options.second):
        clip = "" if crossing.clip is None else f", clipped to {crossing.clip:g}"
        noise = f", noise {crossing.noise:g}" if crossing.noise else ""
        lost = f", {crossing.open} of them lost where a party was stopped" if crossing.open else ""
        print(
            f"{crossing.sender} -> {crossing.receiver}: {crossing.messages} {crossing.kind}, "
            f"{crossing.size} bytes{clip}{noise}{lost}"
        )
    print("the logs agree")
