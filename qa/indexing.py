"""Folder to store: find out what changed, read and embed what is new, drop what is gone."""

import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qa import articles, chunking, duplicates, lexical
from qa.articles import Columns, Sidecar
from qa.chunking import Chunks
from qa.datatypes import Article, Skipped, SyncProgress, SyncReport
from qa.embedding import Embedder
from qa.errors import ArticleError, CorpusError
from qa.metadata import read_sidecar
from qa.readers import SUFFIXES
from qa.readers.isolated import EndedError, IsolatedReader
from qa.store import Entry, FileRecord, Sentence, Store

Progress = Callable[[SyncProgress], None]

# Texts: enough to fill the model's batches with ones of a length, few enough to show progress.
_EMBED_AT_ONCE = 512
# Files that are noted as read in one write.
_NOTED_AT_ONCE = 200
# Nanoseconds. A file that was written so shortly before it was read may be written again within the
# same tick of the file system's clock: it is read again the next time.
_UNSETTLED = 2_000_000_000


class _Survey(NamedTuple):
    """What stands in the folder, held against what the store knows of it.

    Attributes:
        unchanged: Files that are as they were when they were last read.
        changed: Files to be read, with their stamps.
        stay: Ids of articles whose file is still there, wherever it lies now.
        skipped: What is no file of articles.
        gone: Paths of files that are there no more.
    """

    unchanged: dict[str, FileRecord]
    changed: dict[str, str]
    stay: set[str]
    skipped: list[Skipped]
    gone: list[str]


class _Batch(NamedTuple):
    """Articles to be embedded together.

    Attributes:
        articles: With their passages.
        records: The files of which nothing is missing once these articles are in.
        files: How many files have been read so far.
        bytes: And how many bytes.
    """

    articles: list[tuple[Article, Chunks]]
    records: dict[str, FileRecord]
    files: int
    bytes: int


def sync(
    folder: Path,
    store: Store,
    embedder: Embedder,
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
    columns: Columns | None = None,
    reader: IsolatedReader | None = None,
) -> SyncReport:
    """Bring the store up to the folder.

    Each article is one transaction: an interrupted sync loses nothing, and the next goes on from
    there. A file that has not changed is not read again, and content that the store knows is not
    embedded again, wherever it lies now.

    Args:
        folder: The folder of articles.
        store: Its index.
        embedder: Makes the vectors.
        progress: Called as the articles come in.
        may_be_empty: Whether a folder without an article will do.
        columns: Which column or key of a table holds which field, by field.
        reader: Where untrusted formats are read; one of its own if None. Told to end, it ends
            the sync after the article that is at hand.

    Raises:
        CorpusError: The folder is missing, its sidecar is broken, or (unless it may be empty) no
            file in it can be read as an article; the store then stays as it is.
        EndedError: The reader was told to end.
    """
    work = _Sync(folder, store, columns or {}, reader)
    return work.run(store, embedder, progress, may_be_empty=may_be_empty)


def compare(folder: Path, store: Store | None, columns: Columns | None = None) -> SyncReport:
    """Return what a sync would do, and do nothing.

    Args:
        folder: The folder of articles.
        store: Its index; None if there is none yet.
        columns: As for `sync`.

    Raises:
        CorpusError: The folder is missing, or its sidecar is broken.
    """
    work = _Sync(folder, store, columns or {})
    for article, status in work.articles():
        known = work.updated if status == "changed" or article.path in work.kept else work.added
        known.append(article.path)
    return work.report(0)


