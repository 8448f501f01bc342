"""One firm's learned policy, from its own two files: a small network in numpy, from its own observation to its action.

`pmarl-export` writes NAME.json (what goes in, what comes out) and NAME.safetensors (the numbers) for each firm; the
format is the docs' page "The policy file format".
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from scenv.errors import ScenarioError, shown
from scenv.text_file import read_bytes

FORMAT = "pmarl-policy"
VERSION = 1
_MAX_SPEC_BYTES = 1 << 20
_MAX_TENSOR_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class FirmPolicy:
    """A greedy policy of one firm.

    Attributes:
        agent: the firm's name; position: its place among the `team` agents that were trained together.
        action_values: [A] what each action 0 .. A-1 adds to the demand just seen.
        mean, std: [O] of the observation's scaling; clip: bound after it, or None; symlog: sign(x) ln(1 + |x|) then.
        layers: (weight [in, out], bias [out]) in order; leaky rectified units (`slope`) between them.
    """

    agent: str
    position: int
    team: int
    action_values: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    clip: float | None
    symlog: bool
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    slope: float

    def __deepcopy__(self, memo: dict[int, Any]) -> FirmPolicy:
        """A copy of what never changes is itself."""
        return self

    @property
    def observation_size(self) -> int:
        """O."""
        return len(self.mean)

    def logits(self, observations: np.ndarray) -> np.ndarray:
        """[..., O] raw observations, oldest period first -> [..., A] unnormalised log-probabilities."""
        x = (np.asarray(observations, dtype=np.float32) - self.mean) / self.std
        if self.clip is not None:
            x = np.clip(x, -self.clip, self.clip)
        if self.symlog:
            x = np.sign(x) * np.log1p(np.abs(x))
        for weight, bias in self.layers[:-1]:
            x = x @ weight + bias
            x = np.where(x > 0, x, self.slope * x)
        weight, bias = self.layers[-1]
        logits: np.ndarray = x @ weight + bias
        return logits

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """[..., O] -> [...] the most probable action, 0 .. A-1."""
        best: np.ndarray = self.logits(observations).argmax(axis=-1)
        return best

    @classmethod
    def from_file(cls, path: str | Path) -> FirmPolicy:
        """Read NAME.json and the safetensors file beside it.

        Raises:
            ScenarioError: one line that names the file and what is wrong with it.
        """
        path = Path(path)
        spec = _read_spec(path)
        tensors = read_tensors(path.with_suffix(".safetensors"))
        try:
            names = [str(name) for name in spec["layers"]]
            policy = cls(
                agent=str(spec["agent"]),
                position=int(spec["position"]),
                team=int(spec["team"]),
                action_values=np.asarray(spec["action_values"], dtype=float),
                mean=tensors["mean"],
                std=tensors["std"],
                clip=None if spec["clip"] is None else float(spec["clip"]),
                symlog=bool(spec["symlog"]),
                layers=tuple((tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names),
                slope=float(spec["negative_slope"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ScenarioError(f"{path}: damaged: {shown(error.args[0] if error.args else error)}") from error
        _check(policy, path)
        return policy


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file by name. The format holds no code; the library checks every size and offset."""
    content = read_bytes(path, _MAX_TENSOR_BYTES, ScenarioError)
    try:
        return load(content)
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ScenarioError(f"{path}: not a safetensors file, or damaged ({shown(str(error))})") from error


def _read_spec(path: Path) -> dict[str, Any]:
    text = read_bytes(path, _MAX_SPEC_BYTES, ScenarioError)
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: not JSON") from error
    if not isinstance(spec, dict) or spec.get("format") != FORMAT:
        raise ScenarioError(f"{path}: not a firm's policy as pmarl-export writes it")
    if spec.get("version") != VERSION:
        raise ScenarioError(f"{path}: version {shown(spec.get('version'))} of the format; this scenv reads {VERSION}")
    if spec.get("action_values") is None:
        raise ScenarioError(f"{path}: was trained on another environment: it does not say what its actions order")
    return spec


def _check(policy: FirmPolicy, path: Path) -> None:
    """Shapes must fit each other, and every number must be finite."""
    sizes = [policy.observation_size, *(weight.shape[-1] for weight, _ in policy.layers)]
    expected = [shape for a, b in itertools.pairwise(sizes) for shape in ((a, b), (b,))]
    arrays = [array for layer in policy.layers for array in layer]
    fits = bool(arrays) and [array.shape for array in arrays] == expected
    if not fits or policy.std.shape != policy.mean.shape or policy.action_values.shape != (sizes[-1],):
        raise ScenarioError(f"{path}: damaged: the shapes of its arrays do not fit each other")
    if not all(np.isfinite(array).all() for array in (*arrays, policy.mean, policy.std)) or (policy.std == 0).any():
        raise ScenarioError(f"{path}: damaged: numbers that are not finite")
