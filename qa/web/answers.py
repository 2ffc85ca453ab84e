"""Answers to HTML: quotes, differences, from whom there is none. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from qa.datatypes import Answer, Article, Citation, Difference
from qa.evidence import FORMATS, describe
from qa.web import links, words
from qa.web.links import Asked, Place
from qa.web.markup import anchor, button, escape, marked, paragraph

_SILENT_SHOWN = 5


class Turn(NamedTuple):
    """One exchange.

    Attributes:
        asked: The question.
        answer: Its answer; None while it is looked for, or if there is none.
        note: Why there is no answer.
    """

    asked: Asked
    answer: Answer | None = None
    note: str = ""

    @property
    def shown(self) -> tuple[Citation, ...]:
        """The quotes of the answer, or the nearest passages."""
        return (self.answer.citations or self.answer.nearest) if self.answer else ()


def offers(articles: int, examples: Sequence[str] = ()) -> str:
    """Return what can be asked, for the time before the first question.

    Args:
        articles: Number of articles.
        examples: Questions to begin with.
    """
    tries = "".join(f"<li>{button(text, class_='qa-try')}</li>" for text in examples)
    offered = f'<ul class="qa-tries" aria-label="{words.TRY}">{tries}</ul>' if tries else ""
    return paragraph(words.hint(articles), "qa-hint") + offered


def conversation(turns: Sequence[Turn], articles: int) -> str:
    """Return the conversation so far, oldest turn first.

    Args:
        turns: What was asked and answered.
        articles: Number of articles.
    """
    shown = "".join(_turn(number, turn, articles) for number, turn in enumerate(turns))
    return shown + (_export(words.EXPORT_ALL, "all") if len(turns) > 1 else "")


def _turn(number: int, turn: Turn, articles: int) -> str:
    if turn.answer:
        reply = _about(number, turn.answer)
        reply += (_abstention if turn.answer.abstained else _findings)(turn)
        reply += _export(words.EXPORT, "turn")
    elif turn.note:
        again = button(words.AGAIN, class_="qa-again", data_turn=str(number))
        reply = f'<p class="qa-note">{escape(turn.note)} {again}</p>'
    else:
        reply = f'<p class="qa-looking">{escape(words.looking(articles))}</p>'
    return (
        f'<section class="qa-turn" data-link="{escape(links.write(turn.asked))}" '
        f'data-said="{escape(_said(turn))}"{" data-answered" if turn.answer else ""}>'
        f'<h2 class="qa-question" dir="auto">{escape(turn.asked.question)}</h2>'
        f'<div class="qa-reply">{reply}</div></section>'
    )


def _said(turn: Turn) -> str:
    """What a screen reader is told when the answer is there."""
    answer = turn.answer
    if not answer or answer.abstained:
        return turn.note or (words.NOT_HERE if answer else "")
    quotes, sources = words.quotes(len(answer.citations)), words.outlets(len(answer.by_outlet))
    return words.SOURCES_FOUND.format(quotes, sources)


def _about(number: int, answer: Answer) -> str:
    """Return what was searched for and where, if that is not plain."""
    parts = []
    if scope := describe(answer.scope):
        parts.append(paragraph(f"{words.ONLY}: {scope}", "qa-note"))
    if answer.carried_over:
        alone = button(words.ALONE, class_="qa-alone", data_turn=str(number))
        parts.append(
            f'<p class="qa-note" dir="auto">{words.SEARCHED}: {escape(answer.query)} {alone}</p>'
        )
    return "".join(parts)


def _findings(turn: Turn) -> str:
    """Return the best quote, what outlets differ on, all quotes, and from whom there is none."""
    answer = turn.answer
    assert answer  # noqa: S101  # for the type checker
    best = answer.citations[0]
    lead = marked(
        best.article.text,
        best.highlights[0] if best.highlights else (best.start, best.end),
        {"qa-answer": best.highlights, "qa-value": best.answers},
    )
    parts = [
        f'<blockquote class="qa-lead" dir="auto"{_lang(best.article)}>{lead}</blockquote>',
        _cite(turn, best),
        f'<p class="qa-note">{words.confidence(answer.confidence)}</p>',
        *(_difference(turn, difference) for difference in answer.differences),
        _timeline(turn),
        f'<h3 class="qa-heading">{words.BY_OUTLET}</h3>',
        _quotes(turn, answer.citations),
    ]
    if answer.silent:
        shown = "; ".join(answer.silent[:_SILENT_SHOWN])
        more = len(answer.silent) - _SILENT_SHOWN
        rest = f"; {words.MORE.format(more)}" if more > 0 else ""
        parts.append(paragraph(f"{words.SILENT}: {shown}{rest}", "qa-note"))
    return "".join(parts)


def _difference(turn: Turn, difference: Difference) -> str:
    """Return the values side by side; below them, if there are many sources, who says which."""
    citations = turn.shown
    sides = "".join(
        f'<div class="qa-side">{paragraph(value.text, "qa-stated")}'
        + "".join(_cite(turn, citations[n - 1], brief=True) for n in value.citations)
        + "</div>"
        for value in difference.values
    )
    kind = words.KINDS.get(difference.kind, difference.kind)
    return (
        f'<section class="qa-differ"><h3>{words.DIFFER}: {escape(kind)}</h3>'
        f'<div class="qa-sides">{sides}</div>{_who_says_what(turn, difference)}</section>'
    )


def _who_says_what(turn: Turn, difference: Difference) -> str:
    """Return outlet by value as a grid of dots; the same as the sides, for the eye."""
    citations = turn.shown
    rows: dict[str, set[int]] = {}
    for column, value in enumerate(difference.values):
        for number in value.citations:
            citation = citations[number - 1]
            for article in (citation.article, *(copy.article for copy in citation.also_in)):
                rows.setdefault(article.source, set()).add(column)
    if len(rows) < 3:
        return ""  # two sides side by side say it already
    head = "".join(
        f'<th scope="col" dir="auto">{escape(value.text)}</th>' for value in difference.values
    )
    body = "".join(
        f'<tr><th scope="row" dir="auto">{escape(source)}</th>'
        + "".join(
            f'<td><span class="qa-dot" role="img" aria-label="{words.SAYS_SO}"></span></td>'
            if column in said
            else f'<td><span role="img" aria-label="{words.SAYS_NOT}"></span></td>'
            for column in range(len(difference.values))
        )
        + "</tr>"
        for source, said in rows.items()
    )
    return (
        f'<div class="qa-wide" tabindex="0" role="region" aria-label="{words.WHO_SAYS}">'
        f'<table class="qa-grid"><caption>{words.WHO_SAYS}</caption>'
        f'<thead><tr><th scope="col">{words.OUTLET}</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _timeline(turn: Turn) -> str:
    """Return the quoted articles, copies too, along the days when they were published."""
    dated: dict[str, tuple[date, str]] = {}
    for citation in turn.shown:
        for article in (citation.article, *(copy.article for copy in citation.also_in)):
            if article.published and article.article_id not in dated:
                own = article is citation.article
                link = _cite(turn, citation, brief=True) if own else _copy(turn, citation, article)
                dated[article.article_id] = (article.published, link)
    ordered = sorted(dated.values(), key=lambda item: item[0])
    if len({day for day, _ in ordered}) < 2:
        return ""
    first = ordered[0][0]
    whole = (ordered[-1][0] - first).days
    rows = "".join(
        f'<li><time datetime="{day.isoformat()}">{words.day(day)}</time><span class="qa-track">'
        f'<span class="qa-dot" style="--at:{(day - first).days / whole:.4f}"></span></span>'
        f"{link}</li>"
        for day, link in ordered
    )
    return (
        f'<section class="qa-times"><h3 class="qa-heading">{words.TIMELINE}</h3>'
        f"<ol>{rows}</ol></section>"
    )


def _abstention(turn: Turn) -> str:
    right = button("👍", words.RIGHT, class_="qa-judge", data_good="true", aria_pressed="false")
    said = f'<p class="qa-none">{words.NOT_HERE} {right}</p>'
    if not turn.shown:
        return said
    nearest = _quotes(turn, turn.shown, "h3")
    return f"{said}<details><summary>{words.NEAREST}</summary>{nearest}</details>"


def _quotes(turn: Turn, citations: Iterable[Citation], heading: str = "h4") -> str:
    groups = groupby(citations, key=lambda citation: citation.article)
    return "".join(
        f'<section class="qa-source-group">'
        f'<{heading} class="qa-source-name" dir="auto">{escape(article.source)}</{heading}>'
        + "".join(_quote(turn, citation) for citation in found)
        + "</section>"
        for article, found in groups
    )


def _quote(turn: Turn, citation: Citation) -> str:
    text = marked(
        citation.article.text,
        (citation.start, citation.end),
        {"qa-answer": citation.highlights, "qa-value": citation.answers},
    )
    copies = ", ".join(_copy(turn, citation, passage.article) for passage in citation.also_in)
    also = f'<p class="qa-note">{words.ALSO_IN}: {copies}</p>' if copies else ""
    number = str(citation.number)
    thumbs = "".join(
        button(
            sign,
            name.format(number),
            class_="qa-judge",
            data_number=number,
            data_good=good,
            aria_pressed="false",
        )
        for sign, name, good in (("👍", words.HELPS, "true"), ("👎", words.MISSES, "false"))
    )
    return (
        f'<blockquote dir="auto"{_lang(citation.article)}>{text}</blockquote>'
        f'<div class="qa-below">{_cite(turn, citation)}'
        f'<span class="qa-thumbs">{thumbs}</span></div>{also}'
    )


def _cite(turn: Turn, citation: Citation, *, brief: bool = False) -> str:
    """Return a link to the place in the article; hovering or focusing it shows the passage."""
    label: tuple[str, ...] = (f"[{citation.number}] ", citation.article.source)
    if not brief:
        label = (*label, " · ", citation.article.path, _position(citation))
    link = links.write(turn.asked, links.place_of(citation))
    text = marked(
        citation.article.text,
        (citation.start, citation.end),
        {"qa-answer": citation.highlights, "qa-value": citation.answers},
    )
    return (
        '<span class="qa-cited">'
        + anchor(link, label, class_="qa-cite", data_number=str(citation.number))
        + f'<span class="qa-preview" role="tooltip" dir="auto">{text}</span></span>'
    )


def _copy(turn: Turn, citation: Citation, article: Article) -> str:
    """Return a link to where another article says the same."""
    passage = next(copy for copy in citation.also_in if copy.article is article)
    place = Place(article.article_id[:16], passage.start, passage.end)
    return anchor(links.write(turn.asked, place), article.source, class_="qa-copied")


def _export(label: str, what: str) -> str:
    formats = "".join(
        button(f".{suffix}", f"{label}: {suffix}", class_="qa-save", data_what=what,
               data_format=suffix)
        for suffix in FORMATS
    )  # fmt: skip
    return f'<p class="qa-note qa-export">{label}: {formats}</p>'


def _lang(article: Article) -> str:
    return f' lang="{escape(article.language)}"' if article.language else ""


def place(citation: Citation) -> str:
    """Return where a quote stands: file, and page or line."""
    return citation.article.path + _position(citation)


def _position(citation: Citation) -> str:
    return f", {words.position(*citation.position)}" if citation.position else ""
