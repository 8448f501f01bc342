"""Measurements of this repository; run as `python -m benchmarks.NAME` from its root. The paper's are `scenv_paper`."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