class _Sync:
    """One comparison of folder and store, and what came of it so far."""

    def __init__(
        self,
        folder: Path,
        store: Store | None,
        columns: Columns,
        reader: IsolatedReader | None = None,
    ) -> None:
        self.folder = folder
        self.reader = reader or IsolatedReader()
        self.status = store.status if store else lambda _: "absent"
        self.columns = columns
        self.sidecar = read_sidecar(folder)
        self.kept = store.paths() if store else {}
        self.survey = _survey(folder, store, self.sidecar, columns)
        self.seen: dict[str, str] = {}
        self.added: list[str] = []
        self.updated: list[str] = []
        self.unchanged: list[str] = []
        self.skipped = [*self.survey.skipped]
        self.records: dict[str, FileRecord] = {}
        self.twins: dict[str, Article | None] = {}  # those of files that were not read are kept
        self.files_done = self.bytes_done = 0
        for record in self.survey.unchanged.values():
            self.skipped += record.skipped
            for path, key in record.articles:
                if self.kept.get(path) == key:
                    self.seen[key] = path
                    self.unchanged.append(path)
        for record in self.survey.unchanged.values():
            for path, key in record.articles:
                if self.seen[key] != path:
                    self._same(path, key)

    def run(
        self, store: Store, embedder: Embedder, progress: Progress | None, *, may_be_empty: bool
    ) -> SyncReport:
        """Do what is to be done."""
        total = sum(_size(self.folder / path) for path in self.survey.changed)
        embedded = 0
        last: str | None = None

        def tell(files: int, read: int) -> None:
            if self.reader.ended:
                raise EndedError
            if progress:
                share = min(1.0, read / total) if total else 1.0
                progress(SyncProgress(files, len(self.survey.changed), embedded, share, last))

        tell(0, 0)
        # The next articles are read and cut up while the model is at work on these.
        for batch in _ahead(self._batches(store, embedder), self.reader.end):
            for article, entries, sentences in _embedded(batch.articles, embedder):
                self._put(store, article, entries, sentences)
                embedded += len(entries)
                last = article.path
                tell(batch.files, batch.bytes)
            store.put_files(batch.records)  # all that was found in them is in the store by now
            store.settle()
            tell(batch.files, batch.bytes)
        if not self.seen and not may_be_empty:
            raise CorpusError(_nothing_to_read(self.folder, self.skipped))
        gone = [key for key in self.kept.values() if key not in self.seen]
        if gone:
            store.remove(gone)
        store.put_files({}, self.survey.gone)
        read = [twin for twin in self.twins.values() if twin]
        store.put_twins(read, [path for path, twin in self.twins.items() if not twin])
        store.settle()
        return self.report(embedded)

    def report(self, embedded: int) -> SyncReport:
        """Return what was done."""
        gone = [path for path, key in self.kept.items() if key not in self.seen]
        return SyncReport(
            added=tuple(self.added),
            updated=tuple(self.updated),
            removed=tuple(path for path in gone if path not in self.updated),
            unchanged=tuple(sorted(self.unchanged)),
            skipped=tuple(sorted(self.skipped, key=lambda item: item.path)),
            embedded=embedded,
        )

    def articles(self) -> Iterator[tuple[Article, str]]:
        """Read what has changed; yield the articles that are absent from the store, or changed."""
        try:
            for path, stamp in self.survey.changed.items():
                yield from self._file(path, stamp)
        finally:
            self.reader.close()

    def _file(self, path: str, stamp: str) -> Iterator[tuple[Article, str]]:
        before, size = self.bytes_done, _size(self.folder / path)
        held: list[tuple[str, str]] = []
        unread: list[Skipped] = []
        try:
            content = articles.read_bytes(self.folder / path)
        except ArticleError as error:  # not noted: it may be readable the next time
            self.skipped.append(Skipped(path, str(error)))
            self.files_done += 1
            return
        try:
            for item in articles.read_file(content, path, self.sidecar, self.columns, self.reader):
                if isinstance(item, Skipped):
                    unread.append(item)
                    continue
                key = item.article_id
                held.append((item.path, key))
                if key in self.seen:
                    self._same(item.path, key, item)
                    continue
                self.seen[key] = item.path
                self.bytes_done = min(before + size, self.bytes_done + len(item.text))
                status = self.status(item)
                if status == "same":
                    self.unchanged.append(item.path)
                else:
                    yield item, status
        except ArticleError as error:
            unread.append(Skipped(path, str(error)))
        self.skipped += unread
        self.bytes_done = before + size
        self.files_done += 1
        digest = hashlib.sha256(content).hexdigest()
        self.records[path] = FileRecord(stamp, digest, tuple(held), tuple(unread))

    def _same(self, path: str, key: str, article: Article | None = None) -> None:
        self.twins[path] = article
        self.skipped.append(Skipped(path, f"has the same content as {self.seen[key]}"))

    def _batches(self, store: Store, embedder: Embedder) -> Generator[_Batch, None, None]:
        """Yield new articles with their passages, several together where they are short.

        The first comes alone, so that it can be asked about while the others follow. What is not
        new is updated on the way.
        """
        waiting: list[tuple[Article, Chunks]] = []
        enough, passages = 1, 0
        for article, status in self.articles():
            if status == "changed":
                store.update(article)
                self.updated.append(article.path)
                continue
            chunks = chunking.split_article(article, embedder.count_tokens, embedder.token_limit)
            waiting.append((article, chunks))
            passages += len(chunks.passages)
            if passages >= enough or len(self.records) >= _NOTED_AT_ONCE:
                yield self._batch(waiting)
                waiting, passages = [], 0
                enough = min(2 * enough, _EMBED_AT_ONCE // 4)  # with their sentences
        yield self._batch(waiting)

    def _batch(self, waiting: list[tuple[Article, Chunks]]) -> _Batch:
        records, self.records = self.records, {}
        return _Batch(waiting, records, self.files_done, self.bytes_done)

    def _put(
        self, store: Store, article: Article, entries: list[Entry], sentences: list[Sentence]
    ) -> None:
        before = self.kept.get(article.path)
        stays = before is None or before in self.seen or before in self.survey.stay
        found = duplicates.runs(article)
        bands = duplicates.bands(found)
        copies = _copies(store, found, bands)
        store.put(article, entries, sentences, None if stays else before, bands, copies)
        (self.updated if article.path in self.kept else self.added).append(article.path)


def _survey(folder: Path, store: Store | None, sidecar: Sidecar, columns: Columns) -> _Survey:
    """Look at every file, and read none but those that may be known ones in another place."""
    known = store.files() if store else {}
    kept = store.paths() if store else {}
    told = _told(sidecar)
    survey = _Survey({}, {}, set(), [], [])
    paths: set[str] = set()
    for file in articles.find_files(folder):
        if isinstance(file, Skipped):
            survey.skipped.append(file)
            continue
        path = file.relative_to(folder).as_posix()
        paths.add(path)
        stamp = _stamp(file, [told.get(path, {}), dict(columns)])
        record = known.get(path)
        if record and stamp and record.stamp == stamp:
            survey.unchanged[path] = record
        else:
            survey.changed[path] = stamp
    # An article may have been kept under the name of a copy of its file that has gone since.
    there = {key for r in survey.unchanged.values() for p, key in r.articles if kept.get(p) == key}
    for path, record in list(survey.unchanged.items()):
        if any(key not in there for _, key in record.articles):
            del survey.unchanged[path]
            survey.changed[path] = ""
    loose = {r.sha256: r for path, r in known.items() if path not in survey.unchanged}
    if loose:
        for path in survey.changed:
            try:
                content = articles.read_bytes(folder / path)
            except ArticleError:
                continue
            record = loose.get(hashlib.sha256(content).hexdigest())
            survey.stay.update(key for _, key in record.articles) if record else None
    survey.gone.extend(path for path in known if path not in paths)
    return survey


def _told(sidecar: Sidecar) -> dict[str, dict[str, object]]:
    """Return what the sidecar says, by file; an article's path begins with that of its file."""
    told: dict[str, dict[str, object]] = {}
    for path, fields in sidecar.items():
        ends = [i for i, character in enumerate(path) if character in "#/"]
        for end in [*ends, len(path)]:
            told.setdefault(path[:end], {})[path] = dict(fields)
    return told


def _stamp(file: Path, known: list[object]) -> str:
    """Return what changes with the file, or with what is known of it; nothing if it may yet."""
    try:
        state = file.stat()
    except OSError:
        return ""
    if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < _UNSETTLED:
        return ""
    facts = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, known]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _ahead(batches: Generator[_Batch, None, None], give_up: Callable[[], None]) -> Iterator[_Batch]:
    """Yield batches; while one is in use the next is made, in a thread.

    Args:
        batches: What is yielded.
        give_up: Ends at once what the thread is at, if nobody wants the next one any more.
    """
    with closing(batches), ThreadPoolExecutor(1) as pool:
        try:
            coming = pool.submit(next, batches, None)
            while batch := coming.result():
                coming = pool.submit(next, batches, None)
                yield batch
        except BaseException:
            give_up()
            raise


