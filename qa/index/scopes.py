"""Which texts, passages and sources a scope holds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.index.snapshot import IN, Snapshot, as_json
from qa.records import EVERYTHING, Scope


class Selection(NamedTuple):
    """The contents of a scope.

    Attributes:
        paths: Paths of articles.
        texts: Numbers of texts.
        rows: Rows of passages, int64.
        sources: Names of the sources, sorted, each once.
    """

    paths: frozenset[str]
    texts: frozenset[int]
    rows: NDArray[np.int64]
    sources: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """Roughly how many bytes it takes."""
        names = sum(60 + len(name) for name in (*self.paths, *self.sources))
        return int(self.rows.nbytes) + 60 * len(self.texts) + names


def select(snapshot: Snapshot, scope: Scope) -> Selection:
    """Return what a scope holds, found once for each version of the index.

    Of `EVERYTHING` only the sources are listed.
    """
    key = (snapshot.version, scope)
    cache = snapshot.caches.scopes
    if found := cache.get([key]):
        known: Selection = found[key]
        return known
    where, values = _conditions(snapshot, scope)
    articles = snapshot.query(
        f"SELECT path, text_number, coalesce(outlet, title) FROM articles {where}", values
    )
    names = tuple(sorted({source for _, _, source in articles}))
    selection = Selection(frozenset(), frozenset(), np.zeros(0, dtype=np.int64), names)
    if scope != EVERYTHING:
        paths = frozenset(path for path, _, _ in articles)
        texts = frozenset(number for _, number, _ in articles)
        sql = f"SELECT row FROM passages WHERE text_number {IN}"
        rows = [row for (row,) in snapshot.query(sql, (as_json(texts),))]
        selection = Selection(paths, texts, np.array(rows, dtype=np.int64), names)
    cache.put(key, selection)
    return selection


def _conditions(snapshot: Snapshot, scope: Scope) -> tuple[str, list[str]]:
    """Return the WHERE clause of a scope, over ``articles``, with its values."""
    conditions: list[str] = []
    values: list[str] = []
    if scope.outlets is not None:
        named = {name.casefold() for name in scope.outlets}
        known = snapshot.query("SELECT DISTINCT outlet FROM articles WHERE outlet IS NOT NULL")
        conditions.append(f"outlet {IN}")
        values.append(as_json(name for (name,) in known if name.casefold() in named))
    for condition, day in (("published >= ?", scope.since), ("published <= ?", scope.until)):
        if day is not None:
            conditions.append(condition)
            values.append(day.isoformat())
    if scope.paths is not None:
        conditions.append(f"path {IN}")
        values.append(as_json(scope.paths))
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), values
