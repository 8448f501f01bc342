"""What every test shares: reproducible hypothesis runs, pictures without a screen, and paths."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run side by side, and what they compute is small

# A loaded machine makes single examples slow without being wrong, so no deadline. In CI the examples are the same in
# every run: a red run is then about the commit, not about luck. Elsewhere they vary and find new cases.
settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would every process that they start and
# interrupt: the programs respect that, as nohup asks.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder with pyproject.toml, scenarios/ and the two packages."""
    return REPOSITORY


@pytest.fixture(scope="session")
def willems_dir() -> Path:
    """The published Willems (2008) files: not committed, so a test that needs them skips where they are absent."""
    folder = REPOSITORY.parent / "shared" / "willems_2008"
    if not folder.is_dir():
        pytest.skip("the Willems (2008) data set is not beside the repository (../shared/willems_2008)")
    return folder
