"""Results by the names of policies, which say what there is when one asks for another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from scenv.errors import ScenarioError, did_you_mean

__all__ = ["ByPolicy"]

T = TypeVar("T")


class ByPolicy(Mapping[str, T]):
    """A mapping from policies' names to results, in the order of tables and plots."""

    @property
    def _by_name(self) -> Mapping[str, T]:
        raise NotImplementedError

    def __getitem__(self, name: str) -> T:
        try:
            return self._by_name[name]
        except KeyError:
            hint = did_you_mean(name, self._by_name)
            raise ScenarioError(f"no policy {name!r} in this comparison{hint}; it has {list(self._by_name)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)
