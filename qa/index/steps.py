"""Steps of a sync: reading ahead, embedding, and finding near duplicates."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

import numpy as np

from qa.index.duplicates import are_near_duplicates, story_shingles
from qa.index.rows import Entry, FileRecord
from qa.index.snapshot import Snapshot
from qa.models.embedder import Embedder
from qa.records import Article
from qa.text.chunking import Chunks, searched_text
from qa.text.terms import index_terms

EMBED_AT_ONCE = 512
"""Texts: enough to fill the model's batches with ones of a length, few enough to show progress."""

# Links of a text to each story. One would do, but a text that others are linked to may be removed.
_LINKS = 3


class Batch(NamedTuple):
    """Articles that are stored together.

    Attributes:
        new: Articles whose text must be embedded, with their passages.
        known: Articles whose text is stored already.
        records: The files that are complete once these articles are stored.
        files: Number of files read so far.
        bytes: Number of bytes read so far.
    """

    new: list[tuple[Article, Chunks]]
    known: list[Article]
    records: dict[str, FileRecord]
    files: int
    bytes: int


def read_ahead(
    batches: Generator[Batch, None, None], cancel: Callable[[], None]
) -> Iterator[Batch]:
    """Yield batches; while one is used, a thread makes the next one.

    Args:
        batches: The batches.
        cancel: Stops the thread, when no further batch is wanted.
    """
    with closing(batches), ThreadPoolExecutor(1) as pool:
        try:
            following = pool.submit(next, batches, None)
            while batch := following.result():
                following = pool.submit(next, batches, None)
                yield batch
        except BaseException:
            cancel()
            raise


def embed(
    batch: list[tuple[Article, Chunks]], embedder: Embedder
) -> Iterator[tuple[Article, list[Entry], list[Entry]]]:
    """Yield articles with the entries of their passages and sentences."""
    texts = [text for article, chunks in batch for text in _texts(article, chunks)]
    vectors = [
        embedder.embed_passages(texts[start : start + EMBED_AT_ONCE])
        for start in range(0, len(texts), EMBED_AT_ONCE)
    ]
    rows = iter(np.concatenate(vectors)) if vectors else iter(())
    for article, chunks in batch:
        spans = [passage.span for passage in chunks.passages] + chunks.sentences
        entries = [
            Entry(span, next(rows), index_terms(text, article.language))
            for span, text in zip(spans, _texts(article, chunks), strict=True)
        ]
        yield article, entries[: len(chunks.passages)], entries[len(chunks.passages) :]


def _texts(article: Article, chunks: Chunks) -> list[str]:
    """Return the texts to embed: the passages, then the sentences."""
    return [searched_text(passage) for passage in chunks.passages] + [
        article.text[start:end] for start, end in chunks.sentences
    ]


def find_near_duplicates(snapshot: Snapshot, found: frozenset[int], bands: list[int]) -> list[int]:
    """Return the newest texts that an article is a near duplicate of, a few of each story.

    Args:
        snapshot: The index.
        found: Shingles of the article's story.
        bands: Their bands.
    """
    similar = snapshot.sharing_bands(bands)
    stories = snapshot.stories(similar)
    chosen: list[int] = []
    counts: Counter[int] = Counter()
    for number in similar:
        same = snapshot.articles_with([number]) if counts[stories[number]] < _LINKS else {}
        if same and are_near_duplicates(found, story_shingles(same[number][0])):
            chosen.append(number)
            counts[stories[number]] += 1
    return chosen
