"""Bringing an index up to date with its folder: find what changed, read, embed and store it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from qa.errors import ArticleError, CancelledError, CorpusError
from qa.index import duplicates
from qa.index.reports import SyncProgress, SyncReport
from qa.index.rows import Entry, FileRecord, to_row
from qa.index.snapshot import Snapshot
from qa.index.steps import EMBED_AT_ONCE, Batch, embed, find_near_duplicates, read_ahead
from qa.index.store import Store
from qa.index.survey import Changed, survey_folder
from qa.models.embedder import Embedder
from qa.reading.articles import Columns, read_file
from qa.reading.folder import read_bytes
from qa.reading.formats import SUFFIXES
from qa.reading.isolated import IsolatedReader
from qa.reading.sidecar import read_sidecar
from qa.records import Article, Skipped
from qa.text import chunking
from qa.text.chunking import Chunks

Progress = Callable[[SyncProgress], None]

# Files whose records are stored in one write.
_RECORDS_AT_ONCE = 200


class Sync:
    """A comparison of a folder with its index, and the changes that follow from it.

    Each article is one transaction: an interrupted sync loses nothing, and the next one continues
    from there. A file that has not changed is not read again, and a text that is stored is not
    embedded again, whatever its path.
    """

    def __init__(
        self,
        folder: Path,
        snapshot: Snapshot | None,
        columns: Columns,
        reader: IsolatedReader | None = None,
    ) -> None:
        """Compare the folder with the index.

        Args:
            folder: The folder of articles.
            snapshot: Its index; None if there is none yet.
            columns: Which column or key of a table holds which field, by field.
            reader: Reads untrusted formats; one is created if None. When it is cancelled, a sync
                stops after the current article.

        Raises:
            CorpusError: The folder is missing, or its sidecar is invalid.
        """
        self.folder = folder
        self.reader = reader or IsolatedReader()
        self.columns = columns
        self.sidecar = read_sidecar(folder)
        self.paths = snapshot.paths() if snapshot else {}
        self.languages = snapshot.text_languages() if snapshot else {}
        self.survey = survey_folder(folder, snapshot, self.paths, self.sidecar, columns)
        kept = {p for record in self.survey.unchanged.values() for p, _ in record.articles}
        # Metadata of the other articles, to find those that changed.
        others = [path for path in self.paths if path not in kept]
        self.stored = snapshot.article_rows(others) if snapshot else {}
        self.first: dict[str, str] = {}  # path of the first article with each text
        self.present: set[str] = set()  # paths of all articles
        self.added: list[str] = []
        self.updated: dict[str, None] = {}  # as an ordered set
        self.unchanged: list[str] = []
        self.skipped = [*self.survey.skipped]
        self.records: dict[str, FileRecord] = {}
        self.files_done = self.bytes_done = 0
        for path, key in self.paths.items():
            if path in kept and not self._is_duplicate(path, key):
                self.unchanged.append(path)
        for record in self.survey.unchanged.values():
            self.skipped += record.skipped

    def run(
        self, store: Store, embedder: Embedder, progress: Progress | None, *, may_be_empty: bool
    ) -> SyncReport:
        """Read, embed and store what changed, and remove what is gone.

        Args:
            store: The index.
            embedder: Embeds the passages and sentences.
            progress: Called after each article.
            may_be_empty: Whether a folder without an article is accepted.

        Raises:
            CorpusError: No file can be read as an article, unless the folder may be empty; the
                index then stays as it is.
            CancelledError: The reader was cancelled.
        """
        total = sum(file.size for file in self.survey.changed.values())
        embedded = 0
        last: str | None = None

        def report_progress(files: int, read: int) -> None:
            if self.reader.cancelled:
                raise CancelledError("The sync was cancelled.")
            if progress:
                share = min(1.0, read / total) if total else 1.0
                progress(SyncProgress(files, len(self.survey.changed), embedded, share, last))

        report_progress(0, 0)
        # The next articles are read and divided while the model embeds these.
        for batch in read_ahead(self._batches(embedder), self.reader.cancel):
            for article, passages, sentences in embed(batch.new, embedder):
                self._put(store, article, passages, sentences)
                embedded += len(passages)
                last = article.path
                report_progress(batch.files, batch.bytes)
            store.put_articles(batch.known)
            store.put_files(batch.records)  # all that they contain is stored by now
            store.refresh_indexes()
            report_progress(batch.files, batch.bytes)
        if not self.present and not may_be_empty:
            raise CorpusError(_nothing_to_read(self.folder, self.skipped))
        store.remove_articles([path for path in self.paths if path not in self.present])
        store.put_files({}, self.survey.gone)
        store.refresh_indexes()
        return self._report(embedded)

    def compare(self) -> SyncReport:
        """Return what `run` would report, and change nothing."""
        for _ in self._changes():
            pass
        return self._report(0)

    def _report(self, embedded: int) -> SyncReport:
        gone = [path for path, key in self.paths.items() if key not in self.first]
        was_first = {key: path for path, key in reversed(self.paths.items())}
        # A duplicate takes the place of the first article with its text, if that one is gone.
        same = [path for path in self.unchanged if was_first[self.paths[path]] == path]
        updated = [*self.updated, *sorted({*self.unchanged} - {*same})]
        return SyncReport(
            added=tuple(self.added),
            updated=tuple(updated),
            removed=tuple(path for path in gone if path not in self.updated),
            unchanged=tuple(sorted(same)),
            skipped=tuple(sorted(self.skipped, key=lambda item: item.path)),
            embedded=embedded,
        )

    def _changes(self) -> Iterator[tuple[Article, bool]]:
        """Read the changed files; yield each article to store, and whether its text is new."""
        with closing(self.reader):
            for path, file in self.survey.changed.items():
                yield from self._read(path, file)

    def _read(self, path: str, file: Changed) -> Iterator[tuple[Article, bool]]:
        before, size = self.bytes_done, file.size
        articles: list[tuple[str, str]] = []
        unread: list[Skipped] = []
        try:
            content = read_bytes(self.folder / path)
        except ArticleError as error:  # not recorded: it may be readable the next time
            self.skipped.append(Skipped(path, str(error)))
            self.files_done += 1
            return
        try:
            for item in read_file(content, path, self.sidecar, self.columns, self.reader):
                if isinstance(item, Skipped):
                    unread.append(item)
                    continue
                articles.append((item.path, item.article_id))
                self.bytes_done = min(before + size, self.bytes_done + len(item.text))
                yield from self._changed(item)
        except ArticleError as error:
            unread.append(Skipped(path, str(error)))
        self.skipped += unread
        self.bytes_done = before + size
        self.files_done += 1
        self.records[path] = FileRecord(file.signature, tuple(articles), tuple(unread))

    def _changed(self, article: Article) -> Iterator[tuple[Article, bool]]:
        """Yield an article with whether its text is new, if it differs from what is stored."""
        path, key = article.path, article.article_id
        is_stored = self.stored.get(path) == (key, to_row(article))
        is_new = key not in self.languages and key not in self.first
        # Sentences and terms follow the rules of the language; with another one they change.
        other_language = self.languages.get(key, article.language) != article.language
        if not self._is_duplicate(path, key):
            if is_stored:
                self.unchanged.append(path)
                if not other_language:
                    return
            elif path in self.paths or not is_new:
                self.updated[path] = None
            else:
                self.added.append(path)
            yield article, is_new or other_language
        elif not is_stored:
            yield article, False

    def _is_duplicate(self, path: str, key: str) -> bool:
        """Note that a path has a text; return whether another path has the same text."""
        self.present.add(path)
        first = self.first.setdefault(key, path)
        if first != path:
            self.skipped.append(Skipped(path, f"has the same content as {first}"))
        return first != path

    def _batches(self, embedder: Embedder) -> Generator[Batch, None, None]:
        """Yield the articles to store, with the passages of new texts.

        The first new one comes by itself, so that it can be asked about while the others follow.
        """
        new: list[tuple[Article, Chunks]] = []
        known: list[Article] = []
        enough, passages = 1, 0
        for article, is_new in self._changes():
            if is_new:
                chunks = chunking.split_article(
                    article, embedder.count_tokens, embedder.token_limit
                )
                new.append((article, chunks))
                passages += len(chunks.passages)
            else:
                known.append(article)
            if passages >= enough or len(self.records) >= _RECORDS_AT_ONCE:
                yield self._batch(new, known)
                new, known, passages = [], [], 0
                enough = min(2 * enough, EMBED_AT_ONCE // 4)  # with their sentences
        yield self._batch(new, known)

    def _batch(self, new: list[tuple[Article, Chunks]], known: list[Article]) -> Batch:
        records, self.records = self.records, {}
        return Batch(new, known, records, self.files_done, self.bytes_done)

    def _put(
        self, store: Store, article: Article, passages: list[Entry], sentences: list[Entry]
    ) -> None:
        found = duplicates.story_shingles(article)
        bands = duplicates.bands(found)
        find = partial(find_near_duplicates, found=found, bands=bands)
        store.put_text(article, passages, sentences, bands, find)


def _nothing_to_read(folder: Path, skipped: list[Skipped]) -> str:
    if not skipped:
        return (
            f"There are no articles in {folder}. Put files there "
            f"({', '.join(SUFFIXES)}), or name another folder with --articles."
        )
    reasons = "".join(f"\n  {item.path} {item.reason}" for item in skipped[:10])
    more = f"\n  and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    return f"No file in {folder} can be read as an article:{reasons}{more}"
