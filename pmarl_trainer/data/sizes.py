"""What rollouts, the replay and a batch need of memory: known from the environment's facts, before any is taken."""

from __future__ import annotations

import torch

from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.memory import require_memory


def rollout_bytes(spec: EnvSpec, num_envs: int) -> float:
    """Of the episodes of so many rows: observations, actions, rewards, ends, masks."""
    return float(num_envs) * (spec.max_steps + 1) * _step_bytes(spec)


def replay_bytes(spec: EnvSpec, memory_size: int, num_envs: int) -> float:
    """Of a memory for so many transitions, or for one rollout if that is more."""
    return float(replay_slots(spec, memory_size, num_envs)) * (spec.max_steps + 1) * _step_bytes(spec)


def batch_bytes(spec: EnvSpec, batch_size: int) -> float:
    """Of what an update draws: two observations of every agent for each transition."""
    return 2.0 * batch_size * _step_bytes(spec)


def replay_slots(spec: EnvSpec, memory_size: int, num_envs: int) -> int:
    """How many episodes a memory for `memory_size` transitions holds; one rollout at least."""
    return max(num_envs, memory_size // spec.usable_steps)


def _step_bytes(spec: EnvSpec) -> int:
    """Of one row at one step."""
    mask = int(spec.num_actions.max()) if spec.action_masks else 0
    return len(spec.agents) * (4 * spec.observation_size + 8 + 4 + 2 + mask)


def require_fits(what: str, needed: float, device: torch.device) -> None:
    """Refuse what does not fit into the memory of `device`.

    Raises:
        TrainerError: one line that names `what` and both sizes.
    """
    total = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
    require_memory(what, needed, total)


def check_sizes(
    spec: EnvSpec,
    *,
    num_envs: int,
    memory_size: int,
    batch_size: int,
    evaluation_episodes: int,
    final_episodes: int,
    device: torch.device,
) -> None:
    """Refuse settings of a run whose data cannot fit, naming the setting.

    Evaluations keep one step of all their episodes at a time.

    Raises:
        TrainerError: one line.
    """
    require_fits(f"train.num_envs={num_envs}", rollout_bytes(spec, num_envs), device)
    require_fits(f"train.memory_size={memory_size}", replay_bytes(spec, memory_size, num_envs), device)
    require_fits(f"train.batch_size={batch_size}", batch_bytes(spec, batch_size), device)
    for name, episodes in {"evaluation_episodes": evaluation_episodes, "final_episodes": final_episodes}.items():
        require_fits(f"train.{name}={episodes}", 2.0 * episodes * _step_bytes(spec), torch.device("cpu"))
