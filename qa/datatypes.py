"""The records that the modules hand to each other. Frozen; no behaviour but slices and checks."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Span = tuple[int, int]
"""Half-open range of Unicode characters (not bytes): ``text[start:end]``."""

_LINE_END = re.compile(r"\r\n|\r|\n")


def _check_span(start: int, end: int, text: str) -> None:
    if not 0 <= start < end <= len(text):
        raise ValueError(f"span {start}-{end} does not lie in a text of {len(text)} characters")


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it was read from disk.

    Attributes:
        article_id: SHA-256 of `text` in UTF-8, in hex: identity is content. For a UTF-8 text file
            that is the SHA-256 of the file as well.
        path: Where it lies, relative to the folder of articles, with forward slashes. Inside a
            ``.zip``, the entry's path follows; one of several in a file ends in ``#`` and its
            number, from 1: ``export.zip/rows.csv#3``.
        text: For a text file, the decoded file, nothing removed and no newline changed; for other
            formats, the text that was extracted. All offsets refer to it.
        title: What to call it: the headline, else the first sentence (shortened).
        headline: The headline that the file itself carries, if any: context for its passages.
        outlet: Who published it, if known.
        author: Who wrote it, if known.
        published: The day it was published, if known.
        url: Where it was published, if known.
        language: ISO 639-1 code of the language it is written in, if known.
        boilerplate: Spans of `text` that are not the story (front matter, promotion): shown in the
            reader, never searched.
        file_sha256: SHA-256 of the file that it was read from (of the entry, inside a ``.zip``).
        pages: Where each page begins in `text`, if the format has pages.
        origins: Where title, outlet, author, published, url and language come from, as pairs of
            field and origin; an origin is one of `qa.metadata.ORIGINS`.
    """

    article_id: str
    path: str
    text: str = field(repr=False)
    title: str
    headline: str | None = None
    outlet: str | None = None
    author: str | None = None
    published: date | None = None
    url: str | None = None
    language: str | None = None
    boilerplate: tuple[Span, ...] = ()
    file_sha256: str = ""
    pages: tuple[int, ...] = ()
    origins: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for start, end in self.boilerplate:
            _check_span(start, end, self.text)

    @property
    def source(self) -> str:
        """What a citation calls the article: the outlet, else the title."""
        return self.outlet or self.title


