"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

    python .ci/floors.py > floors.txt && pip install -c floors.txt -e ".[train,plot]" pytest

Only requirements with a floor (`>=`) are named: what they themselves need is pip's to choose.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def floors(project: dict[str, object]) -> list[str]:
    """`name==version` of every requirement that has a floor, extras included, sorted; the higher of two floors."""
    found: dict[str, str] = {}
    extras = project.get("optional-dependencies", {})
    assert isinstance(extras, dict)
    listed = project.get("dependencies", [])
    assert isinstance(listed, list)
    for requirement in [*listed, *(line for lines in extras.values() for line in lines)]:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[.*\])?>=([0-9][0-9.]*)", requirement)
        if match:
            name, version = match.groups()
            found[name] = max(found.get(name, version), version, key=lambda v: [int(part) for part in v.split(".")])
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    print(*floors(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]), sep="\n")
