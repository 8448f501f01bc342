"""Episodes that a firm plays with its neighbours: a period ends with what it orders and ships, for all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pmarl_trainer.env_api.firm import FirmEnv
from pmarl_trainer.env_api.protocol import Array
from pmarl_trainer.parties.messages import Parcels, Phase, Rounds, Trade


def end_period(env: FirmEnv, rounds: Rounds, **ordered: Any) -> Phase:
    """Order (`action` or `quantities`, as `FirmEnv.send` takes them), trade, live through the next period; its
    observation [B, O]. One message to each neighbour, one from each. For simulators of numpy.
    """
    sent = env.send(**ordered)
    parcels = {name: {"quantity": torch.as_tensor(amount)} for name, amount in {**sent.orders, **sent.goods}.items()}
    came: Parcels = yield Trade("trade", rounds.next("trade"), parcels)
    orders = {name: came[name]["quantity"].numpy() for name in env.customers}
    goods = {name: came[name]["quantity"].numpy() for name in env.suppliers}
    return env.receive(orders=orders, goods=goods)


def play(env: FirmEnv, rounds: Rounds, seed: int, order: Callable[[Tensor], Mapping[str, Any]]) -> Phase:
    """Play one episode of every row on the paths of `seed`; the own cost of the periods that count, [B] float64.

    `order` is given the observation [1, B, O] float32 and says what `end_period` takes.
    """
    seen: Array = env.reset(seed=seed)
    costs = np.zeros(env.num_envs)
    if env.warmup == 0:
        costs += env.cost
    for period in range(1, env.horizon):
        seen = yield from end_period(env, rounds, **order(one_agent(seen)))
        if period >= env.warmup:
            costs += env.cost
    return costs


def one_agent(seen: Array) -> Tensor:
    """[B, O] of one firm -> [1, B, O] float32."""
    return torch.as_tensor(seen, dtype=torch.float32).unsqueeze(0)
