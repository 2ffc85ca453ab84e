"""The tables of the SQLite file, and articles as rows of them."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from qa.datatypes import Article

SCHEMA = """
CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE articles (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id TEXT NOT NULL UNIQUE, path TEXT NOT NULL, title TEXT NOT NULL,
    headline TEXT, outlet TEXT, author TEXT, published TEXT, url TEXT,
    language TEXT, boilerplate TEXT NOT NULL, file_sha256 TEXT NOT NULL, pages TEXT NOT NULL,
    origins TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX articles_language ON articles (language);
CREATE TABLE files (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL,
    articles TEXT NOT NULL, skipped TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE twins (
    path TEXT PRIMARY KEY,
    article_id TEXT NOT NULL REFERENCES articles (article_id) ON DELETE CASCADE,
    known TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX twins_of ON twins (article_id);
CREATE TABLE bands (
    band INTEGER NOT NULL, article INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
    PRIMARY KEY (band, article)
) STRICT, WITHOUT ROWID;
CREATE INDEX bands_of ON bands (article);
CREATE TABLE copies (
    one TEXT NOT NULL REFERENCES articles (article_id) ON DELETE CASCADE,
    other TEXT NOT NULL REFERENCES articles (article_id) ON DELETE CASCADE,
    PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX copies_other ON copies (other);
CREATE TABLE terms (
    number INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE, passages INTEGER NOT NULL
) STRICT;
CREATE TABLE passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector BLOB NOT NULL, terms BLOB NOT NULL,
    UNIQUE (article, start, "end")
) STRICT;
CREATE TABLE dropped (
    number INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER NOT NULL
) STRICT;
CREATE TABLE sentences (
    article INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector BLOB NOT NULL, terms BLOB NOT NULL,
    PRIMARY KEY (article, start)
) STRICT, WITHOUT ROWID;
"""
"""Rows and numbers of articles are never used again, so that what is derived can tell what came and
went: the rows above the last one it has seen, and those noted in ``dropped``. Vectors are float32
of passages, float16 of sentences; terms are the numbers of all terms of a text, in order, uint32;
all little-endian. No term has the number 0.

The checksum of a page of nothing but zeros is right, so the last column of a row is one that zeros
cannot pass for: a text whose hash is known, JSON, or numbers of terms."""
COLUMNS = [field.name for field in fields(Article)]


def to_row(article: Article) -> tuple[Any, ...]:
    """Return the values of an article, in the order of `COLUMNS`."""
    values = {name: getattr(article, name) for name in COLUMNS}
    values["published"] = article.published.isoformat() if article.published else None
    for name in ("boilerplate", "pages", "origins"):
        values[name] = json.dumps(values[name])
    return tuple(values.values())


def to_article(row: Sequence[Any]) -> Article:
    """Return the article that a row holds."""
    values = dict(zip(COLUMNS, row, strict=True))
    if values["published"]:
        values["published"] = date.fromisoformat(values["published"])
    values["pages"] = tuple(json.loads(values["pages"]))
    for name in ("boilerplate", "origins"):
        values[name] = tuple((one, other) for one, other in json.loads(values[name]))
    return Article(**values)
