"""One gradient step: many networks side by side, one episode, the gradient of the logarithm of each network's cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from benchmarks.pretrain.worlds import side_by_side
from scenv.policies.context_network import SEEN, Context, adjustment, context_of, shapes
from scenv.policies.place import FEATURES, Places, deviations, places_of
from scenv.scenario.scenario import Scenario
from scenv.simulation.dynamics import LocalState
from scenv.simulation.vector_env import VectorEnv


@dataclass(frozen=True, eq=False)
class Worlds:
    """Networks side by side, ready to be learned on.

    Attributes:
        scenario: all of them in one.
        member: [N] the network of each firm, 0 .. W-1.
        features, of_customers, of_suppliers: see `scenv.policies.place.Places`, as tensors.
        unit: [N] and usual: [5, N], likewise, as arrays.
    """

    scenario: Scenario
    member: np.ndarray
    features: Tensor
    of_customers: Tensor
    of_suppliers: Tensor
    unit: np.ndarray
    usual: np.ndarray

    @classmethod
    def of(cls, scenarios: Sequence[Scenario]) -> Worlds:
        """Join scenarios."""
        scenario, member = side_by_side(scenarios) if len(scenarios) > 1 else (scenarios[0], None)
        places: list[Places] = [places_of(one) for one in scenarios]
        if member is None:
            member = np.zeros(len(places[0].unit), dtype=np.intp)
        return cls(
            scenario=scenario,
            member=member,
            features=torch.as_tensor(np.concatenate([place.features for place in places])),
            of_customers=_joined([place.of_customers for place in places]),
            of_suppliers=_joined([place.of_suppliers for place in places]),
            unit=np.concatenate([place.unit for place in places]),
            usual=np.concatenate([place.usual for place in places], axis=1),
        )


def _joined(means: Sequence[Any]) -> Tensor:
    whole = sparse.block_diag(means, format="coo")
    index = torch.as_tensor(np.stack([whole.row, whole.col]).astype(np.int64))
    return torch.sparse_coo_tensor(index, torch.as_tensor(whole.data), whole.shape, check_invariants=False).coalesce()


def fresh_parameters(seed: int, width: int, hidden: int) -> dict[str, Tensor]:
    """He et al.'s scale, outputs small: firms begin by passing demand on and mending a tenth of what is amiss."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in shapes(len(FEATURES), width, hidden).items():
        scale = 0.0 if "bias" in name else (2 / shape[0]) ** 0.5
        scale *= {"context.weight": 0.005, "second": 1.0, "first": 1.0}.get(name, 0.5)
        parameters[name] = scale * torch.randn(shape, generator=generator)
    bias = parameters["context.bias"]
    bias[0, -hidden:] = 0.03 * (2 / hidden) ** 0.5 * torch.randn(hidden, generator=generator)
    for field, weight in {"backorder": 0.1, "on_hand": -0.1, "on_order": -0.1}.items():
        bias[0, SEEN - 5 + LocalState._fields.index(field)] = weight
    return {name: tensor.requires_grad_() for name, tensor in parameters.items()}


def play(
    parameters: Mapping[str, Tensor], worlds: Worlds, rows: int, seed: int, *, learn: bool
) -> tuple[np.ndarray, list[tuple[Tensor, Tensor]]]:
    """Play one episode of `rows` rows.

    Returns:
        [W] each network's counted cost, mean over rows; and with `learn`, for each step the adjustments [N, B] and
        the derivative of the mean of the logarithms of these costs by them.
    """
    env = VectorEnv(worlds.scenario, num_envs=rows, seed=seed)
    if learn:
        env.keep_passages()
    with torch.set_grad_enabled(learn):
        context = context_of(parameters, worlds.features, worlds.of_customers, worlds.of_suppliers)
        return _episode(parameters, context, worlds, env, learn)


def _episode(
    parameters: Mapping[str, Tensor], context: Context, worlds: Worlds, env: VectorEnv, learn: bool
) -> tuple[np.ndarray, list[tuple[Tensor, Tensor]]]:
    env.reset()
    unit, firms, rows = worlds.unit[:, None], len(worlds.unit), env.num_envs
    window = np.zeros((firms, rows, SEEN), dtype=np.float32)
    costs, made, by_observation, by_demand = [], [], [], []
    for t in range(env.horizon - 1):
        local = np.stack([field.T for field in env.local_state])  # [5, N, B]
        window = np.concatenate([window[:, :, 5:], deviations(local, worlds.usual, worlds.unit)], axis=2)
        seen = torch.as_tensor(window).requires_grad_(learn)
        made.append(adjustment(parameters, context, seen, functional.elu))
        wanted = local[-1] + unit * made[-1].detach().numpy()
        if learn:
            ordered = (wanted >= 0).astype(np.float64)
            slope = torch.autograd.grad(made[-1].sum(), seen, retain_graph=True)[0].numpy().transpose(0, 2, 1)
            slope = slope * ordered[:, None]
            slope[:, : max(0, SEEN - 5 * (t + 1))] = 0.0  # before the start
            by_observation.append(slope)
            by_demand.append(ordered)
        env.step_orders(np.maximum(wanted, 0.0).T)
        costs.append(env.last_info["cost"])
    counts = np.arange(env.horizon) >= env.warmup
    counted = np.stack(costs)[counts[1:]].sum(axis=0).mean(axis=0)  # [N]
    networks = int(worlds.member.max()) + 1
    total = np.bincount(worlds.member, counted, minlength=networks)
    if not learn:
        return total, []
    weights = counts[:, None, None] / (total[worlds.member] * networks * rows)
    gradients = env.order_gradients(weights, by_observation, by_demand)
    return total, [
        (z, torch.as_tensor((gradient * ordered * unit).astype(np.float32)))
        for z, gradient, ordered in zip(made, gradients, by_demand, strict=True)
    ]


def tamed(steps: Sequence[tuple[Tensor, Tensor]], member: np.ndarray) -> list[tuple[Tensor, Tensor]]:
    """The steps of `play` with no network's derivatives larger, as a whole, than `_TAME` times the median network's.

    Where orders swing ever higher, derivatives grow from period to period until they say nothing, and would drown what
    the other networks say. Long lead times do that early in training.
    """
    squares = sum((by.double() ** 2).sum(dim=1) for _, by in steps).numpy()
    norms = np.sqrt(np.bincount(member, squares))
    factor = np.minimum(1.0, _TAME * np.median(norms) / np.maximum(norms, 1e-30))
    factors = torch.as_tensor(factor[member][:, None].astype(np.float32))
    return [(z, by * factors) for z, by in steps]


_TAME = 2.0
