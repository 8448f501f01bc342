"""The kinds of message that may cross between firms, and what each looks like: nothing else leaves a party."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pmarl_trainer.parties.wire.codec import WireError, check_finite

#: Dimension -> the sizes that it may have in this run, e.g. {"rows": {64, 100}, "batch": {1024}, "width": {128}}.
Sizes = Mapping[str, frozenset[int]]
#: A dimension of any size.
ANY = "any"


@dataclass(frozen=True)
class Kind:
    """A kind of message.

    Attributes:
        name: its name on the wire and in the audit log.
        tensors: name of a tensor -> its dimensions' names.
        dtype: of all its tensors.
        not_negative: whether its numbers are quantities.
        protectable: whether clipping, noise and silence make sense: not of what a neighbour knows from trade.
        scope: between whom: the ends of a link, or any firm and the one that adds up for all.
        meaning: in words, for people.
    """

    name: str
    tensors: Mapping[str, tuple[str, ...]]
    dtype: torch.dtype
    not_negative: bool = False
    protectable: bool = True
    scope: Literal["link", "all"] = "link"
    meaning: str = ""

    def check(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> None:
        """Refuse tensors that are not this kind of message.

        Raises:
            WireError: for other names, dtypes or shapes, and for numbers that are not finite, or negative quantities.
        """
        if set(tensors) != set(self.tensors):
            raise WireError(f"{self.name} holds {sorted(self.tensors)}, not {sorted(tensors)}")
        used: dict[str, int] = {}
        for name, dimensions in self.tensors.items():
            tensor, what = tensors[name], f"{self.name}: {name}"
            if tensor.dtype != self.dtype:
                raise WireError(f"{what} must be {_short(self.dtype)}, not {_short(tensor.dtype)}")
            shape = tuple(tensor.shape)
            if len(shape) != len(dimensions) or any(
                dimension != ANY
                and (size not in sizes.get(dimension, frozenset()) or used.setdefault(dimension, size) != size)
                for dimension, size in zip(dimensions, shape, strict=True)
            ):
                raise WireError(f"{what} must have shape [{self._shape(dimensions, sizes)}], not {list(shape)}")
            check_finite(what, tensor)
            if self.not_negative and bool((tensor < 0).any()):
                raise WireError(f"{what} holds negative quantities")

    @staticmethod
    def _shape(dimensions: tuple[str, ...], sizes: Sizes) -> str:
        return ", ".join(
            f"{dimension} = {' or '.join(map(str, sorted(sizes.get(dimension, ()))))}" for dimension in dimensions
        )


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


TRADE = Kind(
    "trade",
    {"quantity": ("rows",)},
    torch.float64,
    not_negative=True,
    protectable=False,
    meaning="what is ordered from a supplier, or shipped to a customer, at the end of a period",
)
PRICES = Kind(
    "prices",
    {"price": ("rows",)},
    torch.float64,
    meaning="what one more unit of what the neighbour sent would have cost (or, negative, saved) everybody: its shadow "
    "price",
)


def kinds_by_name(kinds: tuple[Kind, ...]) -> dict[str, Kind]:
    """A table of kinds."""
    return {kind.name: kind for kind in kinds}


def kinds_of_sum(purpose: str) -> tuple[Kind, Kind]:
    """(a firm's masked part on its way to the aggregator, the sum on its way back)."""
    part = Kind(f"part/{purpose}", {"masked": (purpose,)}, torch.int64, protectable=False, scope="all")
    total = Kind(f"total/{purpose}", {"total": (purpose,)}, torch.int64, protectable=False, scope="all")
    return part, total


def kinds_of_agreement(purpose: str) -> tuple[Kind, Kind]:
    """(the whole numbers that a firm could agree to, the one that all can)."""
    offer = Kind(f"offer/{purpose}", {"values": (ANY,)}, torch.int64, protectable=False, scope="all")
    agreed = Kind(f"agreed/{purpose}", {"value": (ANY,)}, torch.int64, protectable=False, scope="all")
    return offer, agreed


_LEARNT = ("batch", "width")
EMBEDDINGS = Kind(
    "embeddings",
    {"target": _LEARNT, "replay": _LEARNT},
    torch.float32,
    meaning="embeddings of the next and of the replayed step's observation and action",
)
GRADIENT = Kind(
    "gradient",
    {"gradient": _LEARNT},
    torch.float32,
    meaning="gradient of the own critic's loss with respect to the embedding that the neighbour told",
)
FRESH = Kind("fresh", {"fresh": _LEARNT}, torch.float32, meaning="embeddings of actions drawn anew")


def kinds_of_method(method: str) -> dict[str, Kind]:
    """All kinds of message of a training; sums and agreements with their names in `messages`."""
    learnt, sums = ((PRICES,), ("cost",)) if method == "hdpo" else ((EMBEDDINGS, GRADIENT, FRESH), ("attention",))
    found = [TRADE, *learnt, *kinds_of_agreement("resume")]
    for purpose in (*sums, "evaluation", "stop"):
        found += kinds_of_sum(purpose)
    return kinds_by_name(tuple(found))
