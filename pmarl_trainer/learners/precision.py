"""Whether a processor has instructions for the precision that is asked for."""

from __future__ import annotations

from pathlib import Path

import torch

from pmarl_trainer.notices import notice

#: Any of these among a processor's flags (x86, ARM) means that it multiplies bfloat16 by itself.
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
CPUINFO = Path("/proc/cpuinfo")


def processor_has_bf16(cpuinfo: Path = CPUINFO) -> bool | None:
    """Whether this processor multiplies bfloat16 by itself; None where the system does not say (Linux does)."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = [line for line in text.splitlines() if line.lower().startswith(("flags", "features"))]
    return any(BF16_FLAGS & set(line.partition(":")[2].split()) for line in lines) if lines else None


def say_if_slow(precision: str, device: torch.device) -> None:
    """One line where bf16 is asked of a processor that has to imitate it."""
    if precision == "bf16" and device.type == "cpu" and processor_has_bf16() is False:
        notice(
            "train.precision: bf16 on this processor, which has no instructions for it (avx512_bf16, amx_bf16), "
            "takes up to ten times as long as float32"
        )
