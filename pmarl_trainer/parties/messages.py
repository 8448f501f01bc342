"""What parties ask of an exchange. A party is a generator: it yields one of these and is sent what came back.

So the same party runs in one process with all others (`LocalExchange`) or by itself over a network, and cannot tell.
All parties of a run yield the same kinds, purposes and rounds in the same order; only the numbers differ.

| wish | kind or purpose | tensors | when |
| --- | --- | --- | --- |
| Trade | trade | quantity [rows] float64: ordered from a supplier, shipped to a customer | every period |
| Trade | prices | price [rows] float64: shadow price of what came | hdpo, every period of an episode, backwards |
| Trade | embeddings | target, replay [batch, width] float32 | pmarl, maac: every update |
| Trade | gradient | gradient [batch, width] float32: with respect to the embedding `replay` that came | every update |
| Trade | fresh | fresh [batch, width] float32 | every update, after the critics' step |
| Total | attention | float64 [2 x numbers of W_q, W_k, W_v, b]: their gradient (`fixed_point.split`) | every update |
| Total | cost | float64 [1]: own counted cost of an episode, mean over rows | hdpo: every step |
| Total | evaluation | float64 [1]: own cost, mean over the evaluated episodes | every evaluation |
| Total | stop | float64 [1]: 1 from who has been asked to stop, 0 from others | every rollout |
| Agree | resume | rollouts of which a checkpoint is held; 0, the beginning, always is | once, first of all |

rows is `train.num_envs` in training and `train.evaluation_episodes` in an evaluation; batch `train.batch_size`; width
`train.hidden_size`. Rounds of a kind or purpose count from 0 for as long as the generator lives.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

#: neighbour -> name of a tensor -> tensor
Parcels = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Trade:
    """Send a parcel to each neighbour and take one from each; answered by the parcels that came, by neighbour.

    Attributes:
        kind: what is sent, see above.
        round: which of that kind.
        parcels: for each neighbour, tensors by name.
    """

    kind: str
    round: int
    parcels: Parcels


@dataclass(frozen=True, eq=False)
class Total:
    """Add numbers of one's own to everybody's; answered by the sum, float64 of the same shape, and by nothing else.

    Attributes:
        purpose: what is added up, see above.
        round: the how-manieth sum of that purpose.
        value: one's own numbers, float64, one-dimensional.
    """

    purpose: str
    round: int
    value: Tensor


@dataclass(frozen=True)
class Agree:
    """Settle on a number; answered by the greatest that all parties hold. Without one, the exchange raises.

    Attributes:
        purpose: what it is about, see above.
        values: the whole numbers that this party holds.
    """

    purpose: str
    values: tuple[int, ...]


#: Anything that a party can ask for.
Wish = Trade | Total | Agree

#: What a party does in one phase: yields wishes, is sent what came back, returns its result.
Phase = Generator[Wish, Any, Any]


class Rounds:
    """Counts the rounds of every kind and purpose."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)

    def next(self, what: str) -> int:
        """The number of the next one: 0, 1, ..."""
        return next(self._counts[what])
