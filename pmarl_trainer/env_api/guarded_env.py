"""A batched environment that somebody else wrote, with every call guarded and everything that it returns checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from pmarl_trainer.env_api.foreign import foreign, in_one_line, patience
from pmarl_trainer.env_api.protocol import Array, BatchedEnv, StepResult
from pmarl_trainer.env_api.values import array, as_array, names, shown, whole_array, whole_number
from pmarl_trainer.errors import DoorError


class GuardedEnv:
    """The environment within, behind the door `env_api.BatchedEnv`.

    Whatever it raises is a DoorError of one line that names the entry, with the error itself as the cause. Attributes
    are the environment's own. Tensors are checked by their shapes alone, so that a GPU is never waited for.

    Attributes:
        entry: what it was made from.
        last_info: the checked info of the latest `reset` or `step`.
    """

    def __init__(self, env: BatchedEnv, entry: str) -> None:
        self._env, self.entry = env, entry
        with foreign(f"env: {entry} has attributes that cannot be read"):
            self.agents, self._given_names = names(env.agents, "agents"), env.agents
            self.num_envs = whole_number(env.num_envs, "env: num_envs", 1)
            self.num_actions = whole_array(env.num_actions, "num_actions", self.agents, 1)
            self.horizon = whole_number(env.horizon, "env: horizon", 2)
        self.last_info: Mapping[str, Array] = {}
        self._shape: tuple[int, ...] | None = None
        self._over = np.zeros((self.num_envs, len(self.agents)), dtype=bool)
        self._masked = False

    def __getattr__(self, name: str) -> Any:
        """The environment's own attribute."""
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return getattr(self._env, name)
        except AttributeError:
            raise
        except (Exception, SystemExit) as error:
            raise DoorError(f"env: {self.entry}: attribute {name} cannot be read: {in_one_line(error)}") from error

    @property
    def unwrapped(self) -> BatchedEnv:
        """The environment within."""
        return self._env

    @property
    def baselines(self) -> Mapping[str, Callable[[], GuardedPolicy]]:
        """Makers of the environment's own policies, guarded too; empty where it has none."""
        with self._calling("baselines"):
            makers: Mapping[str, Callable[[], Any]] = getattr(self._env, "baselines", {})
            return {str(name): self._guarded_maker(str(name), make) for name, make in makers.items()}

    def _guarded_maker(self, name: str, make: Callable[[], Any]) -> Callable[[], GuardedPolicy]:
        def guarded() -> GuardedPolicy:
            what = f"env: {self.entry}: baseline {name!r} failed"
            with foreign(what):
                return GuardedPolicy(make(), what)

        return guarded

    def reset(self, seed: int | None = None) -> Array:
        """Observations [B, N, O]; see `env_api.BatchedEnv.reset`."""
        with self._calling("reset()"):
            observations = self._env.reset(seed=seed)
            self._over[:] = False
            if self._env.agents is not self._given_names and names(self._env.agents, "agents") != self.agents:
                raise DoorError(f"env: {self.entry} changed its agents: {shown(self._env.agents)}")
            info = getattr(self._env, "last_info", None) or {}
            self._masked = "action_mask" in info
            self._take_info(info, "reset()")
            return self._observations(observations, "reset()")

    def step(self, actions: Array) -> StepResult:
        """One step of every row; see `env_api.BatchedEnv.step`."""
        with self._calling("step()"):
            return self._checked(self._env.step(actions))

    def step_orders(self, quantities: Array) -> StepResult:
        """As `step`, with quantities [B, N] instead of actions, where the environment has such."""
        inner: Any = self._env
        with self._calling("step_orders()"):
            return self._checked(inner.step_orders(quantities))

    def step_adjustments(self, adjustments: Array) -> StepResult:
        """As `step`, with what is added to demand, [B, N], instead of actions, where the environment has such."""
        inner: Any = self._env
        with self._calling("step_adjustments()"):
            return self._checked(inner.step_adjustments(adjustments))

    def step_policy(self, policy: Any) -> StepResult:
        """As `step`, with the orders of one of the `baselines`, where the environment asks it itself."""
        inner: Any = self._env
        with self._calling("step_policy()"):
            return self._checked(inner.step_policy(policy))

    @contextmanager
    def _calling(self, call: str) -> Iterator[None]:
        with patience(f"env: {self.entry}: {call}"), foreign(f"env: {self.entry} failed in {call}"):
            yield

    def _checked(self, result: Any) -> StepResult:
        if not isinstance(result, tuple) or len(result) != 5:
            raise DoorError(
                "env: step() must return (observations, rewards, terminated, truncated, info), "
                f"got {shown(result) if not isinstance(result, tuple) else f'{len(result)} things'}"
            )
        seen, rewards, terminated, truncated, info = result
        rewards = self._by_agent(rewards, "rewards")
        terminated, truncated = self._flags(terminated, "terminated"), self._flags(truncated, "truncated")
        if self._masked and not _is_tensor(terminated) and not _is_tensor(truncated):
            both = np.asarray(terminated | truncated)
            self._over |= both if both.ndim == 2 else both[:, None]
        info = self._take_info({} if info is None else info, "step()")
        return self._observations(seen, "step()"), rewards, terminated, truncated, info

    def _observations(self, seen: Any, call: str) -> Array:
        if not hasattr(seen, "shape"):
            seen = np.asarray(seen)
        shape, rows = tuple(seen.shape), (self.num_envs, len(self.agents))
        if len(shape) != 3 or shape[:2] != rows:
            raise DoorError(f"env: {call} must return observations [{rows[0]}, {rows[1]}, .], got {list(shape)}")
        if self._shape is not None and shape != self._shape:
            raise DoorError(f"env: {call}: observations were {list(self._shape)} before, and are {list(shape)} now")
        self._shape = shape
        return seen if _is_tensor(seen) else array(seen, f"{call}: observations", shape)

    def _by_agent(self, value: Any, what: str) -> Array:
        """[B, N] numbers; [B, N, 1] will do."""
        shape = (self.num_envs, len(self.agents))
        value = value if _is_tensor(value) else as_array(value, what)
        if tuple(value.shape) == (*shape, 1):
            value = value[..., 0]
        if not _is_tensor(value):
            return array(value, what, shape)
        if tuple(value.shape) != shape:
            raise DoorError(f"env: {what} must have shape {list(shape)}, got {list(value.shape)}")
        return value

    def _flags(self, value: Any, what: str) -> Array:
        """[B] or [B, N] truth values."""
        rows = (self.num_envs,)
        shape = rows if np.ndim(value) < 2 else (*rows, len(self.agents))
        if _is_tensor(value):
            if tuple(value.shape) != shape:
                raise DoorError(f"env: {what} must have shape {list(shape)}, got {list(value.shape)}")
            return value
        flags = array(value, what, shape)
        if flags.dtype != bool and not ((flags == 0) | (flags == 1)).all():
            raise DoorError(f"env: {what} must be true or false, got {shown(value)}")
        return flags.astype(bool)

    def _take_info(self, info: Any, call: str) -> Mapping[str, Array]:
        """The info with its costs and masks checked; whatever else it holds stays as it is."""
        if not isinstance(info, Mapping):
            raise DoorError(f"env: {call}: info must be a mapping, got {shown(info)}")
        checked = dict(info)
        if "cost" in checked:
            cost = checked["cost"] = self._by_agent(checked["cost"], "info['cost']")
            if not _is_tensor(cost) and not np.isfinite(cost).all():
                row, i = np.argwhere(~np.isfinite(cost))[0]
                raise DoorError(f"env: agent {self.agents[i]!r}: info['cost'] must be finite, got {cost[row, i]}")
        if ("action_mask" in checked) is not self._masked:
            raise DoorError(f"env: {call}: action_mask must be there after reset() and after every step(), or never")
        if "present" in checked and not _is_tensor(checked["present"]):
            checked["present"] = array(checked["present"], "info['present']", self._over.shape).astype(bool)
        if self._masked:
            checked["action_mask"] = self._mask(checked["action_mask"], checked.get("present", True))
        self.last_info = checked
        return checked

    def _mask(self, value: Any, present: Any) -> Array:
        """[B, N, A] bool; an agent that is in its episode may do something."""
        shape = (*self._over.shape, int(self.num_actions.max()))
        if _is_tensor(value):
            if tuple(value.shape) != shape:
                raise DoorError(f"env: info['action_mask'] must have shape {list(shape)}, got {list(value.shape)}")
            return value
        mask = array(value, "info['action_mask']", shape)
        if mask.dtype != bool and not ((mask == 0) | (mask == 1)).all():
            raise DoorError("env: info['action_mask'] must hold 0 (forbidden) and 1 (allowed)")
        possible = np.arange(shape[2]) < self.num_actions[:, None]
        mask = mask.astype(bool) & possible
        none = np.logical_not(np.any(mask, axis=2))
        stuck = np.asarray(none & ~self._over & np.asarray(present))
        if stuck.any():
            row, agent = np.argwhere(stuck)[0]
            raise DoorError(f"env: agent {self.agents[agent]!r}: action_mask allows no action (row {row})")
        return mask | (np.expand_dims(none, 2) & possible) if none.any() else mask


class GuardedPolicy:
    """A policy of the environment's, to compare with: `reset` and `orders` guarded."""

    def __init__(self, policy: Any, what: str) -> None:
        self._policy, self._what = policy, what

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Begin `num_envs` episodes."""
        with foreign(self._what):
            self._policy.reset(num_envs, seed)

    def orders(self, local_state: Any) -> Any:
        """Quantities [B, N] for what the firms know."""
        with foreign(self._what):
            return self._policy.orders(local_state)


def _is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor; told without importing torch."""
    return hasattr(value, "requires_grad") and hasattr(value, "device")
