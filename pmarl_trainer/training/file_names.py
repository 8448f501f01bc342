"""Files and folders that are named after agents."""

from __future__ import annotations

import re
from pathlib import Path


def agent_folders(folder: Path, agents: tuple[str, ...]) -> dict[str, Path]:
    """A folder for each agent in this one."""
    return {agent: folder / stem for agent, stem in zip(agents, file_stems(agents), strict=True)}


def file_stems(agents: tuple[str, ...]) -> list[str]:
    """A file name for each agent, without ending: its own name where a file system takes it, and no name twice."""
    plain = [re.sub(r"[^\w.-]+", "_", agent).strip(".")[:100] or "agent" for agent in agents]
    folded = [stem.lower() for stem in plain]
    return [stem if folded.count(stem.lower()) == 1 else f"{stem}-{i}" for i, stem in enumerate(plain)]
