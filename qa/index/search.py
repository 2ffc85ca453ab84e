"""The search indexes, and the candidates that they propose for a question.

FAISS and tantivy only propose rows. Texts and scores come from the snapshot, so an answer is of one
state even where the search indexes are a little behind or ahead of it.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from qa.index.bm25 import bm25
from qa.index.database import Database
from qa.index.folder import TERMS_FOLDER, VECTORS_FILE
from qa.index.rows import State, StoredPassage, Term, Vector
from qa.index.scopes import Selection
from qa.index.snapshot import IN, Snapshot, as_json
from qa.index.term_index import TermIndex
from qa.index.vector_index import EXACT_UNTIL, SAMPLE, Rows, VectorIndex

_BLOCK = 10_000  # rows that are read from the database at once
# A question scores so many rows that the search indexes lack itself; beyond them it updates the
# indexes, and beyond the second number it waits for another thread that is updating them.
_SCANNED, _MOST_SCANNED = 1_000, 20_000
# Some more candidates: the term index rounds lengths, and both may be updated during a search.
_SLACK = 50
# Rows that were removed from the search indexes, and that an older snapshot may still contain.
_REMEMBERED = 20_000


class Candidates(NamedTuple):
    """Passages worth ranking, with their scores; three sequences of one length.

    Attributes:
        passages: The passages.
        dense: Cosine of question and passage, float32, -1 to 1.
        lexical: BM25 of question and passage, float32, 0 and up.
    """

    passages: list[StoredPassage]
    dense: Vector
    lexical: Vector


class SearchIndexes:
    """The vector index and the term index of one index folder. Threads may share it."""

    def __init__(self, database: Database, dimension: int) -> None:
        """Load the files; start empty where they are missing, damaged or not of this database."""
        self._database = database
        self._vectors = VectorIndex(database.folder / VECTORS_FILE, dimension, database.index_id)
        self._terms = TermIndex(database.folder / TERMS_FOLDER, database.index_id)
        # Number and row of passages; searches copy it, which no other thread can interrupt.
        self._removed: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        # Guards the updates of both indexes: one thread at a time makes them.
        self._updating = Lock()
        # Now, before the database grows: an older copy of it would use lost rows a second time.
        with database.reading() as connection:
            self._clear_if_ahead(Snapshot(connection, database.folder).state)

    def candidates(
        self,
        snapshot: Snapshot,
        vector: Vector,
        weights: Mapping[str, float],
        terms: Mapping[str, Term],
        limit: int,
        selection: Selection | None = None,
    ) -> Candidates:
        """Return the `limit` best passages by cosine and the `limit` best by BM25, united.

        Scores are exact; in a large corpus a passage may be missing that exact search would find.

        Args:
            snapshot: What is searched.
            vector: Unit vector of the question.
            weights: How often each term counts in BM25.
            terms: Those of the terms that the index contains.
            limit: At least 1.
            selection: The only texts to be searched; None for all.
        """
        weighted = {term.number: weights[name] for name, term in terms.items()}
        rows = self._propose(snapshot, vector, weighted, limit, selection)
        found = snapshot.passages(rows)
        if selection is not None:
            found = [passage for passage in found if passage.text_number in selection.texts]
        vectors = np.frombuffer(b"".join(p.vector for p in found), dtype="<f4")
        dense: Vector = vectors.reshape(len(found), -1) @ vector if found else np.zeros(0, "f4")
        lexical = bm25(
            [passage.terms for passage in found],
            weighted,
            {term.number: term.passages for term in terms.values()},
            snapshot.passage_count,
            snapshot.mean_length,
        )
        names = np.array([passage.passage_id for passage in found])  # ties break by passage id
        nearest = np.lexsort((names, -dense))[:limit]
        matching = np.lexsort((names, -lexical))[:limit]
        kept = np.union1d(nearest, matching[lexical[matching] > 0])
        return Candidates([found[i] for i in kept], dense[kept], lexical[kept])

    def refresh(self, *, wait: bool = True) -> None:
        """Bring both indexes up to date with the database, and save them.

        Args:
            wait: Whether to wait for another thread that is updating them.
        """
        if not self._updating.acquire(blocking=wait):
            return
        try:
            self._terms.reload()
            with self._database.reading() as connection:
                snapshot = Snapshot(connection, self._database.folder)
                self._clear_if_ahead(snapshot.state)
                self._update_vectors(snapshot)
                self._update_terms(snapshot)
            # Without the file the next start only takes longer: a full disk is no reason to stop.
            with suppress(OSError):
                self._vectors.save()
        finally:
            self._updating.release()

    def _propose(
        self,
        snapshot: Snapshot,
        vector: Vector,
        weights: Mapping[int, float],
        limit: int,
        selection: Selection | None,
    ) -> list[int]:
        """Return rows that may be among the best; some may not be in the snapshot."""
        state = snapshot.state
        behind = state.row - min(self._vectors.state.row, self._terms.state.row)
        if behind > _SCANNED:
            self.refresh(wait=behind > _MOST_SCANNED)
        first = min(self._vectors.state.row, self._terms.state.row)
        # Proposals that the snapshot does not contain must not take the place of others.
        most = limit + _SLACK + snapshot.unused_passages
        for index in (self._vectors, self._terms):
            most += max(0, index.state.row - state.row, state.dropped - index.state.dropped)
        near = self._vectors.search(vector, most, selection.rows if selection else None)
        best = self._terms.search(weights, most, sorted(selection.texts) if selection else None)
        first = min(first, self._terms.state.row)  # an error has emptied it
        new = snapshot.query("SELECT row FROM passages WHERE row > ?", (first,))
        removed = [row for number, row in list(self._removed) if number > state.dropped]
        return sorted({*near.tolist(), *best.tolist(), *(row for (row,) in new), *removed})

    def _clear_if_ahead(self, state: State) -> None:
        """Empty an index that was built from a later state: the database is an older copy."""
        for index in (self._vectors, self._terms):
            if index.state.row > state.row or index.state.dropped > state.dropped:
                index.clear()

    def _update_vectors(self, snapshot: Snapshot) -> None:
        state, known = snapshot.state, self._vectors.state
        if not known.row and snapshot.passage_count > EXACT_UNTIL:
            self._train(snapshot)
        elif known != state:
            for rows, vectors in _vectors(snapshot, known.row):
                self._vectors.add(known._replace(row=int(rows[-1])), rows, vectors)
            dropped = _dropped(snapshot, known)
            # Listed before they are removed: a search must find them in one place or the other.
            self._removed.extend(dropped)
            rows = np.array([row for _, row in dropped], dtype=np.int64)
            self._vectors.remove(state, rows)
        if self._vectors.needs_training:
            self._train(snapshot)

    def _train(self, snapshot: Snapshot) -> None:
        random = np.random.default_rng(0)
        rows = np.array([row for (row,) in snapshot.query("SELECT row FROM passages ORDER BY row")])
        chosen = np.sort(random.choice(rows, min(len(rows), SAMPLE), replace=False)).tolist()
        sql = f"SELECT vector FROM passages WHERE row {IN}"
        sample = _matrix([vector for (vector,) in snapshot.query(sql, (as_json(chosen),))])
        self._vectors.train(snapshot.state, len(rows), sample, _vectors(snapshot, 0))

    def _update_terms(self, snapshot: Snapshot) -> None:
        known = self._terms.state
        if known != snapshot.state:
            dropped = [row for _, row in _dropped(snapshot, known)]
            self._terms.update(known, snapshot.state, _term_lists(snapshot, known.row), dropped)


def _matrix(blobs: list[bytes]) -> Vector:
    return np.frombuffer(b"".join(blobs), dtype="<f4").astype(np.float32).reshape(len(blobs), -1)


def _blocks(snapshot: Snapshot, columns: str, after: int) -> Iterator[list[Any]]:
    """Yield the passages above a row, in order: lists of row and columns."""
    sql = f"SELECT row, {columns} FROM passages WHERE row > ? ORDER BY row LIMIT ?"
    while found := snapshot.query(sql, (after, _BLOCK)):
        after = found[-1][0]
        yield found


def _vectors(snapshot: Snapshot, after: int) -> Iterator[tuple[Rows, Vector]]:
    """Yield the rows above a row with their vectors."""
    for block in _blocks(snapshot, "vector", after):
        yield np.array([row for row, _ in block], dtype=np.int64), _matrix([v for _, v in block])


def _term_lists(snapshot: Snapshot, after: int) -> Iterator[tuple[int, int, list[int]]]:
    """Yield the rows above a row with number of the text and terms."""
    for block in _blocks(snapshot, "text_number, terms", after):
        for row, text, terms in block:
            yield row, text, np.frombuffer(terms, dtype="<u4").tolist()


def _dropped(snapshot: Snapshot, known: State) -> list[tuple[int, int]]:
    """Return number and row of each passage that was removed since a state."""
    sql = "SELECT number, row FROM dropped WHERE number > ? ORDER BY number"
    return [(number, row) for number, row in snapshot.query(sql, (known.dropped,))]
