"""Nearest passages by vector: a FAISS index built from the stored vectors.

The only importer of faiss. Small corpora are searched exactly; large ones through an inverted file
over k-means cells, with vectors of one byte a dimension. The result proposes passages: their
cosines are computed from the stored vectors.
"""

import hmac
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from qa.files import write_atomically
from qa.index.rows import State
from qa.index.seal import seal

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

EXACT_UNTIL = 50_000
"""Passages that are searched exactly: some 10 ms on two cores; docs/performance.md has more."""
SAMPLE = 80_000
"""Vectors that the cells are trained on."""
_ROUNDS = 8  # of k-means
# The cells are trained again when the corpus has grown by this factor.
_GROWTH = 4
# Share of the cells that a search visits.
_PROBED = 1 / 8
# The file is written again when it lacks this share of the passages, or this many.
_UNSAVED_SHARE, _UNSAVED = 0.05, 20_000
_HEADER_BYTES = 256
_log = logging.getLogger("qa")


class VectorIndex:
    """The rows of passages by vector, in memory and in a file. Threads may share it.

    Attributes:
        state: The state of the database that it contains.
        dimension: Length of a vector.
    """

    def __init__(self, file: Path, dimension: int, index_id: str) -> None:
        """Load the file; start empty if it is missing, damaged or of another index."""
        self.state = State(index_id)
        self.dimension = dimension
        self._file = file
        self._index: Any  # the stubs of faiss are incomplete
        # Guards `_index`: FAISS must not be searched while it is changed.
        self._lock = Lock()
        self.clear()
        if file.exists() and (found := _read(file, index_id, dimension)):
            self.state, self._trained_on, self._index = found

    def clear(self) -> None:
        """Remove all passages."""
        with self._lock:
            self.state = State(self.state.index_id)
            self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(self.dimension))
            self._trained_on = self._unsaved = 0

    def add(self, state: State, rows: Rows, vectors: Vectors) -> None:
        """Add passages.

        Args:
            state: The state of the database that the index contains afterwards.
            rows: New rows, int64 of shape ``(n,)``.
            vectors: Their unit vectors, float32 of shape ``(n, dimension)``.
        """
        with self._lock:
            self._index.add_with_ids(vectors, rows)
            self.state = state
            self._unsaved += len(rows)

    def remove(self, state: State, rows: Rows) -> None:
        """Remove passages; rows that are not in the index are ignored."""
        with self._lock:
            self._index.remove_ids(rows)
            self.state = state
            self._unsaved += len(rows)

    def search(self, vector: Vectors, limit: int, allowed: Rows | None = None) -> Rows:
        """Return the rows nearest to a vector, nearest first, at most `limit`.

        Args:
            vector: float32 of shape ``(dimension,)``.
            limit: At least 1.
            allowed: The only rows to be found; None for all.
        """
        with self._lock:
            total = self._index.ntotal
            share = 1.0 if allowed is None else len(allowed) / max(1, total)
            if not total or not share:
                return np.zeros(0, dtype=np.int64)
            selector = None
            if allowed is not None:
                bits = np.zeros(self.state.row + 1, dtype=np.uint8)
                bits[allowed[allowed <= self.state.row]] = 1
                bits = np.packbits(bits, bitorder="little")
                selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
            parameters: Any = None
            if self._trained_on:
                # The fewer rows are allowed, the more cells it takes to find enough of them.
                cells = min(self._index.nlist, int(self._index.nlist * _PROBED / share) + 1)
                parameters = faiss.SearchParametersIVF(sel=selector, nprobe=cells)  # type: ignore[call-arg]
                limit *= 2  # codes are rounded, and so is their order
            elif selector:
                parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
            _, [found] = self._index.search(
                vector.reshape(1, -1), min(limit, total), params=parameters
            )
        rows: Rows = found[found >= 0]
        return rows

    @property
    def needs_training(self) -> bool:
        """Whether there are more passages than the present structure is made for."""
        return bool(self._index.ntotal > max(EXACT_UNTIL, _GROWTH * self._trained_on))

    def train(
        self, state: State, total: int, sample: Vectors, blocks: Iterable[tuple[Rows, Vectors]]
    ) -> None:
        """Train cells and add all passages again; searches continue meanwhile.

        Args:
            state: The state of the database that `blocks` contains.
            total: Number of passages.
            sample: Vectors to train on; at most `SAMPLE`.
            blocks: All rows with their vectors.
        """
        cells = 2 ** round(np.log2(4 * np.sqrt(total)) - 0.5)
        trained = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(self.dimension),
            self.dimension,
            cells,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # encode the vectors themselves, not their residuals
        )
        trained.cp.niter = _ROUNDS
        trained.cp.min_points_per_centroid = 1
        trained.train(sample)
        for rows, vectors in blocks:
            trained.add_with_ids(vectors, rows)
        with self._lock:
            self._index = trained
            self._trained_on = int(trained.ntotal)
            self.state = state
            self._unsaved = self._trained_on

    def save(self) -> None:
        """Write the file, if reading the missing passages would delay the next start.

        Only the thread that updates the index may call this.

        Raises:
            OSError: The file cannot be written; the old one stays.
        """
        if self._unsaved <= min(_UNSAVED, _UNSAVED_SHARE * self._index.ntotal):
            return
        facts = [*self.state, self._trained_on]
        digest = _keyed_hash(facts)
        with write_atomically(self._file) as stream:
            stream.write(bytes(_HEADER_BYTES))

            def write(block: bytes) -> None:  # hashed on the way: no second copy in memory
                digest.update(block)
                stream.write(block)

            faiss.write_index(self._index, faiss.PyCallbackIOWriter(write))  # type: ignore[attr-defined]
            stream.seek(0)
            stream.write(json.dumps([*facts, digest.hexdigest()]).encode().ljust(_HEADER_BYTES))
        self._unsaved = 0


def _keyed_hash(facts: object) -> hmac.HMAC:
    digest = seal()
    digest.update(json.dumps(facts).encode())
    return digest


def _read(file: Path, index_id: str, dimension: int) -> tuple[State, int, faiss.Index] | None:
    """Return the content of the file if its seal matches and it belongs to this index."""
    reason: object = "its seal does not match"
    try:
        with file.open("rb") as stream:
            *facts, mark = json.loads(stream.read(_HEADER_BYTES))
            *values, trained_on = facts
            state = State(*values)
            if state.index_id != index_id:
                return None
            digest = _keyed_hash(facts)
            while block := stream.read(1 << 20):
                digest.update(block)
            if hmac.compare_digest(digest.hexdigest(), str(mark)):
                stream.seek(_HEADER_BYTES)
                index = faiss.read_index(faiss.PyCallbackIOReader(stream.read))  # type: ignore[attr-defined]
                return (state, int(trained_on), index) if index.d == dimension else None
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = error
    _log.warning(
        "%s is damaged, or was made by another user: building it again (%s).", file, reason
    )
    return None
