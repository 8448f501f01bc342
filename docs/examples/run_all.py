"""Try scenv with other people's learners: every example in a virtual environment of its own, made here and deleted.

    python docs/examples/run_all.py [torchrl] [sb3] [rllib] [--keep FOLDER]

Each environment gets what the example's requirements file pins, and scenv from this checkout. Needs a package index, a
few gigabytes of disk in the temporary folder, and some minutes. The exit code is the number of examples that failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
EXAMPLES = {"torchrl": "torchrl_ippo.py", "sb3": "sb3_ppo.py", "rllib": "rllib_ppo.py"}


def run(command: list[str], home: Path) -> bool:
    """Run a command with a home folder of its own, which libraries may write into; True if it succeeded."""
    print("$", " ".join(command), flush=True)
    own = {"HOME": str(home), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")} | own
    return subprocess.run(command, cwd=home, env=environment).returncode == 0


def try_example(name: str, folder: Path) -> tuple[bool, float, float]:
    """Make the environment and run the example: (whether it passed, seconds of installing, seconds of running)."""
    print(f"\n===== {name}", flush=True)
    began = time.perf_counter()
    home = folder / f"{name}-home"
    home.mkdir(parents=True, exist_ok=True)
    venv.create(folder / name, with_pip=True, clear=True)
    python = str(folder / name / ("Scripts" if os.name == "nt" else "bin") / "python")
    requirements = ["-r", str(HERE / f"requirements-{name}.txt")]
    installed = run([python, "-m", "pip", "install", "--quiet", *requirements, str(REPOSITORY)], home)
    ready = time.perf_counter()
    passed = installed and run([python, str(HERE / EXAMPLES[name])], home)
    return passed, ready - began, time.perf_counter() - ready


def main() -> int:
    """Run the examples that were asked for; returns how many failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="*", help=f"some of {', '.join(EXAMPLES)}; all when left out")
    parser.add_argument("--keep", type=Path, help="make the environments here, and leave them")
    arguments = parser.parse_args()
    names = arguments.examples or list(EXAMPLES)
    if unknown := set(names) - set(EXAMPLES):
        parser.error(f"unknown example {', '.join(unknown)}; expected some of {', '.join(EXAMPLES)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        results = {name: try_example(name, folder.resolve()) for name in names}
    print()
    for name, (passed, install, training) in results.items():
        print(f"{name:<10}{'passed' if passed else 'FAILED'}   install {install:.0f} s, run {training:.0f} s")
    return sum(not passed for passed, _, _ in results.values())


if __name__ == "__main__":
    sys.exit(main())
