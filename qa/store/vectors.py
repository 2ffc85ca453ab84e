"""Nearest passages by vector: a FAISS index, derived from the stored vectors.

The only importer of faiss, which is handed no bytes but those that this user sealed. Small corpora
are searched exactly; large ones by cells (an inverted file over k-means cells) with vectors of one
byte a dimension. What is found is a choice of passages: their cosines are computed from the stored
vectors.
"""

import hmac
import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from qa.store.seal import seal
from qa.store.shared_lock import SharedLock

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

EXACT_UNTIL = 50_000
"""Passages that are searched exactly: some 10 ms on two cores; docs/performance.md has more."""
# Vectors that the cells are learned from, and rounds of k-means.
_SAMPLE, _ROUNDS = 80_000, 8
# Cells are learned anew when the corpus has grown by this factor.
_OUTGROWN = 4
# Share of the cells that a search looks into.
_PROBED = 1 / 8
# The file is written again when it lacks this share of the passages, or this many.
_UNSAVED_SHARE, _UNSAVED = 0.05, 20_000
_HEADER_BYTES = 256
_log = logging.getLogger("qa")


class Watermark(NamedTuple):
    """How far the truth has been taken in: last row, and last number in ``dropped``."""

    index_id: str
    row: int = 0
    dropped: int = 0


class VectorIndex:
    """The rows of passages by vector, in memory and in a file. Threads may share it."""

    def __init__(self, file: Path, dimension: int) -> None:
        """Hold nothing yet."""
        self.watermark = Watermark("")
        self.dimension = dimension
        self._file = file
        self._index: Any = _exact(dimension)  # the stubs of faiss know too little
        self._learned_from = 0
        self._unsaved = 0
        self._lock = SharedLock()

    def __len__(self) -> int:
        """Return the number of passages."""
        return int(self._index.ntotal)

    def load(self, index_id: str) -> None:
        """Begin with what the file holds, or with nothing if it is missing, damaged or another's.

        Args:
            index_id: Of the truth that it must be derived from.
        """
        found = _read(self._file, index_id, self.dimension) if self._file.exists() else None
        self.clear(index_id)
        if found:
            self.watermark, self._learned_from, self._index = found

    def clear(self, index_id: str) -> None:
        """Begin with nothing."""
        with self._lock.writing():
            self.watermark, self._learned_from = Watermark(index_id), 0
            self._index = _exact(self.dimension)
            self._unsaved = 0

    def update(self, watermark: Watermark, rows: Rows, vectors: Vectors, dropped: Rows) -> None:
        """Take in what has changed in the truth up to a watermark.

        Args:
            watermark: What it is up to afterwards.
            rows: New rows, int64 of shape ``(n,)``.
            vectors: Their unit vectors, float32 of shape ``(n, dimension)``.
            dropped: Rows that are gone, some perhaps unknown here.
        """
        with self._lock.writing():
            if len(rows):
                self._index.add_with_ids(np.ascontiguousarray(vectors), rows)
            if len(dropped):
                self._index.remove_ids(dropped)
            self.watermark = watermark
            self._unsaved += len(rows) + len(dropped)

    def search(self, vector: Vectors, limit: int, allowed: Rows | None = None) -> Rows:
        """Return the rows nearest to a vector, nearest first, at most `limit`.

        Args:
            vector: float32 of shape ``(dimension,)``.
            limit: At least 1.
            allowed: The only rows to be found; None for all.
        """
        with self._lock.reading():
            total = self._index.ntotal
            share = 1.0 if allowed is None else len(allowed) / max(1, total)
            if not total or not share:
                return np.zeros(0, dtype=np.int64)
            selector = None
            if allowed is not None:
                bits = np.zeros(self.watermark.row + 1, dtype=np.uint8)
                bits[allowed[allowed <= self.watermark.row]] = 1
                bits = np.packbits(bits, bitorder="little")
                selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
            parameters: Any = None
            if self._learned_from:
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
    def outgrown(self) -> bool:
        """Whether there are more passages than this kind of index is for."""
        return len(self) > max(EXACT_UNTIL, _OUTGROWN * self._learned_from)

    def relearn(
        self,
        watermark: Watermark,
        total: int,
        sample: Vectors,
        blocks: Iterable[tuple[Rows, Vectors]],
    ) -> None:
        """Learn cells and take all passages in again; searches go on meanwhile.

        Args:
            watermark: What `blocks` is up to.
            total: How many passages that is.
            sample: Vectors to learn from; see `sample_size`.
            blocks: All rows with their vectors.
        """
        cells = 2 ** round(np.log2(4 * np.sqrt(total)) - 0.5)
        learned = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(self.dimension),
            self.dimension,
            cells,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # codes of the vectors themselves, not of what is left beside the cell's middle
        )
        learned.cp.niter = _ROUNDS
        learned.cp.min_points_per_centroid = 1
        learned.train(sample)
        for rows, vectors in blocks:
            learned.add_with_ids(vectors, rows)
        with self._lock.writing():
            self._index = learned
            self._learned_from = int(learned.ntotal)
            self.watermark = watermark
            self._unsaved = self._learned_from

    @staticmethod
    def sample_size(total: int) -> int:
        """Return from how many vectors cells are learned, of so many."""
        return min(total, _SAMPLE)

    def save(self) -> None:
        """Write the file, if what it lacks would hold up the next start.

        Raises:
            OSError: It cannot be written; the old one stays.
        """
        if self._unsaved <= min(_UNSAVED, _UNSAVED_SHARE * len(self)):
            return
        with self._lock.reading():
            _write(self._file, self.watermark, self._learned_from, self._index)
            self._unsaved = 0


