"""The search indexes that are derived from the truth: FAISS for vectors, bm25s for terms.

The only importer of faiss and bm25s. Both are exact, and both can be thrown away: they are made
again from the stored vectors and terms, without embedding anything.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import bm25s
import faiss
import numpy as np
from numpy.typing import NDArray

from qa.duplicates import components
from qa.store import Candidates
from qa.store.folder import VECTORS_FILE

Vectors = NDArray[np.float32]

# The usual BM25 settings (Robertson and Zaragoza, 2009) with Lucene's inverse document frequency:
# it stays above zero where a term stands in most passages, as the subject of a folder does.
_K1, _B = 1.2, 0.75


class Derived:
    """Both indexes, in memory, for one state of the truth. Not safe between threads by itself."""

    def __init__(self, folder: Path, dimension: int) -> None:
        """Hold nothing yet; `stamp` is empty until `load`."""
        self.stamp = ""
        self.copies: Mapping[str, frozenset[str]] = {}
        self._file = folder / VECTORS_FILE
        self._dimension = dimension

    def load(
        self,
        stamp: str,
        listing: Sequence[tuple[int, str, str]],
        vectors: Callable[[], Sequence[tuple[bytes]]],
        copies: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Take in one state of the truth.

        Args:
            stamp: Names the state; the FAISS file is used only if it carries the same.
            listing: Row, article id and terms (joined by spaces) of each passage, by row.
            vectors: Fetches the stored vectors, by row; called only if the file will not do.
            copies: Pairs of articles that are copies of each other.
        """
        self.copies = components(copies)
        self._rows = np.array([row for row, _, _ in listing], dtype=np.int64)
        self._article_ids = np.array([article_id for _, article_id, _ in listing], dtype=np.str_)
        term_lists = [terms.split() for _, _, terms in listing]
        self._frequencies = Counter(term for terms in term_lists for term in set(terms))
        self._lexical = bm25s.BM25(k1=_K1, b=_B, method="lucene") if self._frequencies else None
        if self._lexical:
            self._lexical.index(term_lists, show_progress=False)
        index = _read(self._file, stamp)
        if index is None or (index.ntotal, index.d) != (len(self._rows), self._dimension):
            index = faiss.IndexFlatIP(self._dimension)
            if len(self._rows):
                stored = np.frombuffer(b"".join(blob for (blob,) in vectors()), dtype="<f4")
                index.add(stored.reshape(len(self._rows), -1).astype(np.float32))
            # Without the file the next start only takes a little longer: a full disk is no reason
            # to refuse an answer.
            with suppress(OSError):
                _write(self._file, stamp, index)
        self._vectors = index
        self.stamp = stamp

    def candidates(
        self,
        vector: Vectors,
        terms: Mapping[str, float],
        limit: int,
        article_ids: Collection[str] | None,
    ) -> Candidates:
        """See `Store.candidates`."""
        allowed = np.arange(len(self._rows))
        if article_ids is not None:
            allowed = np.flatnonzero(np.isin(self._article_ids, list(article_ids)))
        if not len(allowed):
            nothing = np.zeros(0, dtype=np.float32)
            return Candidates(np.zeros(0, dtype=np.int64), nothing, nothing)
        parameters = None
        if article_ids is not None:
            parameters = faiss.SearchParameters(  # type: ignore[call-arg]
                sel=faiss.IDSelectorBatch(allowed)
            )
        _, [nearest] = self._vectors.search(
            vector.reshape(1, -1), min(limit, len(allowed)), params=parameters
        )
        lexical = self._lexical_scores(terms)
        best = allowed[np.argsort(-lexical[allowed], kind="stable")[:limit]]
        positions = np.union1d(nearest[nearest >= 0], best[lexical[best] > 0])
        dense = self._vectors.reconstruct_batch(positions) @ vector.reshape(-1)
        return Candidates(self._rows[positions], dense, lexical[positions])

    def document_frequencies(self, terms: Collection[str]) -> tuple[dict[str, int], int]:
        """See `Store.document_frequencies`."""
        return {term: self._frequencies.get(term, 0) for term in terms}, len(self._rows)

    def _lexical_scores(self, terms: Mapping[str, float]) -> Vectors:
        scores = np.zeros(len(self._rows), dtype=np.float32)
        for weight in set(terms.values()):
            known = [t for t, w in terms.items() if w == weight and t in self._frequencies]
            if known and self._lexical is not None:
                scores += weight * np.asarray(self._lexical.get_scores(known), dtype=np.float32)
        return scores


def _write(file: Path, stamp: str, index: faiss.Index) -> None:
    """Write stamp, checksum and index in one step: a reader sees the old file or the new one."""
    content = faiss.serialize_index(index).tobytes()
    header = {"stamp": stamp, "sha256": hashlib.sha256(content).hexdigest()}
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with draft.open("wb") as stream:
            stream.write(json.dumps(header).encode() + b"\n" + content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _read(file: Path, stamp: str) -> faiss.Index | None:
    """Return the index if the file is whole and of this state. FAISS never sees damaged bytes."""
    try:
        with file.open("rb") as stream:
            header = json.loads(stream.readline(1_000))
            content = stream.read()
        if header != {"stamp": stamp, "sha256": hashlib.sha256(content).hexdigest()}:
            return None
    except (OSError, ValueError):
        return None
    return faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
