"""Search results and answers."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from qa.records.articles import Article, Passage, Span
from qa.records.questions import EVERYTHING, Scope

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence with the scores of how well it answers a question.

    Attributes:
        passage: The sentence.
        cosine: Cosine of question and sentence, -1 to 1.
        coverage: Share of the question's term weight that the sentence covers, 0 to 1.
        score: Both combined, for comparison with other sentences; higher is better.
    """

    passage: Passage
    cosine: float
    coverage: float
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage in a ranking.

    Attributes:
        rank: From 1.
        score: What it was ranked by; higher is better, comparable within one question only.
        passage: The passage.
        dense: Cosine of question and passage, -1 to 1; comparable between questions.
        lexical: BM25 score of the passage, 0 and up.
        coverage: Share of the question's term weight that the passage covers, 0 to 1; 0 for hits
            below the first thirty.
        sentences: The sentences of the passage with their scores; empty below the first thirty.
        also_in: The same words in near duplicates of the article, which are not hits of their own.
    """

    rank: int
    score: float
    passage: Passage
    dense: float
    lexical: float
    coverage: float = 0.0
    sentences: tuple[ScoredSentence, ...] = ()
    also_in: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote with its place in the source.

    Attributes:
        number: Number in the answer, from 1, in order of appearance.
        passage: The quote.
        highlights: Spans of ``article.text`` inside the quote: the sentences that answer, with the
            words that name their speaker.
        answers: Spans inside the highlights: the date, amount, figure or name that was asked for,
            where it is clear.
        also_in: The same words, or nearly the same, in other articles.
    """

    number: int
    passage: Passage
    highlights: tuple[Span, ...] = ()
    answers: tuple[Span, ...] = ()
    also_in: tuple[Passage, ...] = ()

    def __post_init__(self) -> None:
        for start, end in (*self.highlights, *self.answers):
            if not self.start <= start < end <= self.end:
                raise ValueError(f"highlight {start}-{end} lies outside {self.start}-{self.end}")

    @property
    def article(self) -> Article:
        """The article that is quoted."""
        return self.passage.article

    @property
    def start(self) -> int:
        """Offset of the quote in ``article.text``, in characters."""
        return self.passage.start

    @property
    def end(self) -> int:
        """Offset one past the last character of the quote."""
        return self.passage.end

    @property
    def quote(self) -> str:
        """The article's own words."""
        return self.passage.text

    @property
    def lead(self) -> Span:
        """The first highlight; the whole quote if there is none."""
        return self.highlights[0] if self.highlights else self.passage.span

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line of the quote in ``article.text``, from 1."""
        first = 1 + len(_LINE_END.findall(self.article.text[: self.start]))
        return first, first + len(_LINE_END.findall(self.quote))

    @property
    def pages(self) -> tuple[int, int] | None:
        """First and last page of the quote, from 1; None if the article has no pages."""
        starts = self.article.pages
        if not starts:
            return None
        return bisect_right(starts, self.start), bisect_right(starts, self.end - 1)

    @property
    def place(self) -> str:
        """Path, with the pages or lines where the file has them: "a.txt, lines 3–4"."""
        kind: Literal["page", "line"] = "page" if self.pages else "line"
        if self.pages:
            first, last = self.pages
        elif self.article.path.lower().endswith((".txt", ".md", ".markdown")):
            first, last = self.lines
        else:
            return self.article.path
        where = f"{kind} {first}" if first == last else f"{kind}s {first}–{last}"
        return f"{self.article.path}, {where}"


@dataclass(frozen=True, slots=True)
class StatedValue:
    """A value that some of the articles state.

    Attributes:
        passage: The value, where one of them states it.
        citations: Numbers of the citations that state it.
    """

    passage: Passage
    citations: tuple[int, ...]

    @property
    def text(self) -> str:
        """The article's own words."""
        return self.passage.text


@dataclass(frozen=True, slots=True)
class Difference:
    """A contradiction between articles, without a verdict on which of them is right.

    Attributes:
        kind: What differs: "amount", "percentage", "date", "quantity", "name" or "denial".
        values: The values, at least two; no article states more than one of them.
    """

    kind: str
    values: tuple[StatedValue, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The quotes that answer a question, or the statement that there are none.

    Attributes:
        question: The question as it was asked.
        query: What was searched for: the question and the words taken from earlier ones.
        citations: The quotes, best first, grouped by article; empty if `abstained`.
        abstained: Whether the answer is "not in these articles".
        confidence: Estimated probability, 0 to 1, that the articles answer the question.
        nearest: If `abstained`, the nearest passages. They are not an answer.
        carried_over: The words taken from earlier questions.
        differences: Contradictions between the quoted articles.
        scope: Which articles were searched.
        sources_without_quotes: Outlets (titles, where the outlet is not known) that were searched
            and are not quoted, because nothing in them comes near the best answer. This does not
            prove that they say nothing. Empty if too many passages come near it to tell.
    """

    question: str
    query: str
    citations: tuple[Citation, ...]
    abstained: bool
    confidence: float
    nearest: tuple[Citation, ...] = ()
    carried_over: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    sources_without_quotes: tuple[str, ...] = ()
    scope: Scope = EVERYTHING

    @property
    def silent(self) -> tuple[str, ...]:
        """Alias of `sources_without_quotes`."""
        return self.sources_without_quotes

    @property
    def by_outlet(self) -> dict[str, tuple[Citation, ...]]:
        """The citations of each outlet (or title, where it is not known), best outlet first."""
        found: dict[str, tuple[Citation, ...]] = {}
        for citation in self.citations:
            source = citation.article.source
            found[source] = (*found.get(source, ()), citation)
        return found