def _exact(dimension: int) -> faiss.Index:
    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


class _Sealed:
    """What FAISS writes through, so that the seal costs no second copy in memory."""

    def __init__(self, facts: object, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.seal = _begun(facts)

    def __call__(self, content: bytes) -> None:
        self.seal.update(content)
        self._write(content)


def _begun(facts: object) -> hmac.HMAC:
    begun = seal()
    begun.update(json.dumps(facts).encode())
    return begun


def _write(file: Path, watermark: Watermark, learned_from: int, index: faiss.Index) -> None:
    """Write header, seal and index in one step: a reader sees the old file or the new one."""
    for left in file.parent.glob(f".{file.name}.*"):  # by one that was killed; only one writes
        left.unlink(missing_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    facts = [*watermark, learned_from]
    try:
        with draft.open("wb") as stream:
            stream.write(bytes(_HEADER_BYTES))
            sink = _Sealed(facts, stream.write)
            faiss.write_index(index, faiss.PyCallbackIOWriter(sink))  # type: ignore[attr-defined]
            stream.seek(0)
            header = json.dumps([*facts, sink.seal.hexdigest()])
            stream.write(header.encode().ljust(_HEADER_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _read(file: Path, index_id: str, dimension: int) -> tuple[Watermark, int, faiss.Index] | None:
    """Return what the file holds if its seal is whole and it is of this truth."""
    try:
        with file.open("rb") as stream:
            *facts, mark = json.loads(stream.read(_HEADER_BYTES))
            *values, learned_from = facts
            watermark = Watermark(*values)
            if watermark.index_id != index_id:
                return None
            whole = _begun(facts)
            while block := stream.read(1 << 20):
                whole.update(block)
            if not hmac.compare_digest(whole.hexdigest(), str(mark)):
                _log.warning("%s is damaged, or of another user: made again.", file)
                return None
            stream.seek(_HEADER_BYTES)
            index = faiss.read_index(faiss.PyCallbackIOReader(stream.read))  # type: ignore[attr-defined]
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        _log.warning("%s is damaged, or of another user: made again (%s).", file, error)
        return None
    if index.d != dimension:
        return None
    return watermark, int(learned_from), index
