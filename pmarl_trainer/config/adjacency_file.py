"""An adjacency matrix from a file: JSON, NumPy's .npy, or plain text with one row a line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pmarl_trainer.errors import ConfigError

_MAX_BYTES = 64 << 20

Adjacency = tuple[tuple[float, ...], ...]


def read_adjacency(path: Path) -> Adjacency:
    """The matrix [N][N] in a file, of which the signs count.

    Args:
        path: `.json` ([[0, -1], [1, 0]]), `.npy`, or any other ending for text: a row a line, numbers separated by
            commas or blanks, `#` for comments.

    Raises:
        ConfigError: one line that names the file and what is wrong.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe could block for ever
            raise ConfigError(f"{path}: not a regular file")
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes, too large for an adjacency matrix")
        rows = _read(path)
        matrix = np.asarray(rows, dtype=float)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or 'not a .npy file'})") from error
    except (ValueError, TypeError, EOFError, RecursionError) as error:
        raise ConfigError(f"{path}: not a matrix of numbers with rows of one length") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ConfigError(f"{path}: an adjacency matrix is square, got shape {list(matrix.shape)}")
    if not np.isfinite(matrix).all():
        raise ConfigError(f"{path}: entries are finite numbers, got {matrix[~np.isfinite(matrix)][0]:g}")
    return tuple(tuple(int(value) for value in row) for row in np.sign(matrix))


def _read(path: Path) -> object:
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    lines = (line.partition("#")[0].replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines())
    return [[float(word) for word in words] for words in lines if words]
