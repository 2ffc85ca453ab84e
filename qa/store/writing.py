"""Articles into the tables of the truth, and out of them, with the counts that belong to them."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from qa.datatypes import Article
from qa.store import Entry, Sentence
from qa.store.database import Connection
from qa.store.schema import COLUMNS, to_row


def insert(
    db: Connection,
    article: Article,
    entries: Sequence[Entry],
    sentences: Sequence[Sentence],
    bands: Collection[int],
    copies: Collection[str],
) -> None:
    """Insert an article that is not there, with all that it is found by; see `Store.put`."""
    db.execute(
        f"INSERT INTO articles ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
        to_row(article),
    )
    number = db.last_insert_rowid()
    texts = [entry.terms for entry in entries] + [s.terms for s in sentences]
    numbers = _numbers(db, {term for terms in texts for term in terms})
    blobs = iter(
        [np.array([numbers[term] for term in text], dtype="<u4").tobytes() for text in texts]
    )
    db.executemany(
        'INSERT INTO passages (article, start, "end", terms, vector) VALUES (?, ?, ?, ?, ?)',
        [
            (
                number,
                entry.passage.start,
                entry.passage.end,
                next(blobs),
                entry.vector.astype("<f4").tobytes(),
            )
            for entry in entries
        ],
    )
    # Half precision: they are compared to two decimals, and they are most of the file.
    db.executemany(
        'INSERT INTO sentences (article, start, "end", terms, vector) VALUES (?, ?, ?, ?, ?)',
        [
            (number, *sentence.span, next(blobs), sentence.vector.astype("<f2").tobytes())
            for sentence in sentences
        ],
    )
    held = [[numbers[term] for term in entry.terms] for entry in entries]
    _count(db, held, 1)
    db.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(band, number) for band in bands])
    db.executemany(
        "INSERT INTO copies SELECT ?, article_id FROM articles WHERE article_id = ?",
        [(article.article_id, copy) for copy in copies],
    )


def drop(db: Connection, article_ids: Collection[str]) -> None:
    """Delete articles with all that belongs to them, and note which rows that were."""
    for article_id in article_ids:
        passages: list[Any] = db.execute(
            "SELECT row, terms FROM passages WHERE article = "
            "(SELECT number FROM articles WHERE article_id = ?)",
            (article_id,),
        ).fetchall()
        db.executemany("INSERT INTO dropped (row) VALUES (?)", [(row,) for row, _ in passages])
        _count(db, [np.frombuffer(terms, dtype="<u4").tolist() for _, terms in passages], -1)
        db.execute("DELETE FROM articles WHERE article_id = ?", (article_id,))


def _numbers(db: Connection, terms: Collection[str]) -> dict[str, int]:
    """Return the number of each term; new ones get one."""
    db.executemany(
        "INSERT OR IGNORE INTO terms (term, passages) VALUES (?, 0)", [(t,) for t in sorted(terms)]
    )
    return dict(
        db.execute(
            "SELECT term, number FROM terms WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(list(terms)),),
        )
    )


def _count(db: Connection, passages: Sequence[Sequence[int]], sign: int) -> None:
    """Count passages, given as the numbers of their terms, in or out."""
    held = Counter(number for terms in passages for number in set(terms))
    db.executemany(
        "UPDATE terms SET passages = passages + ? WHERE number = ?",
        [(sign * count, number) for number, count in held.items()],
    )
    add(db, passages=sign * len(passages), length=sign * sum(map(len, passages)))


def add(db: Connection, **amounts: int) -> None:
    """Add to counters of the manifest."""
    db.executemany(
        "UPDATE manifest SET value = CAST(value + ? AS TEXT) WHERE key = ?",
        [(amount, key) for key, amount in amounts.items()],
    )
