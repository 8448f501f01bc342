"""How far a run is: what a checkpoint keeps beside the tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from pmarl_trainer.errors import CheckpointError

_Count = Annotated[int, Field(ge=0, strict=True)]


@dataclass
class RunState:
    """How far a run is.

    Attributes:
        rollout, updates: done so far.
        seconds: of training so far, over all of its sessions.
        best_score: lowest evaluated score so far, and the rollout after which it was found.
    """

    rollout: _Count = 0
    updates: _Count = 0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    best_score: float = math.inf
    best_rollout: _Count = 0


_ADAPTER = TypeAdapter(RunState)


def read_state(value: Any, where: object) -> RunState:
    """The state that a checkpoint's facts hold; `where` names it in the error.

    Raises:
        CheckpointError: one line that names the field, if it is none.
    """
    if not isinstance(value, dict):
        raise CheckpointError(f"{where}: damaged: its 'state' says nothing of how far the run was")
    try:
        state = _ADAPTER.validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(["state", *map(str, problem["loc"])])
        raise CheckpointError(f"{where}: damaged: {field}: {problem['msg']}") from error
    if math.isnan(state.best_score):
        raise CheckpointError(f"{where}: damaged: state.best_score is not a number")
    return state
