"""Reading the index: one snapshot of the database, whatever is written meanwhile."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from qa.index.caches import Caches
from qa.index.database import Connection
from qa.index.duplicates import connected
from qa.index.folder import damaged
from qa.index.rows import (
    COLUMNS,
    FileRecord,
    State,
    StoredPassage,
    StoredSentences,
    Term,
    to_article,
)
from qa.records import Article, ArticleSummary, Skipped, Span

_COLUMNS = ", ".join(f"a.{name}" for name in COLUMNS)
_ARTICLES = (
    f"SELECT a.text_number, t.article_id, {_COLUMNS} "
    "FROM articles a JOIN texts t ON t.number = a.text_number"
)
# Of the articles with one text, the one that was indexed first stands for all of them.
_FIRST = "a.number IN (SELECT min(number) FROM articles GROUP BY text_number)"
UNUSED = "number NOT IN (SELECT text_number FROM articles)"
"""Condition on ``texts``: no article has the text, until the end of a sync that replaced it."""
IN = "IN (SELECT value FROM json_each(?))"
"""Condition on a column: the values of a JSON list."""


class Snapshot:
    """One state of the index. It is valid inside the ``with`` block that `Store.snapshot` opens."""

    def __init__(self, connection: Connection, folder: Path, caches: Caches | None = None) -> None:
        """Read through a connection that is inside a read transaction."""
        self.caches = caches or Caches()
        self._connection = connection
        self._folder = folder

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of one SELECT."""
        return self._connection.execute(sql, values).fetchall()

    @cached_property
    def manifest(self) -> dict[str, str]:
        """The values that describe the index as a whole."""
        found = dict(self.query("SELECT key, value FROM manifest"))
        if not {"index_id", "generation", "edits", "passages", "length"} <= found.keys():
            raise damaged(self._folder, "its manifest is incomplete")  # a file that was cut off
        return found

    @cached_property
    def state(self) -> State:
        """The state of the passages."""
        last = dict(self.query("SELECT name, seq FROM sqlite_sequence"))
        index_id = self.manifest["index_id"]
        return State(index_id, last.get("passages", 0), last.get("dropped", 0))

    @property
    def version(self) -> str:
        """A text that differs between any two versions of the index, metadata included."""
        known = self.manifest
        return f"{known['index_id']}:{known['generation']}:{known['edits']}"

    @property
    def columns(self) -> dict[str, str]:
        """Which column of a table holds which field, as stored."""
        found: dict[str, str] = self._parsed(self.manifest.get("columns", "{}"))
        return found

    @property
    def passage_count(self) -> int:
        """Number of passages."""
        return int(self.manifest["passages"])

    @property
    def mean_length(self) -> float:
        """Mean length of the passages, in terms."""
        return int(self.manifest["length"]) / max(1, self.passage_count)

    @property
    def unused_passages(self) -> int:
        """Number of passages of texts that no article has; they are never found."""
        key = ("unused", self.version)
        if not (found := self.caches.scopes.get([key])):
            [(count,)] = self.query(
                "SELECT count(*) FROM passages WHERE text_number IN "
                f"(SELECT number FROM texts WHERE {UNUSED})"
            )
            found = {key: np.int64(count)}
            self.caches.scopes.put(key, found[key])
        return int(found[key])

    def terms(self, terms: Collection[str]) -> dict[str, Term]:
        """Return those of the terms that the index contains."""
        rows = self.query(
            f"SELECT term, number, passages FROM terms WHERE term {IN}", (as_json(terms),)
        )
        return {term: Term(number, passages) for term, number, passages in rows}

    def count(self) -> tuple[int, int]:
        """Return the number of different texts and of passages."""
        [(articles,)] = self.query("SELECT count(DISTINCT text_number) FROM articles")
        return articles, self.passage_count

    def languages(self) -> dict[str | None, int]:
        """Return the number of articles in each language; None where it is not known."""
        return dict(self.query("SELECT language, count(*) FROM articles GROUP BY language"))

    def summaries(self) -> list[ArticleSummary]:
        """Return every different text by path, without reading the texts."""
        rows = self.query(
            "SELECT t.article_id, a.path, a.title, a.outlet, a.published, a.language, t.words, "
            "t.characters FROM articles a JOIN texts t ON t.number = a.text_number "
            f"WHERE {_FIRST} ORDER BY a.path"
        )
        return [
            ArticleSummary(key, path, title, outlet, day and date.fromisoformat(day), *rest)
            for key, path, title, outlet, day, *rest in rows
        ]

    def articles(self, article_ids: Collection[str] | None = None) -> list[Article]:
        """Return one article for each text, by path: all, or those with these ids."""
        chosen = "" if article_ids is None else f" AND t.article_id {IN}"
        values = () if article_ids is None else (as_json(article_ids),)
        return self._articles(f"{_ARTICLES} WHERE {_FIRST}{chosen} ORDER BY a.path", values)

    def duplicates(self) -> list[Article]:
        """Return the articles whose text another article, indexed earlier, has as well; by path."""
        return self._articles(f"{_ARTICLES} WHERE NOT {_FIRST} ORDER BY a.path")

    def articles_with(self, text_numbers: Iterable[int]) -> dict[int, list[Article]]:
        """Return all articles with these texts, by number of the text, first indexed first."""
        found: dict[int, list[Article]] = {}
        rows = self.query(
            f"{_ARTICLES} WHERE a.text_number {IN} ORDER BY a.number", (as_json(set(text_numbers)),)
        )
        texts = self._texts({article_id for _, article_id, *_ in rows})
        for number, article_id, *row in rows:
            found.setdefault(number, []).append(self._article(article_id, texts, row))
        return found

    def article_rows(self, paths: Iterable[str]) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """Return article id and row of metadata of the articles with these paths, without texts."""
        sql = f"{_ARTICLES} WHERE a.path {IN}"
        path_at = COLUMNS.index("path")
        found = self.query(sql, (as_json(paths),))
        return {row[path_at]: (article_id, tuple(row)) for _, article_id, *row in found}

    def paths(self) -> dict[str, str]:
        """Return the article id of each path, first indexed first."""
        return dict(
            self.query(
                "SELECT a.path, t.article_id FROM articles a JOIN texts t "
                "ON t.number = a.text_number ORDER BY a.number"
            )
        )

    def text_languages(self) -> dict[str, str | None]:
        """Return for each article id the language whose rules its terms follow."""
        return dict(self.query("SELECT article_id, language FROM texts"))

    def files(self) -> dict[str, FileRecord]:
        """Return what each file contained when it was last read, by path."""
        return {
            path: FileRecord(
                signature,
                tuple((a, b) for a, b in self._parsed(articles)),
                tuple(Skipped(a, b) for a, b in self._parsed(skipped)),
            )
            for path, signature, articles, skipped in self.query(
                "SELECT path, signature, articles, skipped FROM files"
            )
        }

    def passages(self, rows: Iterable[int]) -> list[StoredPassage]:
        """Return the passages with these rows; one that is not in this snapshot is left out."""
        return [
            StoredPassage(row, text, f"{article_id}:{start}-{end}", (start, end), *rest)
            for row, text, article_id, start, end, *rest in self.query(
                'SELECT p.row, p.text_number, t.article_id, p.start, p."end", p.terms, p.vector, '
                "t.language "
                "FROM passages p JOIN texts t ON t.number = p.text_number "
                f"WHERE p.row {IN} AND p.text_number IN (SELECT text_number FROM articles)",
                (as_json(rows),),
            )
        ]

    def sentences(self, places: Sequence[tuple[int, Span]]) -> StoredSentences:
        """Return the sentences inside some passages.

        Args:
            places: Number of the text and place in it, for each passage.
        """
        wanted = json.dumps([(text, *span) for text, span in places])
        rows = self.query(
            "WITH wanted AS MATERIALIZED (SELECT key, value ->> 0 AS text_number, "
            'value ->> 1 AS "from", value ->> 2 AS "to" FROM json_each(?)) '
            'SELECT key, s.start, s."end", s.terms, s.vector FROM wanted '
            "JOIN sentences s USING (text_number) "
            'WHERE s.start >= "from" AND s.start < "to" AND s."end" <= "to" ORDER BY key, s.start',
            (wanted,),
        )
        vectors = np.frombuffer(b"".join(row[4] for row in rows), dtype="<f2").astype(np.float32)
        return StoredSentences(
            [row[0] for row in rows],
            [(row[1], row[2]) for row in rows],
            vectors.reshape(len(rows), -1) if rows else np.zeros((0, 0), dtype=np.float32),
            [row[3] for row in rows],
        )

    def stories(self, text_numbers: Collection[int]) -> dict[int, int]:
        """Return the story of each text: texts connected by near duplicates have the same."""
        pairs = self.query(
            "WITH RECURSIVE reached (number) AS (SELECT value FROM json_each(?) UNION "
            "SELECT other FROM near_duplicates JOIN reached ON one = number) "
            "SELECT one, other FROM near_duplicates JOIN reached ON one = number",
            (as_json(text_numbers),),
        )
        return connected(text_numbers, pairs)

    def sharing_bands(self, bands: Collection[int]) -> list[int]:
        """Return the texts that share one of these bands, newest first."""
        sql = f"SELECT DISTINCT text_number FROM bands WHERE band {IN} ORDER BY text_number DESC"
        return [number for (number,) in self.query(sql, (as_json(bands),))]

    def _articles(self, sql: str, values: Sequence[Any] = ()) -> list[Article]:
        rows = self.query(sql, values)
        texts = self._texts({article_id for _, article_id, *_ in rows})
        return [self._article(article_id, texts, row) for _, article_id, *row in rows]

    def _article(self, article_id: str, texts: Mapping[str, str], row: Sequence[Any]) -> Article:
        try:
            return to_article(article_id, texts[article_id], row)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(self._folder, error) from error

    def _texts(self, article_ids: Collection[str]) -> dict[str, str]:
        """Return texts by article id. Each is compared with its hash when it is read."""
        found = self.caches.texts.get(article_ids)
        missing = as_json(key for key in article_ids if key not in found)
        for key, text in self.query(
            f"SELECT article_id, text FROM texts WHERE article_id {IN}", (missing,)
        ):
            if hashlib.sha256(text.encode()).hexdigest() != key:
                raise damaged(self._folder, "a text does not match its hash")
            found[key] = text
            self.caches.texts.put(key, text)
        return found

    def _parsed(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise damaged(self._folder, error) from error


def as_json(values: Iterable[Any]) -> str:
    """Return values as a JSON list, for `IN`."""
    return json.dumps(list(values))
