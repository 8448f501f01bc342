"""Student's t, the one interval that this package reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def t_half_width(samples: np.ndarray | Sequence[float], confidence: float = 0.95) -> float | None:
    """Half the width of the confidence interval of the mean of independent samples; None for a single one."""
    n = len(samples)
    if n < 2:
        return None
    return float(stats.t.ppf((1 + confidence) / 2, n - 1) * np.std(samples, ddof=1) / np.sqrt(n))
