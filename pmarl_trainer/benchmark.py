"""Entry point of `pmarl-benchmark`. The benchmarks are a part of the repository, not of what is installed from it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Run `benchmarks.paper` of the checkout that this package is installed from (pip install -e) or works in."""
    repository = Path(__file__).resolve().parents[1]
    if not (repository / "benchmarks" / "paper" / "cli.py").is_file():
        message = "pmarl-benchmark needs a clone of the repository, installed from there: pip install -e '.[train]'"
        print(message, file=sys.stderr)
        sys.exit(2)
    sys.path.insert(0, str(repository))
    importlib.import_module("benchmarks.paper.cli").main()
