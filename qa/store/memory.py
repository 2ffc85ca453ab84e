"""What was read before and cannot have changed since."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key, fetched once; forgotten all together when there are too many.

    For what never changes under its key. Threads may share it.
    """

    def __init__(self, limit: int, fetch: Callable[[Sequence[K]], Mapping[K, V]]) -> None:
        """Remember nothing yet.

        Args:
            limit: Most values to keep.
            fetch: Returns the values of some keys; one that has none is missing.
        """
        self._limit = limit
        self._fetch = fetch
        self._kept: dict[K, V] = {}

    def get(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the values of these keys, in their order; one that has none is missing."""
        wanted = list(keys)
        kept = self._kept
        found = {key: kept[key] for key in wanted if key in kept}
        if len(found) < len(wanted):
            new = self._fetch([key for key in wanted if key not in found])
            if len(kept) + len(new) > self._limit:
                self._kept = kept = {}
            kept.update(new)
            found.update(new)
            found = {key: found[key] for key in wanted if key in found}
        return found
