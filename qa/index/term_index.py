"""Passages by term: a tantivy index built from the stored terms. The only importer of tantivy.

The result proposes passages, best first by tantivy's own BM25, which rounds lengths;
`qa.index.bm25` computes their scores. Tantivy maps its files into memory and trusts them, so their
SHA-256 are checked before they are opened.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import tantivy
from filelock import FileLock, Timeout

from qa.files import write_atomically
from qa.index.rows import State
from qa.index.vector_index import Rows

_HEAP_BYTES = 60_000_000
_FACTS = "facts.json"  # the state of the index, and the checksums of its files
# Seconds to wait for another process that writes to the folder, before opening it unchecked: that
# process has checked the files itself.
_LOCK_TIMEOUT = 5.0
_log = logging.getLogger("qa")


class TermIndex:
    """The rows of passages by term, in a folder. Threads may share it: a searcher sees one state.

    After an error of tantivy the index is empty, and the next update fills it again. Questions
    score the passages that it lacks themselves.

    Attributes:
        state: The state of the database that it contains.
    """

    def __init__(self, folder: Path, index_id: str) -> None:
        """Open the folder; start empty if it is missing, damaged or of another index."""
        self.state = State(index_id)
        self._schema = _schema()
        self._folder = folder
        self._lock = FileLock(folder.with_name(f".{folder.name}.lock"))  # one process writes
        self._sums: dict[str, str] = {}
        self._index: tantivy.Index | None = None
        if (folder / "meta.json").exists():
            with self._guarded():
                self._load()

    def clear(self) -> None:
        """Remove all passages."""
        self._index, self.state = None, State(self.state.index_id)

    def reload(self) -> None:
        """See what another process has written."""
        with self._guarded():
            if self._index is not None:
                self.state = self._read_facts()
                self._index.reload()

    def update(
        self,
        known: State,
        state: State,
        added: Iterable[tuple[int, int, Sequence[int]]],
        dropped: Sequence[int],
    ) -> None:
        """Add and remove passages, unless another process is writing to the folder, or has written.

        Args:
            known: The state that the changes start from.
            state: The state of the database that the index contains afterwards.
            added: Row, number of the text and numbers of the terms of each new passage.
            dropped: Rows to remove.
        """
        with suppress(Timeout), self._guarded(), self._lock.acquire(timeout=0):
            self.reload()
            index = self._index
            if self.state != known:
                return  # another process has written, or an error has emptied the index
            if index is None:
                shutil.rmtree(self._folder, ignore_errors=True)
                index, self._sums = self._open(), {}
            try:
                self._write(index, added, dropped)
                self._index, self.state = index, state
            finally:  # after an interrupt too: the files may have changed
                self._write_facts()

    def search(
        self, weights: Mapping[int, float], limit: int, texts: Sequence[int] | None = None
    ) -> Rows:
        """Return the rows of the passages that match best, at most `limit`.

        Args:
            weights: Weight of each term, by number.
            limit: At least 1.
            texts: Numbers of the only texts to be searched; None for all.
        """
        index, terms = self._index, tantivy.Query
        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        words = [
            (should, terms.boost_query(terms.term_query(self._schema, "terms", str(n), "freq"), w))
            for n, w in weights.items()
        ]
        query = terms.boolean_query(words)
        if texts is not None:
            among = terms.term_set_query(self._schema, "text", list(texts))
            query = terms.boolean_query([(must, query), (must, terms.const_score_query(among, 0))])
        with self._guarded():
            if words and index is not None:
                searcher = index.searcher()
                found = [address for _, address in searcher.search(query, limit, count=False).hits]
                return np.array(searcher.fast_field_values("row", found), dtype=np.int64)
        return np.zeros(0, dtype=np.int64)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Empty the index after an error of tantivy; a panic of Rust is no `Exception`."""
        try:
            yield
        except Timeout:  # an OSError
            raise
        except BaseException as error:
            known = isinstance(error, OSError | ValueError | LookupError | TypeError)
            if not known and type(error).__name__ != "PanicException":
                raise
            _log.warning("The term index %s is damaged or cannot be written (%s): building it "
                         "again.", self._folder, error)  # fmt: skip
            self.clear()

    def _load(self) -> None:
        with suppress(Timeout):
            self._lock.acquire(timeout=_LOCK_TIMEOUT)
        try:
            state = self._read_facts()
            if self._lock.is_locked:
                for name, known in self._sums.items():
                    if _sha256(self._folder / name) != known:
                        raise ValueError(f"{name} does not match its checksum")
            self._index, self.state = self._open(), state
        finally:
            self._lock.release()

    def _open(self) -> tantivy.Index:
        self._folder.mkdir(exist_ok=True)
        index = tantivy.Index(self._schema, str(self._folder))
        index.config_reader("manual")
        return index

    def _read_facts(self) -> State:
        facts = json.loads((self._folder / _FACTS).read_text(encoding="utf-8"))
        index_id, row, dropped = facts["state"]
        if index_id != self.state.index_id:
            raise ValueError("it belongs to another index")
        self._sums = dict(facts["checksums"])
        return State(index_id, int(row), int(dropped))

    def _write(
        self,
        index: tantivy.Index,
        added: Iterable[tuple[int, int, Sequence[int]]],
        dropped: Sequence[int],
    ) -> None:
        writer = index.writer(_HEAP_BYTES, 1)
        try:
            for row, text, terms in added:
                document = tantivy.Document(terms=" ".join(map(str, terms)))
                document.add_unsigned("row", row)
                document.add_unsigned("text", text)
                writer.add_document(document)
            # By query: `delete_documents_by_term` takes rows for signed numbers and finds none.
            if dropped:
                gone = tantivy.Query.term_set_query(self._schema, "row", list(dropped))
                writer.delete_documents_by_query(gone)
            writer.commit()
        finally:
            writer.wait_merging_threads()
        index.reload()

    def _write_facts(self) -> None:
        """Write state and checksums. No file but meta.json changes once it is written."""
        files = [f for f in self._folder.iterdir() if f.name[0] != "." and f.name != _FACTS]
        known = {name: found for name, found in self._sums.items() if name != "meta.json"}
        self._sums = {file.name: known.get(file.name) or _sha256(file) for file in files}
        with write_atomically(self._folder / _FACTS) as stream:
            stream.write(json.dumps({"state": self.state, "checksums": self._sums}).encode())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_unsigned_field("text", indexed=True)
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    return builder.build()
