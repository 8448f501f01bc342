"""Where a result comes from: command, machine, versions, commit, date."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
#: The clone that this package stands in; None where it was installed from a wheel.
CHECKOUT = _ROOT if (_ROOT / "benchmarks" / "scenv_paper").is_dir() else None


def provenance(libraries: tuple[str, ...] = ("numpy",)) -> dict[str, str | int]:
    """What a reader needs to repeat a measurement.

    Args:
        libraries: distributions whose versions matter; those that are not installed are left out.
    """
    versions = {}
    for library in libraries:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "command": " ".join(["python", "-m", _module(), *_arguments()]),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **versions,
        "commit": _commit(),
        "date": datetime.date.today().isoformat(),
    }


#: Options that say where something is written, which does not matter to a result.
PLACES = ("--out", "--runs")


def _arguments() -> list[str]:
    """Those of the command line that matter to the result; of an absolute path its last two parts."""
    arguments = iter(sys.argv[1:])
    kept = []
    for argument in arguments:
        if argument in PLACES:
            next(arguments, None)
        elif not argument.startswith(tuple(f"{place}=" for place in PLACES)):
            path = Path(argument)
            kept.append("/".join(("…", *path.parts[1:][-2:])) if path.is_absolute() else argument)
    return kept


def _module() -> str:
    main = sys.modules["__main__"].__spec__
    return main.name if main is not None else Path(sys.argv[0]).name


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The clone's commit, marked if a measured package differs from it; of a wheel its version."""
    if CHECKOUT is None:
        return f"scenv {importlib.metadata.version('scenv')}"
    code = ("scenv", "pmarl_trainer", "scenarios", "benchmarks", ":!benchmarks/results")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *code)
    return _git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"
