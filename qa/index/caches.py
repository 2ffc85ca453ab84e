"""Caches with a limit on the bytes they hold. The only importer of cachetools."""

from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Any

from cachetools import LRUCache


class Cache:
    """Values by key; the least recently used ones are dropped. Threads may share it.

    It suits values that never change under their key.
    """

    def __init__(self, limit: int, size: Callable[[Any], int]) -> None:
        """Create an empty cache.

        Args:
            limit: Most bytes of all values.
            size: Returns roughly how many bytes a value takes.
        """
        self._values: Any = LRUCache(limit, getsizeof=size)
        self._lock = Lock()  # guards the order of the values, which every access changes

    def get(self, keys: Iterable[Hashable]) -> dict[Any, Any]:
        """Return the values of those keys that are cached."""
        with self._lock:
            return {key: self._values[key] for key in keys if key in self._values}

    def put(self, key: Hashable, value: Any) -> None:
        """Cache a value, unless it is larger than the cache."""
        with self._lock:
            if self._values.getsizeof(value) <= self._values.maxsize:
                self._values[key] = value


class Caches:
    """The caches of one index.

    Attributes:
        texts: Texts by article id.
        scopes: What was worked out for a scope, by what it is, version of the index and scope.
            Each counts as at least 100 kB, since a scope may name hundreds of articles.
    """

    def __init__(self, text_bytes: int = 64_000_000, scope_bytes: int = 32_000_000) -> None:
        """Create empty caches of these sizes."""
        self.texts = Cache(text_bytes, lambda text: 4 * len(text))
        self.scopes = Cache(scope_bytes, lambda value: 100_000 + int(value.nbytes))
