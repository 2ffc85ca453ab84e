"""A whole article to HTML, with what was cited of it marked. Pure."""

import re
from collections.abc import Sequence

from qa.datatypes import Article, Citation, Span
from qa.sentences import is_heading, trim
from qa.web import links, words
from qa.web.answers import Turn, place
from qa.web.links import Place
from qa.web.markup import anchor, button, escape, marked

_LINE_END = r"(?:\r\n|\r(?!\n)|\n)"
_BLANK_LINES = re.compile(rf"{_LINE_END}[^\S\r\n]*(?:{_LINE_END}[^\S\r\n]*)+")
_LINE_ENDS = re.compile(rf"{_LINE_END}+")


def nothing(note: str = words.CHOOSE) -> str:
    """Return the reader without an article."""
    return f'<p class="qa-hint">{escape(note)}</p>'


def reader(article: Article, at: Place, turn: Turn | None = None) -> str:
    """Return the whole article, with the passage and the answer marked.

    Args:
        article: What is read.
        at: The passage that is cited, or the article as a whole.
        turn: The exchange that it is cited in, for the other citations of this article.
    """
    cited = [c for c in turn.shown if c.article.article_id == article.article_id] if turn else []
    chosen = next((c for c in cited if links.place_of(c) == at), None)
    article = chosen.article if chosen else article  # it may be cited from a twin
    span = _inside(article, at)
    text = _blocks(
        article,
        {
            "qa-aside": article.boilerplate,
            "qa-passage": [span] if span else [],
            "qa-answer": chosen.highlights if chosen else [],
            "qa-value": chosen.answers if chosen else [],
        },
    )
    language = f' lang="{escape(article.language)}"' if article.language else ""
    return (
        f'<article class="qa-article"><h2 dir="auto">{escape(article.title)}</h2>'
        f'<p class="qa-source" dir="auto">{escape(_facts(article))}</p>'
        f'<div class="qa-tools">{_steps(turn, cited, chosen) if turn else ""}'
        + button(words.ONLY_THIS, class_="qa-only", data_path=article.path)
        + (_copy(chosen) if chosen else "")
        + f'</div><div class="qa-text"{language}>{text}</div></article>'
    )


def _inside(article: Article, at: Place) -> Span | None:
    """Return the place as a span, if the article has it: a link may be older than the article."""
    if at.start is None or at.end is None or not 0 <= at.start < at.end <= len(article.text):
        return None
    return at.start, at.end


def _steps(turn: Turn, cited: Sequence[Citation], chosen: Citation | None) -> str:
    """Return links to the previous and the next citation in this article."""
    if not chosen or len(cited) < 2:
        return ""
    ordered = sorted(cited, key=lambda citation: citation.start)
    index = ordered.index(chosen)
    steps = [f"<span>{words.citation_of(index + 1, len(ordered))}</span>"]
    for sign, name, i in (("↑", words.PREVIOUS, index - 1), ("↓", words.NEXT, index + 1)):
        if 0 <= i < len(ordered):
            link = links.write(turn.asked, links.place_of(ordered[i]))
            steps.append(anchor(link, f"{sign} {name}", class_="qa-step"))
    return f'<span class="qa-steps">{"".join(steps)}</span>'


def _copy(citation: Citation) -> str:
    """Return a button that copies what is highlighted, with where it was published."""
    article = citation.article
    text = article.text
    quote = " […] ".join(text[start:end] for start, end in citation.highlights) or citation.quote
    published = words.day(article.published) if article.published else None
    facts = (article.outlet, article.title, article.author, published, article.url, place(citation))
    source = ", ".join(fact for fact in facts if fact)
    return button(words.COPY, class_="qa-copy", data_copy=f"“{quote}” — {source}")


def _blocks(article: Article, layers: dict[str, Sequence[Span]]) -> str:
    """Return headings and paragraphs: parted by empty lines, else by line ends."""
    text = article.text
    parting = _BLANK_LINES if _BLANK_LINES.search(text.strip()) else _LINE_ENDS
    parts: list[str] = []
    start = 0
    for end, following in [*((m.start(), m.end()) for m in parting.finditer(text)), (len(text), 0)]:
        span = trim(text, (start, end))
        if span[0] < span[1]:
            tag = "h3" if is_heading(text[slice(*span)]) else "p"
            parts.append(f'<{tag} dir="auto">{marked(text, span, layers)}</{tag}>')
        start = following
    return "".join(parts)


def _facts(article: Article) -> str:
    published = words.day(article.published) if article.published else None
    facts = (article.outlet, article.author, published, article.url, article.path)
    return " · ".join(fact for fact in facts if fact)
