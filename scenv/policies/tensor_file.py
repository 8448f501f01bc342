"""Reading arrays from a safetensors file with numpy alone: 8 bytes of header length, a JSON header, then raw numbers.

The format (https://github.com/huggingface/safetensors) can hold no code, and every size and offset is checked before it
is used. Writing is the trainer's business.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.text_file import read_bytes

_MAX_BYTES = 1 << 30
_MAX_HEADER_BYTES = 1 << 20
_DTYPES: Mapping[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
}


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file by name, read-only.

    Raises:
        ScenarioError: one line, if the file cannot be read, is cut off or damaged, or holds numbers of other types
            than float32, float64, int32 and int64.
    """
    content = read_bytes(path, _MAX_BYTES, ScenarioError)
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(len(content) - 8, _MAX_HEADER_BYTES):
        raise ScenarioError(f"{path}: not a safetensors file, or cut off in its header")
    try:
        header = json.loads(content[8 : 8 + size])
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        ranges = {name: _checked_range(entry) for name, entry in entries.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ScenarioError(f"{path}: the header of this safetensors file is damaged") from error
    data = memoryview(content)[8 + size :]
    _check_layout(path, list(ranges.values()), len(data))
    return {
        name: np.frombuffer(data[slice(*ranges[name])], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in entries.items()
    }


def _checked_range(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Where an entry's bytes are; ValueError if they are not as many as its shape and type need."""
    start, stop = entry["data_offsets"]
    numbers = 1
    for length in entry["shape"]:
        if type(length) is not int or length < 0:
            raise ValueError("a shape is made of lengths")
        numbers *= length
    if type(start) is not int or start < 0 or stop - start != numbers * _DTYPES[entry["dtype"]].itemsize:
        raise ValueError("offsets and shape disagree")
    return start, stop


def _check_layout(path: Path, ranges: list[tuple[int, int]], size: int) -> None:
    """The ranges must cover the data without gap or overlap, as the format demands: then nothing is missing."""
    edges = [(0, 0), *sorted(ranges), (size, size)]
    if any(before[1] != after[0] for before, after in itertools.pairwise(edges)):
        raise ScenarioError(f"{path}: cut off or damaged: its arrays do not fill it exactly")
