"""Links that reopen a question and a quote: what stands after the # in the address."""

import re
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from qa.records import Citation, Passage, Question, Scope, Span

_PLACE = re.compile(r"[0-9a-f]{16}(-\d{1,9}-\d{1,9})?")
_MAX_CHARACTERS = 50_000

Fields = dict[str, list[str]]


class Link(NamedTuple):
    """What a link opens: a question, a place, or both.

    Attributes:
        question: The question.
        place: The first 16 digits of an article's id, with start and end if it is not the article
            as a whole: ``0123456789abcdef-5-9``.
    """

    question: Question | None = None
    place: str | None = None


def place_of(quote: Citation | Passage) -> str:
    """Return the place of a quote."""
    return f"{quote.article.article_id[:16]}-{quote.start}-{quote.end}"


def span_of(place: str, text: str) -> Span | None:
    """Return start and end of a place; None if there are none, or not in this text."""
    start, end = (int(number) for number in place.split("-")[1:] or (0, 0))
    return (start, end) if 0 <= start < end <= len(text) else None


def write(question: Question | None = None, place: str | None = None) -> str:
    """Return the part of an address after the #."""
    question = question or Question("")
    scope = question.scope
    fields = {
        "q": question.text,
        "after": question.history,
        "outlet": scope.outlets,
        "since": scope.since,
        "until": scope.until,
        "path": scope.paths,
        "at": place,
    }
    return urlencode({name: value for name, value in fields.items() if value}, doseq=True)


def read(link: object) -> Link:
    """Return what `write` wrote. Parts that cannot be read are left out; nothing is raised."""
    if not isinstance(link, str) or len(link) > _MAX_CHARACTERS:
        return Link()
    try:
        fields = parse_qs(link.removeprefix("#"), max_num_fields=200)
    except ValueError:
        return Link()
    question = None
    if "q" in fields:
        days = _day(fields, "since"), _day(fields, "until")
        scope = Scope.of(fields.get("outlet"), *days, fields.get("path"))
        question = Question.of(fields["q"][0], fields.get("after", ()), scope)
    place = fields.get("at", [""])[0]
    return Link(question, place if _PLACE.fullmatch(place) else None)


def _day(fields: Fields, name: str) -> date | None:
    try:
        return date.fromisoformat(fields[name][0])
    except (KeyError, ValueError):
        return None
