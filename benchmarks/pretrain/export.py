"""Write the running mean of a run's parameters as the file that `scenv.policies.Pretrained` reads.

python -m benchmarks.pretrain.export RUN/run.pt scenv/policies/data/pretrained.safetensors
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file


def export(run: Path, out: Path) -> int:
    """Write the file; the run's steps so far."""
    saved = torch.load(run, weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in saved["mean"].items()}, out)
    return int(saved["step"])


if __name__ == "__main__":
    print(f"{export(Path(sys.argv[1]), Path(sys.argv[2]))} steps")
