"""An index of short texts with given vectors, for tests that need no model."""

import hashlib

import numpy as np

from qa.index.rows import Entry, Manifest
from qa.index.scopes import select
from qa.index.snapshot import Snapshot
from qa.index.store import Store
from qa.records import EVERYTHING, Article, Scope

MANIFEST = Manifest("model@1", 4, "128/1", "/nowhere/articles")
Scores = dict[str, tuple[float, float]]


def article(text: str, path: str = "", **known: object) -> Article:
    key = hashlib.sha256(text.encode()).hexdigest()
    return Article(key, path or f"{key[:6]}.txt", text, "Title", **known)  # type: ignore[arg-type]


def unit(vector: np.ndarray | list[float]) -> np.ndarray:
    return (np.array(vector) / np.linalg.norm(vector)).astype(np.float32)


def put(store: Store, new: Article, vector: np.ndarray | list[float] = (1, 1, 1, 1)) -> None:
    """Store an article with one passage, which is also its one sentence."""
    entry = Entry((0, len(new.text)), unit(vector), new.text.split())
    store.put_text(new, [entry], [entry])


def search(
    store: Store,
    vector: np.ndarray | list[float],
    weights: dict[str, float] | None = None,
    limit: int = 50,
    scope: Scope = EVERYTHING,
) -> Scores:
    """Return the cosine and the BM25 score of each candidate, by its text."""
    with store.snapshot() as snapshot:
        return search_in(store, snapshot, vector, weights, limit, scope)


def search_in(
    store: Store,
    snapshot: Snapshot,
    vector: np.ndarray | list[float],
    weights: dict[str, float] | None = None,
    limit: int = 50,
    scope: Scope = EVERYTHING,
) -> Scores:
    """As `search`, in a snapshot that is open."""
    asked = weights or {}
    selection = None if scope == EVERYTHING else select(snapshot, scope)
    found = store.indexes.candidates(
        snapshot, unit(vector), asked, snapshot.terms(asked), limit, selection
    )
    articles = snapshot.articles_with(passage.text_number for passage in found.passages)
    texts = [articles[p.text_number][0].text[slice(*p.span)] for p in found.passages]
    scores = zip(found.dense.tolist(), found.lexical.tolist(), strict=True)
    return dict(zip(texts, scores, strict=True))


def remove(store: Store, *gone: Article) -> None:
    store.remove_articles([one.path for one in gone])
