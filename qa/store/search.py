"""Candidates for a question: both search indexes, kept up with the truth, and exact scores."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import RLock
from typing import NamedTuple

import numpy as np

from qa.store import Candidates
from qa.store.database import Database
from qa.store.folder import TERMS_FOLDER, VECTORS_FILE
from qa.store.memory import Memory
from qa.store.scores import bm25
from qa.store.terms import DamagedError, TermIndex
from qa.store.vectors import EXACT_UNTIL, Rows, VectorIndex, Vectors, Watermark

_log = logging.getLogger("qa")
# Rows that are read from the file at once.
_BLOCK = 10_000
# Passages whose terms and vectors stay in memory: some 2 KB each.
_PASSAGES = 20_000


class Selection(NamedTuple):
    """Articles that are searched: their numbers, and the rows of their passages."""

    articles: list[int]
    rows: Rows


class Term(NamedTuple):
    """A term of the index: its number, and in how many passages it stands."""

    number: int
    passages: int


class Search:
    """The derived indexes of one index folder. Threads may share it."""

    def __init__(self, database: Database, dimension: int) -> None:
        """Load what lies in the folder; what is missing or damaged there is made from the truth."""
        self._database = database
        # Always taken in this order, and before the database's own.
        self._updating, self._updating_terms = RLock(), RLock()
        self._vectors = VectorIndex(database.folder / VECTORS_FILE, dimension)
        self._vectors.load(database.index_id)
        self._terms = TermIndex(database.folder / TERMS_FOLDER, database.index_id)
        self._terms_seen = Watermark("")
        self._passages = Memory(_PASSAGES, self._read)
        # Now, before the truth grows: rows that it lost may be given to other passages.
        truth = self._truth()
        if _ahead(self._vectors.watermark, truth):
            self._vectors.clear(truth.index_id)
        try:
            known = self._terms.watermark
        except DamagedError:
            self._terms.clear()
        else:
            if _ahead(known, truth):
                self._terms.clear()

    def terms(self, terms: Sequence[str]) -> dict[str, Term]:
        """Return the terms that the index knows."""
        return {
            term: Term(number, passages)
            for term, number, passages in self._database.query(
                "SELECT term, number, passages FROM terms "
                "WHERE term IN (SELECT value FROM json_each(?))",
                (json.dumps(list(terms)),),
            )
        }

    def totals(self) -> tuple[int, float]:
        """Return how many passages there are, and their mean length in terms."""
        known = self._database.manifest("passages", "length")
        passages = int(known["passages"])
        return passages, int(known["length"]) / max(1, passages)

    def candidates(
        self,
        vector: Vectors,
        weights: Mapping[str, float],
        limit: int,
        selection: Selection | None = None,
    ) -> Candidates:
        """See `Store.candidates`."""
        self._refresh()
        known = self.terms(list(weights))
        numbers = {term.number: weights[name] for name, term in known.items()}
        near = self._vectors.search(vector, limit, selection.rows if selection else None)
        # Some more, since the term index rounds lengths.
        chosen = selection.articles if selection else None
        try:
            best = self._terms.search(numbers, limit + limit // 4, chosen)
        except DamagedError as error:
            self._remake_terms(error)
            best = self._terms.search(numbers, limit + limit // 4, chosen)
        wanted = np.union1d(near, best).tolist()
        found = self._passages.get(wanted)
        rows = np.array(list(found), dtype=np.int64)
        keys = [key for key, _, _ in found.values()]
        texts = [text for _, text, _ in found.values()]
        vectors = np.array([v for _, _, v in found.values()]).reshape(-1, self._vectors.dimension)
        dense = vectors @ vector.reshape(-1)
        total, mean_length = self.totals()
        passages = {term.number: term.passages for term in known.values()}
        lexical = bm25(texts, numbers, passages, total, mean_length)
        names = np.array(keys)  # where scores are equal, every index takes the same ones
        nearest = np.lexsort((names, -dense))[:limit]
        matching = np.lexsort((names, -lexical))[:limit]
        kept = np.union1d(nearest, matching[lexical[matching] > 0])
        return Candidates(rows[kept], [keys[i] for i in kept], dense[kept], lexical[kept])

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Keep truth and indexes as they are."""
        with self._updating, self._updating_terms, self._database.transaction():
            yield

    def settle(self) -> None:
        """Bring both indexes up to the truth and, if it is time, write them or learn them anew."""
        self._refresh(wait=True)
        with self._updating:
            if self._vectors.outgrown:
                self._relearn(self._truth())
            # Without the file the next start only takes longer: a full disk is no reason to stop.
            with suppress(OSError):
                self._vectors.save()

    def _read(self, rows: Sequence[int]) -> dict[int, tuple[str, bytes, Vectors]]:
        """Return of these passages, as far as they are kept, by row: names, terms and vectors."""
        found = self._database.query(
            "SELECT p.row, a.article_id || ':' || p.start || '-' || p.\"end\", p.terms, p.vector "
            "FROM json_each(?) j JOIN passages p ON p.row = j.value "
            "JOIN articles a ON a.number = p.article",
            (json.dumps(list(rows)),),
        )
        return {
            row: (name, terms, np.frombuffer(vector, dtype="<f4"))
            for row, name, terms, vector in found
        }

    def _matrix(self, blobs: Sequence[bytes]) -> Vectors:
        vectors = np.frombuffer(b"".join(blobs), dtype="<f4").astype(np.float32)
        return vectors.reshape(len(blobs), self._vectors.dimension)

    def _truth(self) -> Watermark:
        last = dict(self._database.query("SELECT name, seq FROM sqlite_sequence"))
        return Watermark(self._database.index_id, last.get("passages", 0), last.get("dropped", 0))

    def _refresh(self, *, wait: bool = False) -> None:
        """Take in what has changed.

        Args:
            wait: For whoever is taking in the terms just now; else they may lag for a moment.
        """
        truth = self._truth()
        if self._vectors.watermark != truth:
            with self._updating:
                self._update_vectors()
        if self._terms_seen != truth and self._updating_terms.acquire(blocking=wait):
            try:
                self._update_terms()
            except DamagedError as error:
                self._remake_terms(error)
            finally:
                self._updating_terms.release()

    def _update_vectors(self) -> None:
        truth, known = self._truth(), self._vectors.watermark
        if _ahead(known, truth):
            self._vectors.clear(truth.index_id)
            known = self._vectors.watermark
        if not known.row and self.totals()[0] > EXACT_UNTIL:
            self._relearn(truth)
            known = self._vectors.watermark
        for rows, vectors in self._blocks(known.row, truth.row):
            mark = Watermark(truth.index_id, int(rows[-1]), known.dropped)
            self._vectors.update(mark, rows, vectors, np.zeros(0, dtype=np.int64))
        dropped = np.array(self._dropped(known, truth), dtype=np.int64)
        self._vectors.update(truth, *self._nothing(), dropped)

    def _relearn(self, truth: Watermark) -> None:
        random = np.random.default_rng(0)
        total, _ = self.totals()
        wanted = random.integers(1, truth.row + 1, self._vectors.sample_size(total))
        found = self._read(np.unique(wanted).tolist())
        sample = np.array([vector for _, _, vector in found.values()])
        self._vectors.relearn(truth, total, sample, self._blocks(0, truth.row))

    def _update_terms(self) -> None:
        truth, known = self._truth(), self._terms.watermark
        if _ahead(known, truth):
            self._terms.clear()
            known = Watermark(truth.index_id)
        if known == truth or self._terms.update(
            truth, self._term_lists(known.row, truth.row), self._dropped(known, truth)
        ):
            self._terms_seen = truth

    def _remake_terms(self, error: DamagedError) -> None:
        """Make the index of terms again; in memory, if the disk will not have it.

        It could not be read; or not be written, as where a kill has left a file in the way.
        """
        _log.warning("The index of terms fails (%s): made again.", error)
        with self._updating_terms:
            self._terms.clear()
            try:
                self._update_terms()
            except DamagedError as again:
                _log.warning("The index of terms cannot be written (%s): kept in memory.", again)
                self._terms.keep_in_memory()
                self._update_terms()

    def _blocks(self, after: int, last: int) -> Iterator[tuple[Rows, Vectors]]:
        """Yield rows with their vectors, in order, from behind `after` up to `last`."""
        while found := self._database.query(
            "SELECT row, vector FROM passages WHERE row > ? AND row <= ? ORDER BY row LIMIT ?",
            (after, last, _BLOCK),
        ):
            after = found[-1][0]
            rows = np.array([row for row, _ in found], dtype=np.int64)
            yield rows, self._matrix([vector for _, vector in found])

    def _term_lists(self, after: int, last: int) -> Iterator[tuple[int, int, list[int]]]:
        while found := self._database.query(
            "SELECT row, article, terms FROM passages WHERE row > ? AND row <= ? "
            "ORDER BY row LIMIT ?",
            (after, last, _BLOCK),
        ):
            after = found[-1][0]
            for row, article, terms in found:
                yield row, article, np.frombuffer(terms, dtype="<u4").tolist()

    def _dropped(self, known: Watermark, truth: Watermark) -> list[int]:
        return [
            row
            for (row,) in self._database.query(
                "SELECT row FROM dropped WHERE number > ? AND number <= ?",
                (known.dropped, truth.dropped),
            )
        ]

    def _nothing(self) -> tuple[Rows, Vectors]:
        return np.zeros(0, dtype=np.int64), np.zeros((0, self._vectors.dimension), np.float32)


def _ahead(known: Watermark, truth: Watermark) -> bool:
    """Whether the truth is an older copy than the one that an index was derived from."""
    return known.row > truth.row or known.dropped > truth.dropped
