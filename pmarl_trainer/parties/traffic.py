"""What crosses between firms, counted: how often they wait for each other, and how much every link carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pmarl_trainer.parties.messages import Total, Trade, Wish

#: How many times a message travels before a party goes on: neighbours' cross on their way; a sum goes there and back.
_TRADE, _SUM = 1, 2
_WHOLE_NUMBER = 8


class Traffic:
    """Counts the rounds of an exchange: `LocalExchange(traffic.watch)`.

    Attributes:
        rounds: of each kind of trade, and of each sum or agreement, by its purpose.
        sizes: bytes of numbers that crossed: (sender, receiver, kind) -> bytes; sums go to everybody ("all").
        journeys: how many times one after the other a message has travelled while parties waited.
    """

    def __init__(self) -> None:
        self.rounds: Counter[str] = Counter()
        self.sizes: Counter[tuple[str, str, str]] = Counter()
        self.journeys = 0

    def watch(self, wishes: Mapping[str, Wish]) -> None:
        """One round: all parties' wishes."""
        some = next(iter(wishes.values()))
        self.rounds[some.kind if isinstance(some, Trade) else some.purpose] += 1
        self.journeys += _TRADE if isinstance(some, Trade) else _SUM
        for sender, wish in wishes.items():
            self._weigh(sender, wish)

    def _weigh(self, sender: str, wish: Wish) -> None:
        if isinstance(wish, Trade):
            for receiver, parcel in wish.parcels.items():
                size = sum(tensor.numel() * tensor.element_size() for tensor in parcel.values())
                self.sizes[sender, receiver, wish.kind] += size
            return
        count = wish.value.numel() if isinstance(wish, Total) else len(wish.values)
        self.sizes[sender, "all", wish.purpose] += _WHOLE_NUMBER * count

    @property
    def busiest_link(self) -> int:
        """Bytes that the busiest directed link between two firms has carried."""
        links: Counter[tuple[str, str]] = Counter()
        for (sender, receiver, _), size in self.sizes.items():
            if receiver != "all":
                links[sender, receiver] += size
        return max(links.values(), default=0)

    def waited(self, seconds: float) -> float:
        """Seconds that all of it takes longer where a message takes so many from one firm to another."""
        return self.journeys * seconds
