"""A firm's checkpoints: its own slice of everything, and nothing of anybody else's.

The latest two are kept, since one firm may have been stopped before it wrote what another had written already. They
are of the same format as a run's, for a team of one.
"""

from __future__ import annotations

from pathlib import Path

from pmarl_trainer.data.replay import Replay
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.run_checkpoints import checkpoint_path, facts_of, read_checkpoint
from pmarl_trainer.training.state import RunState

_KEPT = 2


def held(folder: Path) -> tuple[int, ...]:
    """The rollouts from which the firm could go on; 0 is the beginning."""
    found = (folder / "checkpoints").glob("rollout-*.safetensors")
    return (0, *sorted(int(path.stem.removeprefix("rollout-")) for path in found))


def save(seat: Seat, learner: Trainable, replay: Replay | None, state: RunState) -> None:
    """Write all that going on from here needs; forget the oldest."""
    tensors = checkpoint.learner_state(learner)
    if replay is not None:
        tensors |= {f"replay.{name}": tensor for name, tensor in replay.state_dict().items()}
    facts = facts_of(seat.spec, seat.train, state)
    checkpoint.save(checkpoint_path(seat.folder, str(state.rollout)), tensors, facts)
    for old in held(seat.folder)[1:-_KEPT]:
        checkpoint_path(seat.folder, str(old)).unlink()


def load(seat: Seat, learner: Trainable, replay: Replay | None, rollout: int) -> RunState:
    """Go on from a rollout, 0 for the beginning; what was written after it is forgotten.

    Raises:
        CheckpointError: one line, if the checkpoint is damaged or of another run.
    """
    for later in held(seat.folder)[1:]:
        if later > rollout:
            checkpoint_path(seat.folder, str(later)).unlink()
    if rollout == 0:
        return RunState()
    path = checkpoint_path(seat.folder, str(rollout))
    tensors, state = read_checkpoint(path, seat.spec, seat.train, learner.device)
    checkpoint.load_learner(path, learner, tensors)
    if replay is not None:
        replay.load_state_dict(checkpoint.below(tensors, "replay."))
    return state
