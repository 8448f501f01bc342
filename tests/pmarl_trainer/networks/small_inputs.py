"""Four agents, three of them in a row, and what they see and do."""

import numpy as np
import torch

N, B, SIZE, A, H, K = 4, 5, 3, 6, 8, 2
SERIAL = np.array([[0, -1, 0, 0], [1, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])  # 0 -> 1 -> 2, and 3 alone


def inputs(seed=0):
    """Observations [N, B, SIZE] and actions [N, B]."""
    generator = torch.Generator().manual_seed(seed)
    observations = torch.randn(N, B, SIZE, generator=generator, dtype=torch.float64)
    return observations, torch.randint(A, (N, B), generator=generator)
