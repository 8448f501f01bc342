"""One firm's part of an environment: what a firm that trains as a party of its own simulates by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from pmarl_trainer.env_api.foreign import in_one_line
from pmarl_trainer.env_api.protocol import Array, BatchedEnv
from pmarl_trainer.errors import DoorError


class Sent(Protocol):
    """What a firm sends at the end of a period, by neighbour, [B] each."""

    orders: dict[str, Array]
    goods: dict[str, Array]


class FirmEnv(Protocol):
    """One firm's simulator, B rows; arrays or tensors, float64.

    An episode: `reset`, then `send` and `receive` in turn, `horizon` - 1 times.
    """

    agent: str
    suppliers: tuple[str, ...]
    customers: tuple[str, ...]
    num_envs: int
    horizon: int
    warmup: int
    local_state: Any  # of the period just observed; has `demand` [B]
    cost: Array  # [B] of that period
    reward: Array  # [B] of that period, without gradient
    demand_stands_alone: bool  # whether its demand can be drawn apart from others'

    def reset(self, seed: int | None = None, *, demand_seed: int | None = None) -> Array:
        """Live through period 0; the observation [B, O]. With `demand_seed`, own demand is drawn by that one."""

    def send(self, *, action: Any = None, quantities: Any = None) -> Sent:
        """Order by actions [B] int, or quantities [B]."""

    def receive(self, orders: Mapping[str, Array], goods: Mapping[str, Array]) -> Array:
        """Take what customers ordered and suppliers shipped, live through the next period; its observation [B, O]."""

    def carry(self, change: Callable[[Array], Array]) -> None:
        """Replace every array by which the period goes on into the next one."""

    def write_scenario(self, folder: Path) -> None:
        """Write to a folder, as scenario.yaml and what it names, the environment as this firm alone knows it."""


def make_firm_env(
    env: BatchedEnv, agent: str, num_envs: int, *, backend: Literal["numpy", "torch"] = "numpy"
) -> FirmEnv:
    """The simulator of one firm of an environment that has `firm_env(agent, num_envs=, backend=)`.

    Raises:
        DoorError: one line, if it has none, or it cannot be made.
    """
    make: Callable[..., FirmEnv] | None = getattr(env, "firm_env", None)
    if make is None:
        raise DoorError(
            "env: has no firm_env(agent, num_envs=, backend=), the simulator of one firm by itself, which training "
            "among parties needs (see env_api; e.g. scenv:vector_env)"
        )
    try:
        return make(agent, num_envs=num_envs, backend=backend)
    except (ValueError, TypeError) as error:
        raise DoorError(f"env: firm_env refused {agent!r}: {in_one_line(error)}") from error
