"""The index of one folder of articles: a database, and the search indexes built from it."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qa.index.caches import Caches
from qa.index.database import Connection, Database
from qa.index.rows import COLUMNS, Entry, FileRecord, Manifest, to_row
from qa.index.search import SearchIndexes
from qa.index.snapshot import UNUSED, Snapshot
from qa.records import Article

_AT_ONCE = 20  # articles that one transaction removes: a fraction of a second


class Store:
    """Threads may share it; other processes may write to the same folder.

    Attributes:
        folder: The folder of the index.
        indexes: Propose passages for a question.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open the index in `folder`, or create it.

        Raises:
            StoreError: See `qa.index.database.Database`.
        """
        self.folder = folder
        self._database = Database(folder, manifest)
        self._caches = Caches()
        self.indexes = SearchIndexes(self._database, manifest.dimension)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read one state of the index, without waiting for writers."""
        with self._database.reading() as connection:
            yield Snapshot(connection, self.folder, self._caches)

    def put_text(
        self,
        article: Article,
        passages: Sequence[Entry],
        sentences: Sequence[Entry],
        bands: Collection[int] = (),
        near_duplicates: Callable[[Snapshot], Collection[int]] = lambda _: (),
    ) -> None:
        """Store an article and its text with everything that it is found by, in one transaction.

        Args:
            article: The article; an article stored with its path is replaced.
            passages: The passages of its text; an earlier division is replaced.
            sentences: The sentences of its text.
            bands: See `qa.index.duplicates.bands`.
            near_duplicates: Returns the numbers of the texts that it is a near duplicate of.
        """
        text = article.text
        with self._database.writing() as db:
            # Read through this connection: its cache survives its own writes.
            similar = near_duplicates(Snapshot(db, self.folder, self._caches))
            inserted: list[Any] = db.execute(
                "INSERT INTO texts (article_id, language, words, characters, text) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (article_id) "
                "DO UPDATE SET language = excluded.language RETURNING number",
                (article.article_id, article.language, len(text.split()), len(text), text),
            ).fetchall()
            number = int(inserted[0][0])
            _delete_passages(db, number)
            db.execute("DELETE FROM sentences WHERE text_number = ?", (number,))
            known = _term_numbers(db, {t for e in (*passages, *sentences) for t in e.terms})
            # Half precision for sentences: they are compared to two decimals, and are most of the
            # file.
            for table, entries, kind in (
                ("passages", passages, "<f4"),
                ("sentences", sentences, "<f2"),
            ):
                db.executemany(
                    f'INSERT INTO {table} (text_number, start, "end", terms, vector) '
                    "VALUES (?, ?, ?, ?, ?)",
                    [
                        (
                            number,
                            *entry.span,
                            np.array([known[term] for term in entry.terms], "<u4").tobytes(),
                            entry.vector.astype(kind).tobytes(),
                        )
                        for entry in entries
                    ],
                )
            _count_passages(db, [[known[term] for term in entry.terms] for entry in passages], 1)
            bands_of_text = [(band, number) for band in bands]
            db.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", bands_of_text)
            pairs = [(number, other) for other in similar if other != number]
            pairs += [(other, one) for one, other in pairs]
            db.executemany("INSERT OR IGNORE INTO near_duplicates VALUES (?, ?)", pairs)
            _put_articles(db, [article])
            _add(db, generation=1)

    def put_articles(self, articles: Collection[Article]) -> None:
        """Store articles whose texts are stored already; those with their paths are replaced."""
        if articles:
            with self._database.writing() as db:
                _put_articles(db, articles)
                _add(db, edits=1)

    def put_files(self, records: Mapping[str, FileRecord], gone: Collection[str] = ()) -> None:
        """Store what files contained when they were read; forget files that are gone."""
        rows = [
            (
                path,
                record.signature,
                json.dumps(record.articles),
                json.dumps([(item.path, item.reason) for item in record.skipped]),
            )
            for path, record in records.items()
        ]
        if rows or gone:
            with self._database.writing() as db:
                db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
                db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])

    def remove_articles(self, paths: Sequence[str] = ()) -> None:
        """Remove articles, and every text that no article has; a few in each transaction."""
        while True:
            with self._database.writing() as db:
                some, paths = paths[:_AT_ONCE], paths[_AT_ONCE:]
                db.executemany("DELETE FROM articles WHERE path = ?", [(path,) for path in some])
                unused: list[Any] = db.execute(
                    f"SELECT number FROM texts WHERE {UNUSED} LIMIT ?", (_AT_ONCE,)
                ).fetchall()
                if not some and not unused:
                    return
                for (number,) in unused:
                    _delete_passages(db, number)
                db.executemany("DELETE FROM texts WHERE number = ?", unused)
                _add(db, generation=1)

    def columns(self, given: Mapping[str, str] | None) -> Mapping[str, str]:
        """Store which column of a table holds which field; return what is stored if None."""
        with self.snapshot() as snapshot:
            known = snapshot.columns
        if given is not None and given != known:
            row = ("columns", json.dumps(dict(given)))
            with self._database.writing() as db:
                db.execute("INSERT OR REPLACE INTO manifest VALUES (?, ?)", row)
        return known if given is None else given

    def refresh_indexes(self) -> None:
        """Bring the search indexes up to date, so that the next question need not."""
        self.indexes.refresh()


def _put_articles(db: Connection, articles: Collection[Article]) -> None:
    """Insert articles whose texts are stored, or replace those with their paths."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in ("text_number", *COLUMNS))
    db.executemany(
        f"INSERT INTO articles (text_number, {', '.join(COLUMNS)}) VALUES "
        f"((SELECT number FROM texts WHERE article_id = ?), {', '.join('?' * len(COLUMNS))}) "
        f"ON CONFLICT (path) DO UPDATE SET {changes}",
        [(article.article_id, *to_row(article)) for article in articles],
    )


def _add(db: Connection, **amounts: int) -> None:
    """Add to counters in the manifest."""
    db.executemany(
        "UPDATE manifest SET value = CAST(value + ? AS TEXT) WHERE key = ?",
        [(amount, key) for key, amount in amounts.items()],
    )


def _delete_passages(db: Connection, text_number: int) -> None:
    """Delete the passages of a text; list their rows, so that search indexes drop them as well."""
    passages: list[Any] = db.execute(
        "SELECT row, terms FROM passages WHERE text_number = ?", (text_number,)
    ).fetchall()
    db.executemany("INSERT INTO dropped (row) VALUES (?)", [(row,) for row, _ in passages])
    _count_passages(db, [np.frombuffer(terms, dtype="<u4").tolist() for _, terms in passages], -1)
    db.execute("DELETE FROM passages WHERE text_number = ?", (text_number,))


def _term_numbers(db: Connection, terms: Collection[str]) -> dict[str, int]:
    """Return the number of each term; new terms get one."""
    db.executemany(
        "INSERT OR IGNORE INTO terms (term, passages) VALUES (?, 0)", [(t,) for t in sorted(terms)]
    )
    return dict(
        db.execute(
            "SELECT term, number FROM terms WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(list(terms)),),
        )
    )


def _count_passages(db: Connection, passages: Sequence[Sequence[int]], sign: int) -> None:
    """Add passages, given as the numbers of their terms, to the counts, or subtract them."""
    held = Counter(number for terms in passages for number in set(terms))
    db.executemany(
        "UPDATE terms SET passages = passages + ? WHERE number = ?",
        [(sign * count, number) for number, count in held.items()],
    )
    _add(db, passages=sign * len(passages), length=sign * sum(map(len, passages)))
