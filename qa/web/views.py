"""The places of the page as HTML, from the templates in this folder.

Every value that is inserted is shown as text, whatever is in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qa.evidence import FORMATS, describe
from qa.evidence.view import split
from qa.reading.formats import LARGEST, SUFFIXES
from qa.records import (
    Answer,
    Article,
    ArticleSummary,
    Citation,
    Difference,
    Passage,
    Question,
    Skipped,
    Span,
)
from qa.text.sentences import is_heading, trim
from qa.web import links, words
from qa.web.uploads import UploadProgress

# Gradio evaluates HTML in two template languages. These characters begin their expressions.
_GRADIO_SYNTAX = str.maketrans({character: f"&#{ord(character)};" for character in "{}$`"})
_MAX_SHOWN = 500  # nobody reads longer lists: articles are found by asking
_LINE_END = r"(?:\r\n|\r(?!\n)|\n)"
_BLANK_LINES = re.compile(rf"{_LINE_END}[^\S\r\n]*(?:{_LINE_END}[^\S\r\n]*)+")
_LINE_ENDS = re.compile(rf"{_LINE_END}+")

Piece = tuple[list[str], str]
"""A stretch of text with the classes of the marks on it."""


class Turn(NamedTuple):
    """A question with its answer.

    Attributes:
        question: The question.
        answer: Its answer; None while it is looked for, or if there is none.
        note: Why there is no answer.
    """

    question: Question
    answer: Answer | None = None
    note: str = ""

    @property
    def shown(self) -> tuple[Citation, ...]:
        """The quotes of the answer, or the nearest passages."""
        return (self.answer.citations or self.answer.nearest) if self.answer else ()


def render(template: str, **values: object) -> str:
    """Return the HTML of a template, safe to hand to Gradio.

    Args:
        template: Name of a file in ``templates``.
        values: Variables of the template.
    """
    html = _environment.get_template(template).render(values)
    # In the whole result, so that no character of Gradio's languages is left in any value.
    return html.strip().translate(_GRADIO_SYNTAX)


def offers(articles: int, examples: Sequence[str] = ()) -> str:
    """Return what is shown before the first question.

    Args:
        articles: Number of articles.
        examples: Questions that can be asked with a click.
    """
    return render("offers.html", articles=articles, examples=examples)


def conversation(turns: Sequence[Turn], articles: int, note: str = "") -> str:
    """Return the conversation, oldest question first.

    Args:
        turns: The questions and answers.
        articles: Number of articles.
        note: A message about the conversation as a whole.
    """
    return render("conversation.html", turns=turns, articles=articles, note=note)


def nothing(note: str = "Choose a citation, or an article in the library, to read it here.") -> str:
    """Return the reader without an article."""
    return render("nothing.html", note=note)


def reader(article: Article, at: str, turn: Turn | None = None) -> str:
    """Return a whole article, with the passage and the answer marked.

    Args:
        article: The article.
        at: The passage to mark, or the article as a whole.
        turn: The answer that quotes it, for links to its other quotes from this article.
    """
    cited = [c for c in turn.shown if c.article.article_id == article.article_id] if turn else []
    chosen = next((c for c in cited if links.place_of(c) == at), None)
    passage = links.span_of(at, article.text)
    marks = {
        "qa-aside": article.boilerplate,
        "qa-passage": [passage] if passage else [],
        "qa-answer": chosen.highlights if chosen else [],
        "qa-value": chosen.answers if chosen else [],
    }
    return render(
        "reader.html",
        article=article,
        turn=turn,
        cited=sorted(cited, key=lambda citation: citation.start),
        chosen=chosen,
        blocks=[(tag, split(article.text, block, marks)) for tag, block in _blocks(article.text)],
    )


def library(
    articles: Sequence[ArticleSummary],
    cited: Mapping[str, int],
    skipped: Sequence[Skipped] = (),
    note: str = "",
) -> str:
    """Return the list of articles.

    Args:
        articles: The indexed articles.
        cited: How often each article id is cited in the conversation.
        skipped: Files of the folder that were not indexed.
        note: What a reader should know of the index.
    """
    values = {"articles": articles, "cited": cited, "skipped": skipped, "note": note}
    return render("library.html", most=_MAX_SHOWN, **values)


def intake(progress: UploadProgress | None = None, removed: str = "", note: str = "") -> str:
    """Return the place to add articles, and what happened to those that were added or removed.

    Args:
        progress: The files that are being added, or were added last.
        removed: Path of the article that was just removed, if any.
        note: Something that went wrong.
    """
    values = {"progress": progress, "removed": removed, "note": note}
    return render("intake.html", largest=LARGEST, suffixes=SUFFIXES, most=_MAX_SHOWN, **values)


def pieces(citation: Citation, span: Span | None = None) -> list[Piece]:
    """Return the text of a quote, or a span of it, cut where a mark begins or ends."""
    marks = {"qa-answer": citation.highlights, "qa-value": citation.answers}
    return split(citation.article.text, span or citation.passage.span, marks)


def _blocks(text: str) -> Iterator[tuple[str, Span]]:
    """Yield headings ("h3") and paragraphs ("p").

    Empty lines separate them; in a text without empty lines, line ends do.
    """
    separator = _BLANK_LINES if _BLANK_LINES.search(text.strip()) else _LINE_ENDS
    start = 0
    for end, following in [*(match.span() for match in separator.finditer(text)), (len(text), 0)]:
        span = trim(text, (start, end))
        if span[0] < span[1]:
            yield "h3" if is_heading(text[slice(*span)]) else "p", span
        start = following


def copy_text(citation: Citation) -> str:
    """Return the highlighted words with their source."""
    article = citation.article
    spans = citation.highlights or [citation.passage.span]
    quote = " […] ".join(article.text[start:end] for start, end in spans)
    known = (article.outlet, article.title, article.author, article.published, article.url)
    source = ", ".join(str(fact) for fact in (*known, citation.place) if fact)
    return f"“{quote}” — {source}"


def summary(turn: Turn) -> str:
    """Return what a screen reader announces when the answer has arrived."""
    answer = turn.answer
    if not answer or answer.abstained:
        return turn.note or ("Not in these articles." if answer else "")
    quotes, sources = len(answer.citations), len(answer.by_outlet)
    return f"{words.count(quotes, 'quote')} from {words.count(sources, 'source')}"


def by_article(citations: Iterable[Citation]) -> list[tuple[Article, list[Citation]]]:
    """Group citations by article, in their order."""
    groups = groupby(citations, key=lambda citation: citation.article)
    return [(article, list(group)) for article, group in groups]


def _quoted(citations: Iterable[Citation]) -> list[tuple[Citation, Passage]]:
    """Return the quotes, and the same words in other articles, each with its citation."""
    return [(c, passage) for c in citations for passage in (c.passage, *c.also_in)]


def who_says(turn: Turn, difference: Difference) -> list[tuple[str, list[bool]]]:
    """Return each source with, for each value, whether the source states it."""
    rows: dict[str, set[int]] = {}
    for column, value in enumerate(difference.values):
        for _, passage in _quoted(turn.shown[number - 1] for number in value.citations):
            rows.setdefault(passage.article.source, set()).add(column)
    columns = range(len(difference.values))
    return [(source, [column in row for column in columns]) for source, row in rows.items()]


def timeline(turn: Turn) -> list[tuple[date, float, Citation, Passage]]:
    """Return the quoted articles by day: day, position from 0 to 1, citation and quote.

    Empty if all of them were published on the same day.
    """
    dated: dict[str, tuple[date, Citation, Passage]] = {}
    for citation, passage in _quoted(turn.shown):
        if day := passage.article.published:
            dated.setdefault(passage.article.article_id, (day, citation, passage))
    ordered = sorted(dated.values(), key=lambda item: item[0])
    days = [(day - ordered[0][0]).days for day, _, _ in ordered]
    return [
        (day, after / days[-1], citation, passage)
        for after, (day, citation, passage) in zip(days, ordered, strict=True)
        if days[-1]
    ]


def link(question: Question, quote: Citation | Passage | None = None) -> str:
    """Return a link to a question, and to a quote of its answer."""
    return links.write(question, links.place_of(quote) if quote else None)


def article_link(article: ArticleSummary) -> str:
    """Return a link to an article as a whole."""
    return links.write(place=article.article_id[:16])


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals |= {"words": words, "formats": FORMATS, "describe": describe}
for function in (
    article_link, by_article, copy_text, link, pieces, summary, timeline, who_says, words.count,
):  # fmt: skip
    _environment.globals[function.__name__] = function