@dataclass(frozen=True, slots=True)
class Scope:
    """Which articles are searched; the conditions that are not None must all hold.

    Attributes:
        outlets: Of these outlets; case does not matter.
        since: Published on this day or later; undated ones are left out.
        until: Published on this day or earlier; undated ones are left out.
        paths: With one of these paths in the folder of articles.
    """

    outlets: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    paths: tuple[str, ...] | None = None

    def holds(self, path: str, outlet: str | None, published: date | None) -> bool:
        """Say whether an article of which this is known is among those that are searched."""
        named = self.outlets and {name.casefold() for name in self.outlets}
        return (
            (self.outlets is None or (outlet or "").casefold() in (named or ()))
            and (self.since is None or (published is not None and published >= self.since))
            and (self.until is None or (published is not None and published <= self.until))
            and (self.paths is None or path in self.paths)
        )


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one article; its text is a slice and cannot drift."""

    article: Article
    start: int
    end: int

    def __post_init__(self) -> None:
        _check_span(self.start, self.end, self.article.text)

    @property
    def text(self) -> str:
        """The article's own words."""
        return self.article.text[self.start : self.end]

    @property
    def passage_id(self) -> str:
        """``article_id:start-end``."""
        return f"{self.article.article_id}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class WeighedSentence:
    """A sentence of a passage, with what speaks for its answering the question.

    Attributes:
        span: Where it stands in the article's text.
        cosine: Of question and sentence, -1 to 1.
        covered: Share of the question's term weight that it covers, 0 to 1.
        evidence: Both in one, for comparison with other sentences; higher is better.
    """

    span: Span
    cosine: float
    covered: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage at its place in a ranking.

    Attributes:
        rank: From 1.
        score: What it was ranked by; higher is better, comparable within one query only.
        passage: The passage.
        dense: Cosine of question and passage, -1 to 1; comparable between queries.
        lexical: BM25 of question and passage, 0 and up.
        covered: Share of the question's term weight that it covers, 0 to 1; 0 far down the ranking.
        sentences: The passage's sentences, weighed; empty far down the ranking.
        also_in: Where copies of the article say the same; they are no hits of their own.
    """

    rank: int
    score: float
    passage: Passage
    dense: float
    lexical: float
    covered: float = 0.0
    sentences: tuple[WeighedSentence, ...] = ()
    also_in: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote with the place that it comes from.

    Attributes:
        number: What the reply calls it, from 1, in order of appearance.
        article: Where it stands.
        start: First character of the quote in ``article.text``.
        end: One past its last character.
        highlights: Spans of ``article.text`` inside the quote: the sentences that answer, with the
            words that say who speaks in them.
        answers: Spans inside the highlights: the date, amount, figure or name that is asked for,
            where it is plain.
        also_in: The same words, or nearly, in other articles.
    """

    number: int
    article: Article
    start: int
    end: int
    highlights: tuple[Span, ...] = ()
    answers: tuple[Span, ...] = ()
    also_in: tuple[Passage, ...] = ()

    def __post_init__(self) -> None:
        _check_span(self.start, self.end, self.article.text)
        for start, end in (*self.highlights, *self.answers):
            if not self.start <= start < end <= self.end:
                raise ValueError(f"highlight {start}-{end} lies outside {self.start}-{self.end}")

    @property
    def quote(self) -> str:
        """The article's own words: a slice, never a copy that could drift."""
        return self.article.text[self.start : self.end]

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line of the quote in ``article.text``, from 1."""
        before, inside = self.article.text[: self.start], self.quote
        first = 1 + len(_LINE_END.findall(before))
        return first, first + len(_LINE_END.findall(inside))

    @property
    def position(self) -> tuple[Literal["page", "line"], int, int] | None:
        """Where a person finds the quote in the file; None if it has neither pages nor lines."""
        if self.pages:
            return "page", *self.pages
        if self.article.path.lower().endswith((".txt", ".md", ".markdown")):
            return "line", *self.lines
        return None

    @property
    def pages(self) -> tuple[int, int] | None:
        """First and last page of the quote, from 1; None if the article has no pages."""
        starts = self.article.pages
        if not starts:
            return None
        return bisect_right(starts, self.start), bisect_right(starts, self.end - 1)


@dataclass(frozen=True, slots=True)
class StatedValue:
    """What some of the articles state; its text is a slice of one of them.

    Attributes:
        article: Where it stands.
        start: First character in ``article.text``.
        end: One past its last character.
        citations: Numbers of the citations that state it.
    """

    article: Article
    start: int
    end: int
    citations: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_span(self.start, self.end, self.article.text)

    @property
    def text(self) -> str:
        """The article's own words."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where articles contradict each other; which of them is right is not for us to say.

    Attributes:
        kind: What differs: "amount", "percentage", "date", "quantity", "name" or "denial".
        values: What is stated, each by other articles than the rest; at least two.
    """

    kind: str
    values: tuple[StatedValue, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles say to a question, or that they say nothing.

    Attributes:
        question: As it was asked.
        query: What was searched for: the question, and what it takes over from earlier ones.
        citations: The quotes, best first, each article's together; empty if `abstained`.
        abstained: Whether the reply is "not in these articles".
        confidence: Calibrated probability, 0 to 1, that the articles answer the question.
        nearest: If `abstained`, the nearest passages: offered as just that, not as an answer.
        carried_over: The words that were taken over from earlier questions.
        differences: Where the quoted articles contradict each other.
        scope: Which articles were searched.
        silent: Outlets (titles, where the outlet is not known) that were searched and are not
            quoted, since nothing in them comes near the best answer: no proof that they say
            nothing. Empty if so many passages come near it that it cannot be told.
    """

    question: str
    query: str
    citations: tuple[Citation, ...]
    abstained: bool
    confidence: float
    nearest: tuple[Citation, ...] = ()
    carried_over: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    silent: tuple[str, ...] = ()
    scope: Scope = EVERYTHING

    @property
    def by_outlet(self) -> dict[str, tuple[Citation, ...]]:
        """The citations of each outlet (or title, where it is not known), best outlet first."""
        found: dict[str, tuple[Citation, ...]] = {}
        for citation in self.citations:
            source = citation.article.source
            found[source] = (*found.get(source, ()), citation)
        return found


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not taken in, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did; paths relative to the folder of articles.

    Attributes:
        added: Articles that are new.
        updated: Articles whose text, path or metadata changed.
        removed: Articles that are no longer in the folder.
        unchanged: Articles that are as they were.
        skipped: Files that were not taken in, with reasons.
        embedded: Number of passages that were embedded.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What is indexed, and what the next sync would do.

    Attributes:
        articles: The folder of articles.
        index: The folder of the index.
        model: Name and hash of the embedding model.
        article_count: Articles in the index.
        passage_count: Passages in the index.
        pending: What a sync would report; nothing is embedded for it.
    """

    articles: str
    index: str
    model: str
    article_count: int
    passage_count: int
    pending: SyncReport


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a sync is.

    Attributes:
        files_done: Articles that are in.
        files_total: Articles that were to be embedded when it began.
        passages: Passages embedded so far.
        share: How much of their text is done, 0 to 1.
        path: The article that came in last, relative to the folder; None before the first.
    """

    files_done: int
    files_total: int
    passages: int
    share: float = 0.0
    path: str | None = None
