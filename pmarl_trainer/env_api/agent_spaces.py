"""One agent's observations and actions in a PettingZoo environment: from spaces to flat numbers and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Dict as DictSpace
from gymnasium.spaces import Discrete, Space
from gymnasium.spaces.utils import flatdim, flatten

from pmarl_trainer.env_api.values import action_mask, shown
from pmarl_trainer.errors import DoorError

MASK = "action_mask"


class AgentSpaces:
    """What one agent sees and does.

    Attributes:
        size: numbers of its flat observation; a mask among it does not count.
        actions: how many it has.
        first_action: the number of its first one.
    """

    def __init__(self, env: Any, agent: Any) -> None:
        """Ask `env` for the agent's spaces.

        Raises:
            DoorError: if its actions are not Discrete, or its observations cannot be made flat.
        """
        self._agent = agent
        space, actions = env.observation_space(agent), env.action_space(agent)
        if not isinstance(actions, Discrete):
            raise DoorError(
                f"env: agent {agent!r} has action space {shown(actions)}; only Discrete ones can be learned"
            )
        self.actions, self.first_action = int(actions.n), int(actions.start)
        self._only: str | None = None
        if isinstance(space, DictSpace) and MASK in space.spaces:
            rest = {key: part for key, part in space.spaces.items() if key != MASK}
            self._only = next(iter(rest)) if len(rest) == 1 else None
            space = DictSpace(rest) if self._only is None else rest[self._only]
        self._space: Space[Any] = space
        try:
            self.size = int(flatdim(space))
        except (ValueError, NotImplementedError) as error:
            raise DoorError(f"env: agent {agent!r} has observation space {shown(space)}, of no fixed size") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AgentSpaces) and (self._space, self.actions, self.first_action) == (
            other._space,
            other.actions,
            other.first_action,
        )

    __hash__ = None  # type: ignore[assignment]

    def flat(self, observation: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """The observation as [size] float32, and the mask that stands in it, [actions] bool, or None.

        Raises:
            DoorError: if it does not fit its space.
        """
        mask = None
        if isinstance(observation, Mapping) and MASK in observation:
            mask = self.mask(observation[MASK])
            observation = {key: part for key, part in observation.items() if key != MASK}
            only = self._only or ("observation" if not isinstance(self._space, DictSpace) else None)
            if only is not None:
                observation = observation.get(only)
        try:
            numbers = np.asarray(flatten(self._space, observation), dtype=np.float32)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError) as error:
            raise self._misfit(observation) from error
        if numbers.shape != (self.size,):
            raise self._misfit(observation)
        return numbers, mask

    def mask(self, value: Any) -> np.ndarray:
        """[actions] bool of a mask as it was given."""
        return action_mask(value, self._agent, self.actions)

    def _misfit(self, observation: Any) -> DoorError:
        size = f"of shape {list(observation.shape)}, " if hasattr(observation, "shape") else ""
        return DoorError(
            f"env: agent {self._agent!r}: observation {shown(observation)} {size}does not fit its space "
            f"{shown(self._space)}"
        )
