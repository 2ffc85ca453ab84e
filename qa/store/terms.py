"""Passages by term: a tantivy index, derived from the stored terms. The only importer of tantivy.

What is found is a choice of passages, best first by tantivy's own BM25, whose lengths are rounded:
`qa.store.scores` has their scores. Tantivy maps its files into memory and trusts them: they are
held against their SHA-256 before they are opened.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tantivy
from filelock import FileLock, Timeout

from qa.store.vectors import Rows, Watermark

_HEAP_BYTES = 60_000_000
# The document that says how far the index is up to, and how it is found.
_MARK = "watermark"
_SUMS = "checksums.json"
# Seconds that opening waits for a process that writes here; it looked when it opened them itself.
_PATIENCE = 5.0
_log = logging.getLogger("qa")


class DamagedError(Exception):
    """Tantivy cannot read what lies in the folder, or cannot write there."""


class TermIndex:
    """The rows of passages by term, on disk; in memory where the disk cannot be written.

    Threads may share it: a searcher sees one state.
    """

    def __init__(self, folder: Path, index_id: str) -> None:
        """Open the folder, or make it; what is damaged, or of another truth, is made anew."""
        self._schema = _schema()
        self._folder = folder
        self._index_id = index_id
        self._lock = FileLock(folder.with_name(f".{folder.name}.lock"))
        self._sums: dict[str, str] = {}
        found = self._found() if (folder / "meta.json").exists() else None
        if found is None:
            self.clear()
        else:
            self._index, self._on_disk = found, True

    def clear(self) -> None:
        """Begin with nothing."""
        try:
            with self._lock.acquire(timeout=_PATIENCE), _guarded():
                shutil.rmtree(self._folder, ignore_errors=True)
                self._index, self._on_disk, self._sums = self._open(), True, {}
                self._note_sums()
        except (OSError, DamagedError):  # Timeout is an OSError
            self.keep_in_memory()

    def keep_in_memory(self) -> None:
        """Begin with nothing, away from the disk."""
        self._index, self._on_disk = tantivy.Index(self._schema), False

    @property
    def watermark(self) -> Watermark:
        """How far the truth has been taken in, by this process or another.

        Raises:
            DamagedError: It cannot be read.
        """
        with _guarded():
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

        Raises:
            DamagedError: It cannot be written.
        """
        if not self._on_disk:
            self._write(watermark, added, dropped)
            return True
        try:
            with self._lock.acquire(timeout=0), _guarded():
                self._write(watermark, added, dropped)
                self._note_sums()
        except Timeout:
            return False
        except OSError as error:
            raise DamagedError(str(error)) from error
        return True

    def _write(
        self,
        watermark: Watermark,
        added: Iterable[tuple[int, int, Sequence[int]]],
        dropped: Sequence[int],
    ) -> None:
        writer = self._index.writer(_HEAP_BYTES, 1)
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

    def search(
        self, weights: Mapping[int, float], limit: int, articles: Sequence[int] | None = None
    ) -> Rows:
        """Return the rows of the passages that match best, at most `limit`.

        Args:
            weights: What each term, by number, counts for.
            limit: At least 1.
            articles: The only articles to be searched, by number; None for all.

        Raises:
            DamagedError: It cannot be read.
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
        with _guarded():
            searcher = self._index.searcher()
            found = [address for _, address in searcher.search(query, limit, count=False).hits]
            return np.array(searcher.fast_field_values("row", found), dtype=np.int64)

    def _open(self) -> tantivy.Index:
        self._folder.mkdir(exist_ok=True)
        index = tantivy.Index(self._schema, str(self._folder))
        index.config_reader("manual")
        return index

    def _found(self) -> tantivy.Index | None:
        """Return what lies in the folder, if it is whole and of this truth."""
        try:
            self._lock.acquire(timeout=_PATIENCE)
        except Timeout:
            pass
        except OSError:
            return None
        try:
            if self._lock.is_locked:
                self._check_sums()
            with _guarded():
                index = self._open()
                return index if _watermark(index).index_id in {"", self._index_id} else None
        except (OSError, ValueError, DamagedError) as error:
            _log.warning("%s is damaged: made again (%s).", self._folder, error)
            return None
        finally:
            self._lock.release()

    def _check_sums(self) -> None:
        self._sums = json.loads((self._folder / _SUMS).read_text(encoding="utf-8"))
        for name, known in self._sums.items():
            if _sum(self._folder / name) != known:
                raise ValueError(f"{name} does not match its checksum")

    def _note_sums(self) -> None:
        """Note the sums of all files; but for meta.json, none is ever changed once it is there."""
        files = [f for f in self._folder.iterdir() if f.name[0] != "." and f.name != _SUMS]
        known = {name: found for name, found in self._sums.items() if name != "meta.json"}
        self._sums = {file.name: known.get(file.name) or _sum(file) for file in files}
        draft = self._folder / f".{_SUMS}"
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(self._sums, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._folder / _SUMS)


def _sum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn whatever tantivy ends in into one error; a panic of Rust is no `Exception`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DamagedError(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DamagedError(str(error)) from error


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
