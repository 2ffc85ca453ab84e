"""Passages by term: a tantivy index, derived from the stored terms. The only importer of tantivy.

What is found is a choice of passages, best first by tantivy's own BM25, whose lengths are rounded:
their scores are computed from the stored terms, by `bm25`.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from qa.store.vectors import Rows, Watermark

# The usual BM25 settings (Robertson and Zaragoza, 2009).
_K1, _B = 1.2, 0.75
_HEAP_BYTES = 60_000_000
# The document that says how far the index is up to, and how it is found.
_MARK = "watermark"


class TermIndex:
    """The rows of passages by term, on disk; in memory where the disk cannot be written.

    Threads may share it: a searcher sees one state.
    """

    def __init__(self, folder: Path, index_id: str) -> None:
        """Open the folder, or make it; what is damaged, or of another truth, is made anew."""
        self._schema = _schema()
        self._folder = folder
        self._index_id = index_id
        try:
            self._index = self._open()
            known = _watermark(self._index).index_id in {"", index_id}
        except (OSError, ValueError):
            known = False
        if not known:
            self.clear()

    def clear(self) -> None:
        """Begin with nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            self._index = self._open()
        except (OSError, ValueError):
            self._index = tantivy.Index(self._schema)

    @property
    def watermark(self) -> Watermark:
        """How far the truth has been taken in, by this process or another."""
        self._index.reload()
        found = _watermark(self._index)
        return found if found.index_id else Watermark(self._index_id)

    def update(
        self,
        watermark: Watermark,
        added: Iterable[tuple[int, int, Sequence[int]]],
        dropped: Sequence[int],
    ) -> bool:
        """Take in what has changed in the truth; say whether it could be done.

        Another process may be at it: then it is left to that one.

        Args:
            watermark: What it is up to afterwards.
            added: Row, number of the article and numbers of the terms of each new passage.
            dropped: Rows that are gone.
        """
        try:
            writer = self._index.writer(_HEAP_BYTES, 1)
        except ValueError:  # locked
            return False
        try:
            for row, article, terms in added:
                document = tantivy.Document()
                document.add_unsigned("row", row)
                document.add_unsigned("article", article)
                document.add_text("terms", " ".join(map(str, terms)))
                writer.add_document(document)
            # By query: `delete_documents_by_term` takes rows for signed numbers and finds none.
            if dropped:
                gone = tantivy.Query.term_set_query(self._schema, "row", list(dropped))
                writer.delete_documents_by_query(gone)
            writer.delete_documents_by_query(_mark(self._schema))
            mark = tantivy.Document()
            mark.add_text("kind", _MARK)
            mark.add_text("watermark", " ".join(map(str, watermark)))
            writer.add_document(mark)
            writer.commit()
        finally:
            writer.wait_merging_threads()
        self._index.reload()
        return True

    def search(
        self, weights: Mapping[int, float], limit: int, articles: Sequence[int] | None = None
    ) -> Rows:
        """Return the rows of the passages that match best, at most `limit`.

        Args:
            weights: What each term, by number, counts for.
            limit: At least 1.
            articles: The only articles to be searched, by number; None for all.
        """
        if not weights:
            return np.zeros(0, dtype=np.int64)
        should = tantivy.Occur.Should
        query = tantivy.Query.boolean_query(
            [
                (
                    should,
                    tantivy.Query.boost_query(
                        tantivy.Query.term_query(self._schema, "terms", str(number), "freq"), weight
                    ),
                )
                for number, weight in weights.items()
            ]
        )
        if articles is not None:
            among = tantivy.Query.term_set_query(self._schema, "article", list(articles))
            query = tantivy.Query.boolean_query(
                [
                    (tantivy.Occur.Must, query),
                    (tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0)),
                ]
            )
        searcher = self._index.searcher()
        found = [address for _, address in searcher.search(query, limit, count=False).hits]
        return np.array(searcher.fast_field_values("row", found), dtype=np.int64)

    def _open(self) -> tantivy.Index:
        self._folder.mkdir(exist_ok=True)
        index = tantivy.Index(self._schema, str(self._folder))
        index.config_reader("manual")
        return index


def frequencies(texts: Sequence[bytes], terms: Sequence[int]) -> NDArray[np.int64]:
    """Return how often terms stand in texts.

    Args:
        texts: The numbers of each text's terms, uint32 (see `qa.store.schema`).
        terms: Numbers of terms.

    Returns:
        Counts, int64 of shape ``(len(texts), len(terms))``.
    """
    numbers = np.frombuffer(b"".join(texts), dtype="<u4")
    owners = np.repeat(np.arange(len(texts)), [len(text) // 4 for text in texts])
    counts = np.zeros((len(texts), len(terms)), dtype=np.int64)
    for column, term in enumerate(terms):
        counts[:, column] = np.bincount(owners[numbers == term], minlength=len(texts))
    return counts


def bm25(
    texts: Sequence[bytes],
    weights: Mapping[int, float],
    passages: Mapping[int, int],
    total: int,
    mean_length: float,
) -> NDArray[np.float32]:
    """Return the BM25 scores of texts, float32 of shape ``(len(texts),)``.

    With Lucene's inverse document frequency: it stays above zero where a term stands in most
    passages, as the subject of a folder does. After Kamphuis et al., "Which BM25 Do You Mean?"
    (2020).

    Args:
        texts: As for `frequencies`.
        weights: What each term counts for.
        passages: In how many passages each term stands.
        total: How many passages there are.
        mean_length: Of all passages, in terms.
    """
    terms = list(weights)
    counts = frequencies(texts, terms)
    lengths = np.array([len(text) // 4 for text in texts])
    norms = _K1 * (1 - _B + _B * lengths / mean_length) if mean_length else np.ones(len(texts))
    worth = [
        weights[t] * np.log(1 + (total - passages[t] + 0.5) / (passages[t] + 0.5)) for t in terms
    ]
    scores: NDArray[np.float32] = (counts / (counts + norms[:, None]) @ np.array(worth)).astype(
        "f4"
    )
    return scores


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_unsigned_field("article", indexed=True)
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("watermark", tokenizer_name="raw", index_option="basic", stored=True)
    return builder.build()


def _mark(schema: tantivy.Schema) -> tantivy.Query:
    return tantivy.Query.term_query(schema, "kind", _MARK, "basic")


def _watermark(index: tantivy.Index) -> Watermark:
    searcher = index.searcher()
    for _, address in searcher.search(_mark(index.schema), 1, count=False).hits:
        index_id, row, dropped = searcher.doc(address)["watermark"][0].split()
        return Watermark(index_id, int(row), int(dropped))
    return Watermark("")
