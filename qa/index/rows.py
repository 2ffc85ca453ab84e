"""The records that the index stores and returns; its tables are in ``schema.sql``."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.models.embedder import Embedder
from qa.records import Article, Skipped, Span
from qa.text import chunking

FORMAT_VERSION = 6
"""Version of the tables. An index of another version is rebuilt, never misread."""
Vector = NDArray[np.float32]

COLUMNS = [f.name for f in fields(Article) if f.name not in {"article_id", "text"}]
"""Columns of the table ``articles`` that are fields of `Article`."""


class Manifest(NamedTuple):
    """What an index was made with. All of it must match, or vectors could not be compared."""

    model_id: str
    dimension: int
    chunking: str
    articles: str


def manifest(folder: Path, embedder: Embedder) -> Manifest:
    """Return the manifest of an index of a folder, made with an embedder."""
    rules = f"{chunking.RULES}:{chunking.PASSAGE_TOKENS}/{chunking.OVERLAP_SENTENCES}"
    return Manifest(embedder.model_id, embedder.dimension, rules, str(folder.resolve()))


class Entry(NamedTuple):
    """A passage or a sentence with what it is searched by.

    Attributes:
        span: Its place in the text.
        vector: Unit vector, float32.
        terms: Index terms in order, with repeats.
    """

    span: Span
    vector: Vector
    terms: list[str]


class FileRecord(NamedTuple):
    """What a file contained when it was last read.

    Attributes:
        signature: Changes whenever the file, or the metadata of its articles, changes.
        articles: Path and id of each article in it.
        skipped: Parts of it, or the file as a whole, that could not be read.
    """

    signature: str
    articles: tuple[tuple[str, str], ...]
    skipped: tuple[Skipped, ...]


class State(NamedTuple):
    """A state of the passages: no two states of any index are equal.

    Attributes:
        index_id: Identifies the index.
        row: The last row of ``passages``.
        dropped: The last number in ``dropped``.
    """

    index_id: str
    row: int = 0
    dropped: int = 0


class Term(NamedTuple):
    """An index term: its number, and how many passages contain it."""

    number: int
    passages: int


class StoredPassage(NamedTuple):
    """A passage with the values that its scores are computed from.

    Attributes:
        row: Its row in the database.
        text_number: Its text.
        passage_id: See `qa.records.Passage`.
        span: Its place in the text.
        terms: Numbers of its terms, uint32.
        vector: Unit vector, float32.
        language: Language whose rules the terms follow.
    """

    row: int
    text_number: int
    passage_id: str
    span: Span
    terms: bytes
    vector: bytes
    language: str | None


class StoredSentences(NamedTuple):
    """The sentences of some passages, in order; four sequences of one length and their terms.

    Attributes:
        owners: For each sentence, the position of its passage in the list that was asked for.
        spans: Places in the text.
        vectors: Unit vectors, float32 of shape ``(n, dimension)``.
        terms: For each sentence, the numbers of its terms, uint32.
    """

    owners: list[int]
    spans: list[Span]
    vectors: Vector
    terms: list[bytes]


def to_row(article: Article) -> tuple[Any, ...]:
    """Return the values of an article, in the order of `COLUMNS`."""
    values = {name: getattr(article, name) for name in COLUMNS}
    values["published"] = article.published.isoformat() if article.published else None
    for name in ("boilerplate", "pages", "origins"):
        values[name] = json.dumps(values[name])
    return tuple(values.values())


def to_article(article_id: str, text: str, row: Sequence[Any]) -> Article:
    """Return the article that a row, in the order of `COLUMNS`, describes."""
    values = dict(zip(COLUMNS, row, strict=True))
    if values["published"]:
        values["published"] = date.fromisoformat(values["published"])
    values["pages"] = tuple(json.loads(values["pages"]))
    for name in ("boilerplate", "origins"):
        values[name] = tuple((one, other) for one, other in json.loads(values[name]))
    return Article(article_id=article_id, text=text, **values)
