"""What a contributor runs, by name: `nox -s lint`. Sessions use the environment of nox and install nothing."""

from __future__ import annotations

import os
import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "test", "docs"]
#: Test processes side by side want one thread each.
THREADS = {"OMP_NUM_THREADS": "1"}


def python(session: nox.Session, *arguments: str) -> None:
    """Run this interpreter, which is the one whose packages are meant."""
    session.run(sys.executable, *arguments, env={**os.environ, **THREADS}, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format and import contracts: seconds."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly."""
    python(session, "-m", "mypy")


@nox.session
def test(session: nox.Session) -> None:
    """The suite with line and branch coverage, which has a floor; `nox -s test -- tests/scenv` without."""
    whole = ["--cov", "--cov-report=term:skip-covered"]
    python(session, "-m", "pytest", "-n", "auto", *(session.posargs or whole))


@nox.session
def docs(session: nox.Session) -> None:
    """The examples of the docstrings, generated parts of pages, and the site, strictly."""
    python(session, "-m", "pytest", "--doctest-modules", "scenv", "pmarl_trainer", "benchmarks/scenv_paper")
    python(session, "docs/generate.py", "--check")
    python(session, "-m", "mkdocs", "build", "--strict", "-f", "docs/mkdocs.yml")


@nox.session
def bench(session: nox.Session) -> None:
    """Speed against the record of this repository."""
    python(session, "-m", "benchmarks.small")


@nox.session
def mutants(session: nox.Session) -> None:
    """Change one operator of an equation at a time and see which tests notice; slow."""
    python(session, ".ci/mutants.py", *session.posargs)
