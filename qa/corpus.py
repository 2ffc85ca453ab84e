"""The facade: a folder of articles that can be asked."""

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from threading import BoundedSemaphore, Lock
from types import TracebackType
from typing import Self, TypeVar

from qa import answering, chunking, conversation, indexing, intake, retrieval
from qa.articles import Columns, check_folder
from qa.datatypes import Answer, Article, Hit, Scope, Status, SyncReport
from qa.embedding import Embedder, LocalEmbedder
from qa.errors import ArticleError, BusyError, CorpusError, QueryError
from qa.indexing import Progress
from qa.locations import articles_folder, file_of, index_folder
from qa.readers.isolated import EndedError, IsolatedReader
from qa.reranking import CrossEncoderReranker, Reranker
from qa.retrieval import Query
from qa.store import Manifest
from qa.store.folder import TRUTH_FILE, delete_index
from qa.store.local import LocalStore

T = TypeVar("T")

# More than are quoted: neighbours and copies that repeat each other are passed over.
_ANSWER_HITS = 30
# How often a look is taken again before writers are kept out.
_GLANCES = 3
# Share of articles in other languages; single short texts are sometimes taken for another one.
_WORTH_A_NOTE = 0.02


_log = logging.getLogger("qa")


class Corpus:
    """A folder of articles with its index. Open it with `Corpus.open`; threads may share it.

    Attributes:
        folder: The folder of articles.
        index: The folder that holds the index.
        report: What the last sync did.
        changes: How many syncs have changed an article since it was opened.
    """

    def __init__(
        self,
        folder: Path,
        index: Path,
        embedder: Embedder,
        reranker: Reranker | None = None,
        columns: Columns | None = None,
    ) -> None:
        """Open the index as it is, or make an empty one; `Corpus.open` also syncs.

        Raises:
            StoreError: The index folder cannot be used, or does not belong to these articles.
        """
        self.folder = folder
        self.index = index
        self.report = SyncReport()
        self.changes = 0
        self._embedder = embedder
        self._reranker = reranker
        self._syncing = Lock()
        self._adding = Lock()
        # More at once would only take Python's one lock from each other; docs/performance.md.
        self._turns = BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))
        self._added: dict[str, str] = {}  # content and path of what `sync` has not seen yet
        manifest = Manifest(
            model_id=embedder.model_id,
            dimension=embedder.dimension,
            chunking=f"{chunking.RULES}:{chunking.PASSAGE_TOKENS}/{chunking.OVERLAP_SENTENCES}",
            articles=str(folder.resolve()),
        )
        self._reader = IsolatedReader()
        self._sync_reader = IsolatedReader()  # a new one for each sync, that can be ended
        self._interrupted = False
        self._store = LocalStore(index, manifest)
        self._columns = self._store.columns(columns or None)

    @classmethod
    def open(
        cls,
        articles: str | os.PathLike[str] | None = None,
        index: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        reranker: str | None = None,
        rebuild: bool = False,
        may_be_empty: bool = False,
        columns: Columns | None = None,
        progress: Progress | None = None,
        wait: bool = False,
    ) -> Self:
        """Open a folder of articles and bring its index up to date.

        Args:
            articles: The folder; see `articles_folder` for what None means.
            index: Where the index lies or shall lie; see `index_folder` for what None means.
            model: A sentence-transformers name or folder; the built-in model if None.
            reranker: Name or folder of a sentence-transformers CrossEncoder that orders the best
                passages anew; none if None.
            rebuild: Throw the index away first.
            may_be_empty: Whether a folder without an article will do, since some are to come.
            columns: Which column of a CSV file, or key of a JSON object, holds which field, where
                the usual names do not say: ``{"text": "Artikel", "outlet": "Blatt"}``. The index
                remembers them.
            progress: Called while articles are embedded.
            wait: Whether to wait where another process is indexing into the same index; else what
                it has done so far is what is asked.

        Raises:
            CorpusError: The folder is missing, or holds no article that can be read.
            StoreError: The index folder cannot be used, or was made with another model.
            ModelError: The model or the reranker cannot be loaded.
        """
        folder = articles_folder(articles)
        place = index_folder(folder, index)
        check_folder(folder)  # before an index is made for it
        embedder = LocalEmbedder(model)
        cross_encoder = CrossEncoderReranker(reranker) if reranker else None
        if rebuild:
            delete_index(place)
        corpus = cls(folder, place, embedder, cross_encoder, columns)
        try:
            corpus.sync(progress, may_be_empty=may_be_empty, wait=wait or not corpus.count()[0])
        except BusyError as error:
            _log.warning("%s What it has done so far is asked.", error)
        except BaseException:
            corpus.close()
            raise
        return corpus

    def sync(
        self, progress: Progress | None = None, *, may_be_empty: bool = False, wait: bool = True
    ) -> SyncReport:
        """Bring the index up to the folder; see `qa.indexing.sync`.

        One process at a time does so, and mostly waits for another one that is at it.

        Raises:
            BusyError: It shall not wait.
            EndedError: It was interrupted.
            CorpusError: The folder is missing; or no file in it can be read as an article, unless
                it may be empty. The index then stays as it is.
        """
        with self._syncing, self._store.alone(wait=wait) as granted:
            if not granted:
                raise BusyError(f"Another qa is indexing into {self.index}.")
            with self._adding:
                self._added.clear()
            self._sync_reader = IsolatedReader()
            if self._interrupted:
                raise EndedError
            self.report = indexing.sync(
                self.folder,
                self._store,
                self._embedder,
                progress,
                may_be_empty=may_be_empty,
                columns=self._columns,
                reader=self._sync_reader,
            )
            if self.report.added or self.report.updated or self.report.removed:
                self.changes += 1
        return self.report

    def add(self, file: str | os.PathLike[str], name: str | None = None) -> str:
        """Copy a file into the folder of articles; the next `sync` takes it in.

        Args:
            file: The file.
            name: Its path in the folder; the file's own name if None. A number is added to it if
                there is another file of that name.

        Returns:
            Its path in the folder.

        Raises:
            ArticleError: It cannot be an article, is there already, or its name leads out of the
                folder; nothing was copied.
            CorpusError: The folder cannot be written.
        """
        source = Path(file)
        wanted, articles = intake.check(source, name or source.name, self._reader)
        with self._adding:
            known = {key: path for path, key in self._store.paths().items()} | self._added
            same = [known.get(article.article_id) for article in articles]
            if same and all(path and file_of(self.folder, path).is_file() for path in same):
                raise ArticleError(f"has the same content as {same[0]}")
            path = intake.add(self.folder, source, wanted)
            self._added |= {article.article_id: path for article in articles}
            return path

    def remove(self, path: str) -> None:
        """Take an article out of folder and index; `restore` puts it back.

        Its file goes to the hidden folder ``.removed`` inside the folder of articles.

        Raises:
            CorpusError: There is no such article, or its file cannot be moved.
        """
        if path not in self._store.paths():
            raise CorpusError(f"There is no article {path} in {self.folder}.")
        file = file_of(self.folder, path).relative_to(self.folder).as_posix()
        if file != path:
            raise CorpusError(
                f"{path} is one of the articles in {file}. Take that file out of {self.folder}, or "
                "take the article out of the file."
            )
        intake.remove(self.folder, path)
        self.sync(may_be_empty=True)

    def restore(self, path: str) -> None:
        """Put an article back that `remove` took out.

        Raises:
            ArticleError: The path leads out of the folder.
            CorpusError: It was not removed, or another file took its place.
        """
        intake.restore(self.folder, path)
        self.sync(may_be_empty=True)

    def retrieve(
        self,
        query: str,
        k: int = 5,
        outlets: str | Collection[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        max_tokens: int | None = None,
        history: str | Sequence[str] = (),
        paths: str | Collection[str] | None = None,
    ) -> list[Hit]:
        """Return the passages that fit a query best; see `qa.retrieval.retrieve`.

        `outlets`, `since`, `until` and `paths` say which articles are searched, as in
        `qa.Scope`; days may also be written as 2025-12-17, a single outlet or path as its
        name. `history` holds the earlier questions, oldest first, for a query that leans on them.

        Raises:
            QueryError: The query, `k`, a day or `max_tokens` cannot be used.
        """
        query = retrieval.check_query(query)
        context = conversation.context(query, [history] if isinstance(history, str) else history)
        asked = retrieval.make_query(self._embedder, query, context, self._store.languages())
        scope = make_scope(outlets, since, until, paths)
        return self._unchanged(lambda: self._search(asked, k, scope, max_tokens))

    def answer(
        self,
        question: str,
        history: str | Sequence[str] = (),
        outlets: str | Collection[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        paths: str | Collection[str] | None = None,
        *,
        carry_over: bool = True,
    ) -> Answer:
        """Answer a question with quotes, or abstain.

        Args:
            question: The question asked now.
            history: The earlier questions, oldest first, for one that leans on them.
            outlets: Only articles of these outlets, as for `retrieve`.
            since: Only articles published on this day or later.
            until: Only articles published on this day or earlier.
            paths: Only these articles, by path in the folder.
            carry_over: Whether anything is taken over from `history`.

        Raises:
            QueryError: The question is empty, has no word in it, or is too long; or a day cannot be
                read.
        """
        question = retrieval.check_query(question)
        earlier = [history] if isinstance(history, str) else history
        context = conversation.context(question, earlier) if carry_over else ""
        carried = conversation.carried_over(question, context)
        asked = retrieval.make_query(self._embedder, question, context, self._store.languages())
        scope = make_scope(outlets, since, until, paths)
        hits, sources = self._unchanged(
            lambda: (self._search(asked, _ANSWER_HITS, scope), self._store.sources(scope))
        )
        found = answering.answer(question, " ".join([question, *carried]), hits, carried, sources)
        return replace(found, scope=scope)

    def _search(
        self, query: Query, k: int, scope: Scope, max_tokens: int | None = None
    ) -> list[Hit]:
        return retrieval.retrieve(self._store, query, k, scope, max_tokens, self._reranker)

    def _unchanged(self, look: Callable[[], T]) -> T:
        """Look into the store while nobody writes to it, so that all that is seen is of one state.

        Writes are short and far between: mostly none comes in between. If one does, look again; if
        it happens again and again, keep the writers out.
        """
        with self._turns:
            for _ in range(_GLANCES):
                before = self._store.stamp()
                found = look()
                if self._store.stamp() == before:
                    return found
            with self._store.unchanging():
                return look()

    def articles(self, article_ids: Collection[str] | None = None) -> list[Article]:
        """Return the articles that are indexed, by path: all, or those with these ids."""
        return self._store.articles(article_ids)

    def twins(self) -> list[Article]:
        """Return the articles whose text is, letter for letter, that of an indexed one; by path."""
        found = [twin for twins in self._store.twins().values() for twin in twins]
        return sorted(found, key=lambda twin: twin.path)

    def note(self) -> str:
        """Return what a reader should know of the index, in a sentence; mostly nothing.

        That is: articles in a language that the built-in model was not made for.
        """
        if not self._embedder.languages:
            return ""
        counts = self._store.languages()
        foreign = {
            code: count
            for code, count in counts.items()
            if code is not None and code not in self._embedder.languages
        }
        if sum(foreign.values()) < _WORTH_A_NOTE * sum(counts.values()) or not foreign:
            return ""
        told = ", ".join(f"{code}: {count}" for code, count in sorted(foreign.items()))
        return (
            f"{sum(foreign.values())} of {sum(counts.values())} articles are not in English "
            f"({told}). The built-in model knows English: what they say is found by its words, "
            "hardly by its meaning. For these languages choose a multilingual model, such as "
            "paraphrase-multilingual-MiniLM-L12-v2, in a folder of yours: --model FOLDER --rebuild"
        )

    def warm_up(self) -> None:
        """Load the model now, so that the first question need not wait for it."""
        self._embedder.embed_queries(["ready"])

    def state(self) -> tuple[int, str]:
        """Return what changes whenever the articles do; cheap, however many there are."""
        return self.changes, self._store.stamp()

    def count(self) -> tuple[int, int]:
        """Return the number of articles and of passages that are indexed."""
        return self._store.count()

    def interrupt(self) -> None:
        """End a sync in the middle, within moments, and begin no other; it raises `EndedError`."""
        self._interrupted = True
        self._sync_reader.end()

    def close(self) -> None:
        """Close the index."""
        self._reader.close()
        self._store.close()

    def __enter__(self) -> Self:
        """Use the corpus in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the index."""
        self.close()


def make_scope(
    outlets: str | Collection[str] | None,
    since: date | str | None,
    until: date | str | None,
    paths: str | Collection[str] | None,
) -> Scope:
    """Return which articles are searched; days as dates or written as 2025-12-17.

    Raises:
        QueryError: A day cannot be read.
    """
    return Scope(
        _names(outlets),
        _day("since", since),
        _day("until", until),
        _names(paths),
    )


def _names(value: str | Collection[str] | None) -> tuple[str, ...] | None:
    return (value,) if isinstance(value, str) else value if value is None else tuple(value)


def _day(name: str, value: date | str | None) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise QueryError(f'{name} is "{value}"; write a day as 2025-12-17.') from error
    return value.date() if isinstance(value, datetime) else value


def retrieve(query: str, k: int = 5) -> list[Hit]:
    """Return the passages of the default corpus that fit a query best.

    The default corpus is what `Corpus.open` opens without arguments. It is opened and synced at the
    first call and kept; for other articles, filters or a fresh sync, open a `Corpus`.

    Raises:
        QaError: The corpus cannot be opened, or the query or `k` cannot be used.
    """
    with _default_lock:
        folder = articles_folder()
        places = (folder.resolve(), index_folder(folder).resolve())
        if places not in _default:
            _default[places] = Corpus.open()
        corpus = _default[places]
    return corpus.retrieve(query, k)


_default: dict[tuple[Path, Path], Corpus] = {}
_default_lock = Lock()


def status(
    articles: str | os.PathLike[str] | None = None,
    index: str | os.PathLike[str] | None = None,
    model: str | None = None,
    columns: Columns | None = None,
) -> Status:
    """Tell what is indexed and what a sync would do; no index is made, changed or synced.

    Raises:
        QaError: The folder, the index or the model cannot be used.
    """
    folder = articles_folder(articles)
    place = index_folder(folder, index)
    embedder = LocalEmbedder(model)
    made = (place / TRUTH_FILE).is_file()
    corpus = Corpus(folder, place, embedder) if made else None
    if corpus:
        columns = columns or corpus._columns
    pending = indexing.compare(folder, corpus._store if corpus else None, columns)
    article_count, passage_count = corpus.count() if corpus else (0, 0)
    if corpus:
        corpus.close()
    return Status(str(folder), str(place), embedder.model_id, article_count, passage_count, pending)
