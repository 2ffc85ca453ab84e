"""Answers and articles to HTML. Pure; whatever comes from outside is text, never markup."""

import html
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from qa.datatypes import Answer, Article, Citation, Difference, Span

# Gradio puts HTML through two template languages; these characters begin their expressions.
_TEMPLATE = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
_SILENT_SHOWN = 5


class Turn(NamedTuple):
    """One exchange: a question with its answer, or with a note on why there is none."""

    question: str
    answer: Answer | None
    note: str = ""


def escape(text: str) -> str:
    """Return `text` so that a browser, and Gradio's templates before it, show it as it is."""
    return html.escape(text, quote=True).translate(_TEMPLATE)


def conversation(turns: Sequence[Turn], articles: int) -> str:
    """Return the conversation so far, oldest turn first."""
    if not turns:
        return (
            f'<p class="qa-hint">Ask about the {articles} article{"s" * (articles != 1)} in this '
            "folder. The reply is made of their own words.</p>"
        )
    return "".join(_turn(number, turn) for number, turn in enumerate(turns))


def reader(citation: Citation | None) -> str:
    """Return the whole article of a citation, with the passage and the answer marked."""
    if citation is None:
        return '<p class="qa-hint">Choose a citation to read it in its article.</p>'
    article = citation.article
    text = _marked(
        article.text,
        (0, len(article.text)),
        {
            "qa-aside": article.boilerplate,
            "qa-passage": [(citation.start, citation.end)],
            "qa-answer": citation.highlights,
            "qa-value": citation.answers,
        },
    )
    return (
        f'<article class="qa-article"><h2 dir="auto">{escape(article.title)}</h2>'
        f'<p class="qa-source" dir="auto">{escape(_facts(article))}</p>'
        f'<div class="qa-text" dir="auto">{text}</div></article>'
    )


def _turn(number: int, turn: Turn) -> str:
    reply = f'<p class="qa-note">{escape(turn.note)}</p>'
    if turn.answer:
        reply = _carried_over(number, turn.answer)
        reply += (_abstention if turn.answer.abstained else _findings)(number, turn.answer)
    return (
        f'<section class="qa-turn"><p class="qa-question" dir="auto">{escape(turn.question)}</p>'
        f'<div class="qa-reply">{reply}</div></section>'
    )


def _carried_over(number: int, answer: Answer) -> str:
    if not answer.carried_over:
        return ""
    return (
        f'<p class="qa-note" dir="auto">Searched for: {escape(answer.query)} '
        f'<button type="button" class="qa-alone" data-turn="{number}">Ask without the words from '
        "earlier questions</button></p>"
    )


def _findings(number: int, answer: Answer) -> str:
    """Return the best quote, what outlets differ on, all quotes by outlet, and who is silent."""
    best = answer.citations[0]
    lead = _marked(
        best.article.text,
        best.highlights[0] if best.highlights else (best.start, best.end),
        {"qa-answer": best.highlights, "qa-value": best.answers},
    )
    parts = [
        f'<blockquote class="qa-lead" dir="auto">{lead}</blockquote>{_cite(number, best)}',
        *(_difference(number, answer, difference) for difference in answer.differences),
        '<h3 class="qa-heading">Outlet by outlet</h3>',
        _quotes(number, answer.citations),
    ]
    if answer.silent:
        shown = "; ".join(answer.silent[:_SILENT_SHOWN])
        more = len(answer.silent) - _SILENT_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        parts.append(f'<p class="qa-note" dir="auto">Silent on this: {escape(shown)}{rest}</p>')
    return "".join(parts)


def _difference(number: int, answer: Answer, difference: Difference) -> str:
    sides = "".join(
        f'<div class="qa-side"><p class="qa-stated" dir="auto">{escape(value.text)}</p>'
        + "".join(_cite(number, answer.citations[n - 1], brief=True) for n in value.citations)
        + "</div>"
        for value in difference.values
    )
    return (
        f'<section class="qa-differ"><h3>The outlets differ: {escape(difference.kind)}</h3>'
        f'<div class="qa-sides">{sides}</div></section>'
    )


def _abstention(number: int, answer: Answer) -> str:
    if not answer.nearest:
        return '<p class="qa-none">Not in these articles.</p>'
    return (
        '<p class="qa-none">Not in these articles.</p>'
        "<details><summary>The nearest passages, which do not answer it</summary>"
        f"{_quotes(number, answer.nearest)}</details>"
    )


def _quotes(number: int, citations: Iterable[Citation]) -> str:
    groups = groupby(citations, key=lambda citation: citation.article)
    return "".join(
        f'<section class="qa-source-group"><h3 dir="auto">{escape(article.source)}</h3>'
        + "".join(_quote(number, citation) for citation in found)
        + "</section>"
        for article, found in groups
    )


def _quote(number: int, citation: Citation) -> str:
    text = _marked(
        citation.article.text,
        (citation.start, citation.end),
        {"qa-answer": citation.highlights, "qa-value": citation.answers},
    )
    copies = ", ".join(passage.article.source for passage in citation.also_in)
    also = f'<p class="qa-note" dir="auto">Also in: {escape(copies)}</p>' if copies else ""
    return f'<blockquote dir="auto">{text}</blockquote>{_cite(number, citation)}{also}'


def _cite(number: int, citation: Citation, *, brief: bool = False) -> str:
    label = f"[{citation.number}] {citation.article.source}"
    if not brief:
        label += f" · {place(citation)}"
    return (
        f'<button type="button" class="qa-cite" data-turn="{number}" '
        f'data-number="{citation.number}" aria-label="Read citation {citation.number} in its '
        f'article"><bdi>{escape(label)}</bdi></button>'
    )


def place(citation: Citation) -> str:
    """Return where a quote stands: file and lines."""
    first, last = citation.lines
    lines = f"line {first}" if first == last else f"lines {first}–{last}"
    return f"{citation.article.path}, {lines}"


def _facts(article: Article) -> str:
    published = article.published.isoformat() if article.published else None
    facts = (article.outlet, article.author, published, article.path)
    return " · ".join(fact for fact in facts if fact)


def _marked(text: str, span: Span, layers: dict[str, Iterable[Span]]) -> str:
    """Return a stretch of text, cut wherever a mark begins or ends, each piece with its marks."""
    start, end = span
    cuts = {start, end}
    for spans in layers.values():
        cuts.update(cut for pair in spans for cut in pair if start < cut < end)
    pieces: list[str] = []
    ordered = sorted(cuts)
    for left, right in pairwise(ordered):
        names = [name for name, spans in layers.items() if any(a <= left < b for a, b in spans)]
        piece = escape(text[left:right])
        tag = "mark" if "qa-answer" in names else "span"
        pieces.append(f'<{tag} class="{" ".join(names)}">{piece}</{tag}>' if names else piece)
    return "".join(pieces)
