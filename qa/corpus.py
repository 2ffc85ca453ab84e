"""The facade: a folder of articles that can be asked."""

import logging
import os
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Self

from qa.answering import answer as answering
from qa.answering import retrieval
from qa.answering.question import analyze
from qa.errors import ArticleError, BusyError, CancelledError, CorpusError
from qa.index.folder import delete_index, writer_lock
from qa.index.reports import SyncReport
from qa.index.rows import manifest
from qa.index.scopes import select
from qa.index.store import Store
from qa.index.sync import Progress, Sync
from qa.locations import articles_folder, file_of, index_folder
from qa.models.embedder import Embedder
from qa.models.reranker import Reranker
from qa.reading import intake
from qa.reading.articles import Columns
from qa.reading.folder import check_folder
from qa.reading.isolated import IsolatedReader
from qa.records import Answer, Article, ArticleSummary, Hit, Question, Scope
from qa.text.language import foreign_note

_log = logging.getLogger("qa")


class Corpus(AbstractContextManager["Corpus"]):
    """A folder of articles with its index. Open it with `Corpus.open`; threads may share it.

    Attributes:
        folder: The folder of articles.
        index: The folder of the index.
        report: The result of the last sync.
    """

    def __init__(
        self,
        folder: Path,
        index: Path,
        embedder: Embedder,
        reranker: Reranker | None = None,
        columns: Columns | None = None,
    ) -> None:
        """Open the index as it is, or create an empty one; `Corpus.open` also syncs."""
        self.folder = folder
        self.index = index
        self.report = SyncReport()
        self._embedder = embedder
        self._reranker = reranker
        self._store = Store(index, manifest(folder, embedder))
        self._columns = self._store.columns(columns or None)
        self._reader = IsolatedReader()
        self._sync_reader = IsolatedReader()  # a new one for each sync, since it can be cancelled
        self._cancelled = False
        self._syncing = Lock()  # guards the folder's one sync at a time, and `report`
        # Guards `_added`, the content and path of files that no sync has seen yet.
        self._adding = Lock()
        self._added: dict[str, str] = {}

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
            articles: The folder; `qa.locations.articles_folder` chooses one if None.
            index: The folder of the index; `qa.locations.index_folder` chooses one if None.
            model: A sentence-transformers name or folder; the built-in model if None.
            reranker: A sentence-transformers CrossEncoder that orders the best passages again.
            rebuild: Delete the index first.
            may_be_empty: Accept a folder without articles, because some will be added.
            columns: The column of a CSV file, or key of a JSON object, for each field with an
                unusual name: ``{"text": "Artikel"}``. The index stores them.
            progress: Called while articles are embedded.
            wait: Wait for another process that is indexing, instead of using what it has stored.

        Raises:
            CorpusError: The folder is missing, or has no article that can be read.
            StoreError: The index folder cannot be used, or was made with another model.
            ModelError: The model or the reranker cannot be loaded.
        """
        folder = articles_folder(articles)
        place = index_folder(folder, index)
        check_folder(folder)  # before an index is made for it
        embedder = Embedder(model)
        cross_encoder = Reranker(reranker) if reranker else None
        if rebuild:
            delete_index(place)
        corpus = cls(folder, place, embedder, cross_encoder, columns)
        try:
            corpus.sync(progress, may_be_empty=may_be_empty, wait=wait or not corpus.count()[0])
        except BusyError as error:
            _log.warning("%s Using what it has indexed so far.", error)
        except BaseException:
            corpus.close()
            raise
        return corpus

    def sync(
        self, progress: Progress | None = None, *, may_be_empty: bool = False, wait: bool = True
    ) -> SyncReport:
        """Bring the index up to date with the folder; see `qa.index.sync.Sync`.

        Raises:
            BusyError: Another process is syncing, and `wait` is false.
            CancelledError: The sync was cancelled.
            CorpusError: The folder is missing, or has no article, and may not be empty.
        """
        with self._syncing, writer_lock(self.index, wait=wait):
            with self._adding:
                seen = list(self._added)
            self._sync_reader = IsolatedReader()
            if self._cancelled:
                raise CancelledError("The sync was cancelled.")
            with self._store.snapshot() as snapshot:
                work = Sync(self.folder, snapshot, self._columns, self._sync_reader)
            self.report = work.run(self._store, self._embedder, progress, may_be_empty=may_be_empty)
            with self._adding:
                self._added = {k: v for k, v in self._added.items() if k not in seen}
            return self.report

    def add(self, file: str | os.PathLike[str], name: str | None = None) -> str:
        """Copy a file into the folder of articles, for the next `sync`; return its path there.

        That is `name`, else the file's own name; with a number, if the folder has such a file.

        Raises:
            ArticleError: It cannot be read, is there already, or its name leads out of the folder.
            CorpusError: The folder cannot be written.
        """
        source = Path(file)
        wanted, articles = intake.check(source, name or source.name, self._reader, self._columns)
        ids = [article.article_id for article in articles]
        with self._adding:
            known = {a.article_id: a.path for a in self.articles(ids)} | self._added
            same = [known.get(article_id) for article_id in ids]
            if same and all(path and file_of(self.folder, path).is_file() for path in same):
                raise ArticleError(f"has the same content as {same[0]}")
            path = intake.add(self.folder, source, wanted)
            self._added |= dict.fromkeys(ids, path)
            return path

    def remove(self, path: str) -> None:
        """Remove an article from folder and index; `restore` puts it back.

        Its file is moved to the hidden folder ``.removed`` inside the folder of articles.

        Raises:
            CorpusError: There is no such article, or its file cannot be moved.
        """
        with self._store.snapshot() as snapshot:
            if not snapshot.article_rows([path]):
                raise CorpusError(f"There is no article {path} in {self.folder}.")
        file = file_of(self.folder, path).relative_to(self.folder).as_posix()
        if file != path:
            raise CorpusError(
                f"{path} is one of the articles in {file}. Remove that file from {self.folder}, or "
                "remove the article from the file."
            )
        intake.remove(self.folder, path)
        self.sync(may_be_empty=True)

    def restore(self, path: str) -> None:
        """Put back an article that `remove` removed, or raise `CorpusError`."""
        intake.restore(self.folder, path)
        self.sync(may_be_empty=True)

    def retrieve(
        self,
        query: str,
        k: int = 5,
        *,
        history: str | Sequence[str] = (),
        outlets: str | Collection[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        paths: str | Collection[str] | None = None,
        max_tokens: int | None = None,
    ) -> list[Hit]:
        """Return the passages that fit a question best.

        Args:
            query: The question.
            k: Most hits to return.
            history: Earlier questions, oldest first, for a follow-up.
            outlets: Search only articles of these outlets; case does not matter.
            since: Search only articles published on this day or later; a date or ``2025-12-17``.
            until: Search only articles published on this day or earlier.
            paths: Search only these articles.
            max_tokens: Most tiktoken tokens of all returned passages together.

        Raises:
            QueryError: The query, `k`, a day or `max_tokens` is not valid.
        """
        scope = Scope.of(outlets, since, until, paths)
        return self.search(Question.of(query, history, scope), k, max_tokens)

    def answer(
        self,
        question: str,
        history: str | Sequence[str] = (),
        *,
        outlets: str | Collection[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        paths: str | Collection[str] | None = None,
        carry_over: bool = True,
    ) -> Answer:
        """Answer a question with quotes, or abstain. The arguments are those of `retrieve`.

        Without `carry_over`, a follow-up takes no words from `history`.

        Raises:
            QueryError: The question or a day is not valid.
        """
        scope = Scope.of(outlets, since, until, paths)
        return self.ask(Question.of(question, history if carry_over else (), scope))

    def search(self, question: Question, k: int = 5, max_tokens: int | None = None) -> list[Hit]:
        """Return the passages that fit a question best; see `retrieve`."""
        with self._store.snapshot() as snapshot:
            asked = analyze(question, self._embedder, snapshot.languages())
            indexes = self._store.indexes
            return retrieval.retrieve(snapshot, indexes, asked, k, max_tokens, self._reranker)

    def ask(self, question: Question) -> Answer:
        """Answer a question with quotes from one state of the index; see `answer`."""
        with self._store.snapshot() as snapshot:
            asked = analyze(question, self._embedder, snapshot.languages())
            hits = retrieval.retrieve(
                snapshot, self._store.indexes, asked, answering.HITS, reranker=self._reranker
            )
            return answering.answer(asked, hits, select(snapshot, question.scope).sources)

    def articles(self, article_ids: Collection[str] | None = None) -> list[Article]:
        """Return one article for each text, by path: all, or those with these ids."""
        with self._store.snapshot() as snapshot:
            return snapshot.articles(article_ids)

    def duplicates(self) -> list[Article]:
        """Return the articles whose text another article has as well, by path."""
        with self._store.snapshot() as snapshot:
            return snapshot.duplicates()

    def summaries(self) -> list[ArticleSummary]:
        """Return the articles without their texts, by path."""
        with self._store.snapshot() as snapshot:
            return snapshot.summaries()

    def count(self) -> tuple[int, int]:
        """Return the number of articles, without duplicates, and of passages."""
        with self._store.snapshot() as snapshot:
            return snapshot.count()

    def version(self) -> str:
        """Return a text that changes with every change of the index, by any process."""
        with self._store.snapshot() as snapshot:
            return snapshot.version

    def note(self) -> str:
        """Return a warning about articles in languages that the built-in model does not know."""
        with self._store.snapshot() as snapshot:
            return foreign_note(snapshot.languages(), self._embedder.languages)

    def warm_up(self) -> None:
        """Load the model, so that the first question need not wait for it."""
        self._embedder.embed_queries(["ready"])

    def cancel(self) -> None:
        """Cancel a running sync within moments, and every later one."""
        self._cancelled = True
        self._sync_reader.cancel()

    def close(self) -> None:
        """Close the index."""
        self._reader.close()
        self._store.close()

    def __exit__(self, *_: object) -> None:
        """Close the index."""
        self.close()