def _embedded(
    batch: list[tuple[Article, Chunks]], embedder: Embedder
) -> Iterator[tuple[Article, list[Entry], list[Sentence]]]:
    """Yield articles with all that they are searched by."""
    texts = [text for article, chunks in batch for text in _texts(article, chunks)]
    vectors = [
        embedder.embed_passages(texts[start : start + _EMBED_AT_ONCE])
        for start in range(0, len(texts), _EMBED_AT_ONCE)
    ]
    rows = iter(np.concatenate(vectors)) if vectors else iter(())
    for article, chunks in batch:
        language = article.language
        entries = [
            Entry(passage, lexical.terms(chunking.searched_text(passage), language), next(rows))
            for passage in chunks.passages
        ]
        sentences = [
            Sentence(span, next(rows), lexical.terms(article.text[slice(*span)], language))
            for span in chunks.sentences
        ]
        yield article, entries, sentences


def _texts(article: Article, chunks: Chunks) -> list[str]:
    """Return all that is embedded of an article: its passages, then its sentences."""
    return [chunking.searched_text(passage) for passage in chunks.passages] + [
        article.text[start:end] for start, end in chunks.sentences
    ]


def _copies(store: Store, found: frozenset[int], bands: list[int]) -> list[str]:
    """Return the articles that tell the same story; of those that are known copies, only one."""
    similar = sorted(store.similar(bands))
    linked = store.linked(similar)
    copies: list[str] = []
    for key in similar:
        if any(key in linked.get(copy, ()) for copy in copies):
            continue
        [*article] = store.articles([key])
        if article and duplicates.is_copy(found, duplicates.runs(article[0])):
            copies.append(key)
    return copies


def _nothing_to_read(folder: Path, skipped: list[Skipped]) -> str:
    if not skipped:
        return (
            f"There are no articles in {folder}. Put files there "
            f"({', '.join(SUFFIXES)}), or name another folder with --articles."
        )
    reasons = "".join(f"\n  {item.path} {item.reason}" for item in skipped[:10])
    more = f"\n  and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    return f"No file in {folder} can be read as an article:{reasons}{more}"
