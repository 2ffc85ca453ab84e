"""The store on one machine: the truth in one SQLite file, the search indexes derived from it."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeVar

import numpy as np

from qa.datatypes import EVERYTHING, Article, Passage, Scope, Skipped, Span
from qa.duplicates import components
from qa.store import Candidates, Entry, FileRecord, Manifest, Sentence, writing
from qa.store.database import Database
from qa.store.folder import alone, damaged
from qa.store.memory import Memory
from qa.store.schema import COLUMNS, to_article, to_row
from qa.store.search import Search, Selection
from qa.store.vectors import Vectors

T = TypeVar("T")

# Scopes, times what is worked out for each.
_REMEMBERED = 32
# Passages whose text and sentences stay in memory: some 10 KB each.
_PASSAGES = 4_000

# Article id, start and end of a passage; span, vector and numbers of the terms of a sentence.
Place = tuple[str, int, int]
Kept = tuple[Span, Vectors, frozenset[int]]


class LocalStore:
    """See `qa.store.Store`. Threads may share it; other processes may write meanwhile."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open the index in `folder`, or make it.

        Raises:
            StoreError: The folder is not ours, cannot be written, is damaged, or was made by
                another version, with another model, or from another folder of articles.
        """
        self.folder = folder
        self._database = Database(folder, manifest)
        self.query = self._database.query
        self.transaction = self._database.transaction
        self._search = Search(self._database, manifest.dimension)
        # What was worked out, by what and for which scope, until anything changes.
        self._known: dict[tuple[str, str], Any] = {}
        self._known_at = ""
        self._sentences = Memory(_PASSAGES, self._read_sentences)
        self._knowing = Lock()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def settle(self) -> None:
        """See `Store.settle`."""
        self._search.settle()

    def alone(self, *, wait: bool) -> AbstractContextManager[bool]:
        """See `Store.alone`."""
        return alone(self.folder, wait=wait)

    def unchanging(self) -> AbstractContextManager[object]:
        """See `Store.unchanging`."""
        return self._search.unchanging()

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
        return "same" if self._article(kept[0]) == article else "changed"

    def files(self) -> dict[str, FileRecord]:
        """See `Store.files`."""
        return {
            path: FileRecord(
                stamp,
                sha256,
                tuple((a, b) for a, b in self._json(articles)),
                tuple(Skipped(a, b) for a, b in self._json(skipped)),
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
            writing.drop(db, gone)
            # One that was dropped meanwhile is no copy any more.
            others = [copy for copy in copies if copy not in gone]
            writing.insert(db, article, entries, sentences, bands, others)
            writing.add(db, generation=1)

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
            writing.add(db, edits=1)

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
                values = self._json(known)
                values[COLUMNS.index("text")] = original.text
                twin = replace(self._article(values), boilerplate=original.boilerplate)
                found.setdefault(key, []).append(twin)
        return found

    def _json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise damaged(self.folder, error) from error

    def similar(self, bands: Collection[int]) -> set[str]:
        """See `Store.similar`."""
        return {
            article_id
            for (article_id,) in self.query(
                "SELECT article_id FROM articles WHERE number IN "
                "(SELECT article FROM bands WHERE band IN (SELECT value FROM json_each(?)))",
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
        return self._remember(
            "copies",
            EVERYTHING,
            lambda: components(self.query("SELECT one, other FROM copies")),
        )

    def update(self, article: Article) -> None:
        """See `Store.update`."""
        assignments = ", ".join(f"{column} = ?" for column in COLUMNS)
        with self.transaction() as db:
            db.execute(
                f"UPDATE articles SET {assignments} WHERE article_id = ?",
                (*to_row(article), article.article_id),
            )
            writing.add(db, edits=1)

    def remove(self, article_ids: Collection[str]) -> None:
        """See `Store.remove`."""
        with self.transaction() as db:
            writing.drop(db, article_ids)
            writing.add(db, generation=1)

    def articles(self, article_ids: Collection[str] | None = None) -> list[Article]:
        """See `Store.articles`."""
        chosen = (
            "" if article_ids is None else "WHERE article_id IN (SELECT value FROM json_each(?))"
        )
        values = () if article_ids is None else (json.dumps(list(article_ids)),)
        return [
            self._article(row)
            for row in self.query(
                f"SELECT {', '.join(COLUMNS)} FROM articles {chosen} ORDER BY path", values
            )
        ]

    def _article(self, row: Sequence[Any]) -> Article:
        """Return the article that a row holds, if its text is the one that was put."""
        try:
            article = to_article(row)
        except (TypeError, ValueError) as error:
            raise damaged(self.folder, error) from error
        if hashlib.sha256(article.text.encode()).hexdigest() != article.article_id:
            raise damaged(self.folder, f"the text of {article.path} is not the one that was put")
        return article

    def count(self) -> tuple[int, int]:
        """See `Store.count`."""
        [(articles,)] = self.query("SELECT count(*) FROM articles")
        return articles, self._search.totals()[0]

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
        return self._remember("articles", scope, lambda: self._select(scope))

    def _select(self, scope: Scope) -> set[str]:
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

    def _selection(self, scope: Scope) -> Selection:
        chosen = "(SELECT value FROM json_each(?))"
        numbers = [
            number
            for (number,) in self.query(
                f"SELECT number FROM articles WHERE article_id IN {chosen}",
                (json.dumps(list(self.select(scope))),),
            )
        ]
        rows = self.query(
            f"SELECT row FROM passages WHERE article IN {chosen}", (json.dumps(numbers),)
        )
        return Selection(numbers, np.array([row for (row,) in rows], dtype=np.int64))

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """See `Store.passages`."""
        known: Memory[int, Passage] = self._remember(
            "passages", EVERYTHING, lambda: Memory(_PASSAGES, self._passages)
        )
        return known.get(rows)

    def _passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """Read passages; an article is read once, however many of its passages are asked."""
        spans = self.query(
            'SELECT row, article_id, start, "end" FROM passages '
            "JOIN articles ON number = article WHERE row IN (SELECT value FROM json_each(?))",
            (json.dumps(list(rows)),),
        )
        found = self.articles({article_id for _, article_id, _, _ in spans})
        articles = {article.article_id: article for article in found}
        return {
            row: Passage(articles[article_id], start, end)
            for row, article_id, start, end in spans
            if article_id in articles
        }

    def sentences(
        self, passages: Sequence[Passage], terms: Collection[str] = ()
    ) -> list[list[Sentence]]:
        """See `Store.sentences`."""
        known = {term.number: name for name, term in self._search.terms(list(terms)).items()}
        places = [(p.article.article_id, p.start, p.end) for p in passages]
        kept = self._sentences.get(places)
        return [
            [
                Sentence(span, vector, {known[number] for number in numbers & known.keys()})
                for span, vector, numbers in kept.get(place, ())
            ]
            for place in places
        ]

    def _read_sentences(self, places: Sequence[Place]) -> dict[Place, list[Kept]]:
        rows = self.query(
            "WITH wanted AS MATERIALIZED (SELECT key, value ->> 0 AS article_id, "
            'value ->> 1 AS "from", value ->> 2 AS "to" FROM json_each(?)) '
            'SELECT key, s.start, s."end", s.terms, s.vector FROM wanted '
            "JOIN articles USING (article_id) JOIN sentences s ON s.article = number "
            'AND s.start >= "from" AND s.start < "to" AND s."end" <= "to" ORDER BY key, s.start',
            (json.dumps(places),),
        )
        found: dict[Place, list[Kept]] = {}
        for key, start, end, terms, vector in rows:
            numbers = frozenset(np.frombuffer(terms, dtype="<u4").tolist())
            if 0 in numbers:
                raise damaged(self.folder, "the terms of a sentence are missing")
            read = np.frombuffer(vector, dtype="<f2").astype(np.float32)
            found.setdefault(places[key], []).append(((start, end), read, numbers))
        return found

    def sources(self, scope: Scope) -> list[str]:
        """See `Store.sources`."""
        return self._remember("sources", scope, lambda: self._sources(scope))

    def _sources(self, scope: Scope) -> list[str]:
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
        counted = "SELECT language, count(*) FROM articles GROUP BY language"
        return self._remember("languages", EVERYTHING, lambda: dict(self.query(counted)))

    def candidates(
        self,
        vector: Vectors,
        terms: Mapping[str, float],
        limit: int,
        scope: Scope = EVERYTHING,
    ) -> Candidates:
        """See `Store.candidates`."""
        chosen = None
        if scope != EVERYTHING:
            chosen = self._remember("rows", scope, lambda: self._selection(scope))
        return self._search.candidates(vector, terms, limit, chosen)

    def document_frequencies(self, terms: Collection[str]) -> tuple[dict[str, int], int]:
        """See `Store.document_frequencies`."""
        known = self._search.terms(list(terms))
        counts = {term: known[term].passages if term in known else 0 for term in terms}
        return counts, self._search.totals()[0]

    def stamp(self) -> str:
        """See `Store.stamp`."""
        return f"{self._database.manifest('generation')['generation']}:{self._database.index_id}"

    def _remember(self, what: str, scope: Scope, work_out: Callable[[], T]) -> T:
        """Return what was worked out for this state of the truth, or work it out."""
        state = "/".join(self._database.manifest("generation", "edits").values())
        with self._knowing:
            if self._known_at != state or len(self._known) >= _REMEMBERED:
                self._known, self._known_at = {}, state
            known = self._known
        key = what, repr(scope)
        if key not in known:
            known[key] = work_out()
        found: T = known[key]
        return found
