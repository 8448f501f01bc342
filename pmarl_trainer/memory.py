"""Whether something fits into the memory of this machine, asked before anything of it is allocated."""

from __future__ import annotations

from pathlib import Path

import psutil

from pmarl_trainer.errors import TrainerError

#: Where Linux says how much a container may take (cgroups, version 2 and 1); elsewhere there are no such files.
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def total_memory() -> int:
    """Bytes that this process may ever have: the machine's, or what its container is allowed."""
    limits = [int(psutil.virtual_memory().total)]
    for path in CGROUP_LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue  # not Linux, or no such limit
        if text.isdecimal():  # "max" is none
            limits.append(int(text))
    return min(limits)


def require_memory(what: str, needed: float, total: int | None = None) -> None:
    """Refuse what cannot fit.

    Args:
        what: the setting that asks for it, with its value.
        needed: bytes.
        total: bytes there are; this machine's by default. A GPU's, for what lies there.

    Raises:
        TrainerError: one line with both figures.
    """
    there = total_memory() if total is None else total
    if needed > there:
        raise TrainerError(f"{what} needs {_readable(needed)} of memory, this machine has {_readable(there)}")


def _readable(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count / 1e3:.3g} kB"
