"""Change one operator of an equation at a time, and see whether a test notices.

    python .ci/mutants.py [--only dynamics] [--jobs 2] [--sample 40]

A mutant is the file with one change: + for -, * for /, < for <=, minimum for maximum, a number one larger, a negation
left out. It lives in a copy of the repository; the tests named beside the file run there until one fails. Survivors are
listed with their line, and are either equal to the original (say so in `EQUAL`) or a test that is missing: exit code 1.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import copy
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Name -> (file, what must notice, the likeliest first).
TARGETS = {
    "dynamics": (
        "scenv/simulation/dynamics.py",
        ["tests/scenv/simulation/test_dynamics_by_hand.py", "tests/scenv/simulation"],
    ),
    "reward": (
        "scenv/simulation/reward.py",
        ["tests/scenv/simulation/test_reward.py", "tests/scenv/simulation", "tests/scenv/envs"],
    ),
    "alignment": (
        "pmarl_trainer/data/rollout.py",
        [
            "tests/pmarl_trainer/data/test_alignment_and_replay.py",
            "tests/pmarl_trainer/data",
            "tests/pmarl_trainer/env_api",
        ],
    ),
    "losses": (
        "pmarl_trainer/learners/losses.py",
        ["tests/pmarl_trainer/learners/test_losses.py", "tests/pmarl_trainer/learners/test_update_oracle.py"],
    ),
}
#: Survivors that compute the same thing: "file: change" as this script prints it, without the line.
EQUAL: frozenset[str] = frozenset()
#: A mutant that takes so many times as long as the file itself hangs, which is noticed.
SLOWER = 5

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_NAMES = {"minimum": "maximum", "maximum": "minimum", "floor": "ceil", "sum": "mean", "mean": "sum", "min": "max"}


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Every way to change one node, as a copy of it."""
    for field in ("op", "ops"):
        held = getattr(node, field, None)
        for place, operator in enumerate(held if isinstance(held, list) else [held]):
            if type(operator) in _OPERATORS:
                other = copy.deepcopy(node)
                new = _OPERATORS[type(operator)]()
                if isinstance(held, list):
                    getattr(other, field)[place] = new
                else:
                    setattr(other, field, new)
                yield other
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield copy.deepcopy(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.copy_location(ast.Constant(node.value + 1), node)
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        other = copy.deepcopy(node)
        other.attr = _NAMES[node.attr]
        yield other


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, "before -> after", source) of every mutant; annotations and default values stay."""
    tree = ast.parse(source)
    written = source.encode()
    starts = [0]
    for line in written.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = {id(child) for function in functions for statement in function.body for child in ast.walk(statement)}
    for node in ast.walk(tree):
        if id(node) not in inside or not isinstance(node, ast.expr | ast.AugAssign):
            continue
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: PT018 (never None after parse)
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        for changed in changes(node):
            before, after = ast.unparse(node), ast.unparse(changed)
            text = f"({after})" if isinstance(node, ast.expr) else after
            yield node.lineno, f"{before} -> {after}", (written[:begin] + text.encode() + written[end:]).decode()


def survives(folder: Path, file: str, mutated: str, tests: list[str], seconds: float | None) -> bool:
    """Whether no test notices; the copy in `folder` is as it was afterwards. One that takes longer is noticed."""
    path = folder / file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutated, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{folder / 'benchmarks'}", "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=seconds, check=False)
        if seconds is None and done.returncode:
            print(done.stdout.decode(errors="replace")[-2000:])
        return done.returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        path.write_text(original, encoding="utf-8")


def copies(count: int, parent: Path) -> queue.Queue[Path]:
    """So many copies of what tests need."""
    folders: queue.Queue[Path] = queue.Queue()
    for number in range(count):
        folder = parent / str(number)
        folder.mkdir()
        for name in ("scenv", "pmarl_trainer", "tests", "scenarios", "benchmarks"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        folders.put(folder)
    return folders


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TARGETS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, help="try so many of each file's mutants, always the same ones")
    args = parser.parse_args()
    found, tried = [], 0
    with tempfile.TemporaryDirectory() as parent, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        folders = copies(args.jobs, Path(parent))

        def attempt(
            file: str, tests: list[str], seconds: float, mutant: tuple[int, str, str]
        ) -> tuple[str, int, str] | None:
            folder = folders.get()
            try:
                return (file, *mutant[:2]) if survives(folder, file, mutant[2], tests, seconds) else None
            finally:
                folders.put(folder)

        for file, tests in (TARGETS[args.only],) if args.only else TARGETS.values():
            source = (ROOT / file).read_text(encoding="utf-8")
            chosen = list(mutants(source))
            began = time.monotonic()
            if not survives(folders.queue[0], file, source + "\n", tests, None):
                print(f"{file}: its tests fail without any change")
                return 1
            limit = SLOWER * (time.monotonic() - began) + 30
            if args.sample is not None:
                chosen = random.Random(0).sample(chosen, min(args.sample, len(chosen)))
            outcomes = list(pool.map(lambda mutant, f=file, t=tests, s=limit: attempt(f, t, s, mutant), chosen))
            survivors = [outcome for outcome in outcomes if outcome and f"{file}: {outcome[2]}" not in EQUAL]
            tried += len(chosen)
            found += survivors
            print(f"{file}: {len(chosen)} mutants, {len(survivors)} survive", flush=True)
            for name, line, change in survivors:
                print(f"  {name}:{line}: {change}", flush=True)
    print(f"{tried} mutants, {len(found)} survive")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
