"""The store on one machine: the truth in one SQLite file, the search indexes derived from it."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any, Literal

import numpy as np

from qa.datatypes import Article, Passage, Scope, Skipped
from qa.errors import StoreError
from qa.store import FORMAT_VERSION, Candidates, Entry, FileRecord, Manifest, Sentence
from qa.store.derived import Derived, Vectors
from qa.store.folder import APPLICATION_ID, TRUTH_FILE, claim, foreign, unwritable
from qa.store.schema import COLUMNS, SCHEMA, to_article, to_row


class LocalStore:
    """See `qa.store.Store`. Threads may share it; other processes may write meanwhile."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open the file in `folder`, or make it.

        Raises:
            StoreError: The folder is not ours, cannot be written, is damaged, or was made by
                another version, with another model, or from another folder of articles.
        """
        self.folder = folder
        self._lock = RLock()
        self._derived = Derived(folder, manifest.dimension)
        claim(folder)
        with _readable(folder):
            self._db = sqlite3.connect(
                folder / TRUTH_FILE, timeout=60, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(manifest)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _prepare(self, manifest: Manifest) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        with self.transaction() as db:
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in SCHEMA.strip().split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                values = {**manifest._asdict(), "index_id": token_hex(8), "generation": 0}
                db.executemany("INSERT INTO manifest VALUES (?, ?)", _texts(values))
        self._check(manifest)
        # Readers go on while one process writes; a killed writer leaves the last whole state. Only
        # now, since it changes the file: one that is not ours stays as it is.
        self._db.execute("PRAGMA journal_mode = WAL")

    def _check(self, manifest: Manifest) -> None:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise foreign(self.folder)
        kept = dict(self._db.execute("SELECT key, value FROM manifest"))
        wanted = dict(_texts(manifest._asdict()))
        rebuild = "Rebuild it with: qa index --rebuild"
        if version != FORMAT_VERSION or kept["chunking"] != wanted["chunking"]:
            raise StoreError(f"The index in {self.folder} was made by another version. {rebuild}")
        if kept["model_id"] != wanted["model_id"]:
            raise StoreError(
                f"The index in {self.folder} was made with the model {kept['model_id']}, not with "
                f"{wanted['model_id']}. Name that model with --model, or rebuild the index with "
                "this one: qa index --rebuild"
            )
        if kept["articles"] != wanted["articles"]:
            if Path(kept["articles"]).is_dir():
                raise StoreError(
                    f"The index in {self.folder} belongs to the articles in {kept['articles']}, "
                    f"not to {wanted['articles']}. Name another folder with --index, or let this "
                    "one go with: qa index --rebuild"
                )
            with self.transaction() as db:  # the folder was moved: its index moves along
                db.execute(
                    "UPDATE manifest SET value = ? WHERE key = 'articles'", (wanted["articles"],)
                )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one write: all of it or nothing."""
        with self._lock, _readable(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of one SELECT."""
        with self._lock, _readable(self.folder):
            return self._db.execute(sql, values).fetchall()

    def paths(self) -> dict[str, str]:
        """See `Store.paths`."""
        return dict(self.query("SELECT path, article_id FROM articles"))

    def status(self, article: Article) -> Literal["absent", "changed", "same"]:
        """See `Store.status`."""
        kept = self.query(
            f"SELECT {', '.join(COLUMNS)} FROM articles WHERE article_id = ?",
            (article.article_id,),
        )
        if not kept:
            return "absent"
        return "same" if to_article(kept[0]) == article else "changed"

    def files(self) -> dict[str, FileRecord]:
        """See `Store.files`."""
        return {
            path: FileRecord(
                stamp,
                sha256,
                tuple((a, b) for a, b in json.loads(articles)),
                tuple(Skipped(a, b) for a, b in json.loads(skipped)),
            )
            for path, stamp, sha256, articles, skipped in self.query(
                "SELECT path, stamp, sha256, articles, skipped FROM files"
            )
        }

    def put_files(self, records: Mapping[str, FileRecord], gone: Collection[str] = ()) -> None:
        """See `Store.put_files`."""
        rows = [
            (
                path,
                record.stamp,
                record.sha256,
                json.dumps(record.articles),
                json.dumps([(item.path, item.reason) for item in record.skipped]),
            )
            for path, record in records.items()
        ]
        with self.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)
            db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])

    def put(
        self,
        article: Article,
        entries: Sequence[Entry],
        sentences: Sequence[Sentence],
        replaces: str | None = None,
        bands: Collection[int] = (),
        copies: Collection[str] = (),
    ) -> None:
        """See `Store.put`."""
        with self.transaction() as db:
            gone = [article.article_id] + ([replaces] if replaces else [])
            db.executemany("DELETE FROM articles WHERE article_id = ?", [(key,) for key in gone])
            db.execute(
                f"INSERT INTO articles ({', '.join(COLUMNS)}) "
                f"VALUES ({', '.join('?' * len(COLUMNS))})",
                to_row(article),
            )
            db.executemany(
                'INSERT INTO passages (article_id, start, "end", terms, vector) '
                "VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        article.article_id,
                        entry.passage.start,
                        entry.passage.end,
                        " ".join(entry.terms),
                        entry.vector.astype("<f4").tobytes(),
                    )
                    for entry in entries
                ],
            )
            # Half precision: they are compared to two decimals, and they are most of the file.
            db.executemany(
                "INSERT INTO sentences VALUES (?, ?, ?, ?)",
                [
                    (article.article_id, *sentence.span, sentence.vector.astype("<f2").tobytes())
                    for sentence in sentences
                ],
            )
            key = article.article_id
            db.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(b, key) for b in bands])
            db.executemany(  # one that was dropped meanwhile is no copy any more
                "INSERT INTO copies SELECT ?, article_id FROM articles WHERE article_id = ?",
                [(key, copy) for copy in copies if copy not in gone],
            )
            _next_generation(db)

    def put_twins(self, twins: Collection[Article], kept: Collection[str]) -> None:
        """See `Store.put_twins`."""
        rows = [
            (twin.path, twin.article_id, json.dumps(to_row(replace(twin, text="", boilerplate=()))))
            for twin in twins
        ]
        there = json.dumps([*kept, *(twin.path for twin in twins)])
        with self.transaction() as db:
            db.execute(
                "DELETE FROM twins WHERE path NOT IN (SELECT value FROM json_each(?))", (there,)
            )
            db.executemany("INSERT OR REPLACE INTO twins VALUES (?, ?, ?)", rows)

    def twins(self, article_ids: Collection[str] | None = None) -> dict[str, list[Article]]:
        """See `Store.twins`."""
        rows = self.query(
            "SELECT article_id, known FROM twins WHERE ? IS NULL "
            "OR article_id IN (SELECT value FROM json_each(?)) ORDER BY path",
            (ids := None if article_ids is None else json.dumps(list(article_ids)), ids or "[]"),
        )
        whole = {a.article_id: a for a in self.articles({key for key, _ in rows})} if rows else {}
        found: dict[str, list[Article]] = {}
        for key, known in rows:
            if original := whole.get(key):
                values = json.loads(known)
                values[COLUMNS.index("text")] = original.text
                twin = replace(to_article(values), boilerplate=original.boilerplate)
                found.setdefault(key, []).append(twin)
        return found

    def similar(self, bands: Collection[int]) -> set[str]:
        """See `Store.similar`."""
        return {
            article_id
            for (article_id,) in self.query(
                "SELECT DISTINCT article_id FROM bands "
                "WHERE band IN (SELECT value FROM json_each(?))",
                (json.dumps(list(bands)),),
            )
        }

    def linked(self, article_ids: Collection[str]) -> Mapping[str, set[str]]:
        """See `Store.linked`."""
        ids = json.dumps(list(article_ids))
        linked: dict[str, set[str]] = {}
        for one, other in self.query(
            "SELECT one, other FROM copies WHERE one IN (SELECT value FROM json_each(?)) "
            "AND other IN (SELECT value FROM json_each(?))",
            (ids, ids),
        ):
            linked.setdefault(one, set()).add(other)
            linked.setdefault(other, set()).add(one)
        return linked

    def copies(self) -> Mapping[str, frozenset[str]]:
        """See `Store.copies`."""
        with self._fresh() as derived:
            return derived.copies

    def update(self, article: Article) -> None:
        """See `Store.update`."""
        assignments = ", ".join(f"{column} = ?" for column in COLUMNS)
        with self.transaction() as db:
            db.execute(
                f"UPDATE articles SET {assignments} WHERE article_id = ?",
                (*to_row(article), article.article_id),
            )

    def remove(self, article_ids: Collection[str]) -> None:
        """See `Store.remove`."""
        with self.transaction() as db:
            db.executemany(
                "DELETE FROM articles WHERE article_id = ?", [(key,) for key in article_ids]
            )
            _next_generation(db)

    def articles(self, article_ids: Collection[str] | None = None) -> list[Article]:
        """See `Store.articles`."""
        chosen = (
            "" if article_ids is None else "WHERE article_id IN (SELECT value FROM json_each(?))"
        )
        values = () if article_ids is None else (json.dumps(list(article_ids)),)
        return [
            to_article(row)
            for row in self.query(
                f"SELECT {', '.join(COLUMNS)} FROM articles {chosen} ORDER BY path", values
            )
        ]

    def count(self) -> tuple[int, int]:
        """See `Store.count`."""
        [(articles, passages)] = self.query(
            "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM passages)"
        )
        return articles, passages

    def columns(self, given: Mapping[str, str] | None) -> Mapping[str, str]:
        """See `Store.columns`."""
        kept = self.query("SELECT value FROM manifest WHERE key = 'columns'")
        known: dict[str, str] = json.loads(kept[0][0]) if kept else {}
        if given is None or given == known:
            return known
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO manifest VALUES ('columns', ?)", (json.dumps(dict(given)),)
            )
        return given

    def select(self, scope: Scope) -> set[str]:
        """See `Store.select`."""
        found = {
            article_id
            for article_id, path, outlet, published in self.query(
                "SELECT article_id, path, outlet, published FROM articles"
            )
            if scope.holds(path, outlet, date.fromisoformat(published) if published else None)
        }
        for article_id, twins in self.twins().items():
            if any(scope.holds(twin.path, twin.outlet, twin.published) for twin in twins):
                found.add(article_id)
        return found

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """See `Store.passages`. An article is read once, however many of its passages are asked."""
        spans = self.query(
            'SELECT row, article_id, start, "end" FROM passages '
            "WHERE row IN (SELECT value FROM json_each(?))",
            (json.dumps(list(rows)),),
        )
        found = self.articles({article_id for _, article_id, _, _ in spans})
        articles = {article.article_id: article for article in found}
        return {
            row: Passage(articles[article_id], start, end)
            for row, article_id, start, end in spans
            if article_id in articles
        }

    def sentences(self, passage: Passage) -> list[Sentence]:
        """See `Store.sentences`."""
        return [
            Sentence((start, end), np.frombuffer(vector, dtype="<f2").astype(np.float32))
            for start, end, vector in self.query(
                'SELECT start, "end", vector FROM sentences '
                'WHERE article_id = ? AND start >= ? AND "end" <= ? ORDER BY start',
                (passage.article.article_id, passage.start, passage.end),
            )
        ]

    def sources(self, scope: Scope) -> list[str]:
        """See `Store.sources`."""
        return [
            source
            for (source,) in self.query(
                "SELECT DISTINCT coalesce(outlet, title) AS source FROM articles "
                "WHERE article_id IN (SELECT value FROM json_each(?)) ORDER BY source",
                (json.dumps(list(self.select(scope))),),
            )
        ]

    def languages(self) -> dict[str | None, int]:
        """See `Store.languages`."""
        return dict(self.query("SELECT language, count(*) FROM articles GROUP BY language"))

    def candidates(
        self,
        vector: Vectors,
        terms: Mapping[str, float],
        limit: int,
        article_ids: Collection[str] | None = None,
    ) -> Candidates:
        """See `Store.candidates`. Both searches are exact."""
        with self._fresh() as derived:
            return derived.candidates(vector, terms, limit, article_ids)

    def document_frequencies(self, terms: Collection[str]) -> tuple[dict[str, int], int]:
        """See `Store.document_frequencies`."""
        with self._fresh() as derived:
            return derived.document_frequencies(terms)

    @contextmanager
    def _fresh(self) -> Iterator[Derived]:
        """Lend the search indexes, brought up to what is on disk now."""
        with self._lock:
            if self._derived.stamp != self.stamp():
                self._db.execute("BEGIN")  # one state of the file for all that is read
                try:
                    self._derived.load(
                        self.stamp(),
                        self.query("SELECT row, article_id, terms FROM passages ORDER BY row"),
                        lambda: self.query("SELECT vector FROM passages ORDER BY row"),
                        self.query("SELECT one, other FROM copies"),
                    )
                finally:
                    self._db.execute("COMMIT")
            yield self._derived

    def stamp(self) -> str:
        """See `Store.stamp`."""
        rows = self.query(
            "SELECT value FROM manifest WHERE key IN ('generation', 'index_id') ORDER BY key"
        )
        return ":".join(value for (value,) in rows)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Turn what SQLite says into what a person can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise unwritable(folder, error) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The index in {folder} is damaged or not ours ({error}). The articles are untouched; "
            "rebuild it with: qa index --rebuild"
        ) from error


def _texts(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in values.items()]


def _next_generation(db: sqlite3.Connection) -> None:
    db.execute("UPDATE manifest SET value = CAST(value + 1 AS TEXT) WHERE key = 'generation'")
