"""The entry point of `pmarl-benchmark`: says in one line what is missing, or what to mend, and leaves the rest to
`command`.
"""

from __future__ import annotations

import importlib.util
import sys

from scenv_paper.errors import UsageError

#: What the extra `train` brings and the benchmark imports.
NEEDED = ("torch", "safetensors", "filelock", "matplotlib", "jinja2")


def main() -> None:
    """Entry point."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f'pmarl-benchmark: {missing[0]} is not installed: pip install "scenv[train]"', file=sys.stderr)
        sys.exit(2)
    from scenv_paper.command import app

    try:
        app(prog_name="pmarl-benchmark")
    except UsageError as error:
        print(f"pmarl-benchmark: {error}", file=sys.stderr)
        sys.exit(2)
