"""Where articles, passages and vectors are kept: the `Store` protocol and its kinds."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from qa.datatypes import EVERYTHING, Article, Passage, Scope, Skipped, Span

FORMAT_VERSION = 5
"""Of what is written to disk; an index of another version is rebuilt, never misread."""


class Manifest(NamedTuple):
    """What an index was made with: all of it must match, or the vectors would not compare."""

    model_id: str
    dimension: int
    chunking: str
    articles: str


class Entry(NamedTuple):
    """A passage with what it is searched by."""

    passage: Passage
    terms: list[str]
    vector: NDArray[np.float32]


class Sentence(NamedTuple):
    """A sentence of an article with what it is weighed by.

    Attributes:
        span: In characters.
        vector: Unit vector.
        terms: Its index terms: all when it is put, those that were asked for when it is read.
    """

    span: Span
    vector: NDArray[np.float32]
    terms: Collection[str] = ()


class FileRecord(NamedTuple):
    """What a file of the folder held when it was last read.

    Attributes:
        stamp: Changes whenever the file, or what is known of its articles elsewhere, changes.
        sha256: Of its bytes.
        articles: Path and id of each article in it.
        skipped: What in it, or whether it as a whole, is no article.
    """

    stamp: str
    sha256: str
    articles: tuple[tuple[str, str], ...]
    skipped: tuple[Skipped, ...]


class Candidates(NamedTuple):
    """Passages worth ranking, with the raw evidence for each; four sequences of one length.

    Attributes:
        rows: Keys for `Store.passages`, int64.
        passage_ids: Their names, see `qa.datatypes.Passage`.
        dense: Cosine of question and passage, float32, -1 to 1.
        lexical: BM25 of question and passage, float32, 0 and up.
    """

    rows: NDArray[np.int64]
    passage_ids: list[str]
    dense: NDArray[np.float32]
    lexical: NDArray[np.float32]


class Store(Protocol):
    """Keeps articles with their passages, and finds passages by vector and by term."""

    def alone(self, *, wait: bool) -> AbstractContextManager[bool]:
        """Be the only process that syncs; say whether that was granted.

        Args:
            wait: For another one to finish; it is always granted then.
        """

    def unchanging(self) -> AbstractContextManager[object]:
        """Keep every process from writing; for some hundredths of a second."""

    def paths(self) -> dict[str, str]:
        """Return the article id that each path was last seen with."""

    def files(self) -> dict[str, FileRecord]:
        """Return what each file held when it was last read, by path."""

    def put_files(self, records: Mapping[str, FileRecord], gone: Collection[str] = ()) -> None:
        """Note what files hold, and forget those that are gone."""

    def status(self, article: Article) -> Literal["absent", "changed", "same"]:
        """Say whether this content is kept, and whether under the same path and metadata."""

    def put(
        self,
        article: Article,
        entries: Sequence[Entry],
        sentences: Sequence[Sentence],
        replaces: str | None = None,
        bands: Collection[int] = (),
        copies: Collection[str] = (),
    ) -> None:
        """Add an article with all that belongs to it, and drop `replaces`, in one transaction.

        `bands` are those of `qa.duplicates.bands`; `copies`, the articles that it is a copy of.
        """

    def put_twins(self, twins: Collection[Article], kept: Collection[str]) -> None:
        """Note articles whose text is that of another one that was put, under their own paths.

        Twins with other paths than these and those in `kept` are forgotten.
        """

    def twins(self, article_ids: Collection[str] | None = None) -> dict[str, list[Article]]:
        """Return the twins of articles, or of all, by article id and path."""

    def similar(self, bands: Collection[int]) -> set[str]:
        """Return the ids of the articles that share a band."""

    def linked(self, article_ids: Collection[str]) -> Mapping[str, set[str]]:
        """Return which of these articles were put as copies of which."""

    def copies(self) -> Mapping[str, frozenset[str]]:
        """Return for each article that has copies the group of them, itself included."""

    def update(self, article: Article) -> None:
        """Change path and metadata of an article whose content stays."""

    def remove(self, article_ids: Collection[str]) -> None:
        """Drop articles with their passages."""

    def articles(self, article_ids: Collection[str] | None = None) -> list[Article]:
        """Return these articles, or all, by path; one that is not kept is missing."""

    def count(self) -> tuple[int, int]:
        """Return the number of articles and of passages."""

    def stamp(self) -> str:
        """Return a text that no two states of any index share; corrected metadata keep it."""

    def columns(self, given: Mapping[str, str] | None) -> Mapping[str, str]:
        """Remember which column of a table holds which field; return what is remembered if None."""

    def select(self, scope: Scope) -> set[str]:
        """Return the ids of the articles that a scope holds."""

    def candidates(
        self,
        vector: NDArray[np.float32],
        terms: Mapping[str, float],
        limit: int,
        scope: Scope = EVERYTHING,
    ) -> Candidates:
        """Return the `limit` best passages by cosine and the `limit` best by BM25, united.

        Each term counts in BM25 as often as its weight says. Scores are exact; in a large corpus a
        passage may be missing that another search would have found.
        """

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """Return the passages with these keys; one that was dropped meanwhile is missing."""

    def sentences(
        self, passages: Sequence[Passage], terms: Collection[str] = ()
    ) -> list[list[Sentence]]:
        """Return the sentences inside each passage, in order, with those of `terms` they hold."""

    def settle(self) -> None:
        """Bring what is derived up to date, so that the next question need not."""

    def sources(self, scope: Scope) -> list[str]:
        """Return what the articles that a scope holds are cited as, sorted, each once."""

    def languages(self) -> dict[str | None, int]:
        """Return how many articles are in each language; None where it is not known."""

    def document_frequencies(self, terms: Collection[str]) -> tuple[dict[str, int], int]:
        """Return in how many passages each term stands, and how many passages there are."""
