"""Links that reopen a question and a citation: what stands after the # in the address. Pure."""

import re
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from qa.datatypes import EVERYTHING, Citation, Scope

_AT = re.compile(r"([0-9a-f]{16})(?:-(\d{1,9})-(\d{1,9}))?")
_MOST = 50_000  # characters; browsers take more, but no link of ours has it


class Asked(NamedTuple):
    """All that an answer depends on, but the articles.

    Attributes:
        question: As it was asked.
        after: The earlier questions that it may take words over from, oldest first.
        scope: Which articles it was asked of.
    """

    question: str
    after: tuple[str, ...] = ()
    scope: Scope = EVERYTHING


class Place(NamedTuple):
    """A place in an article.

    Attributes:
        article: The first 16 digits of the article's id.
        start: First character; None for the article as a whole.
        end: One past the last character.
    """

    article: str
    start: int | None = None
    end: int | None = None


class Link(NamedTuple):
    """What a link opens: a question, a place, or both."""

    asked: Asked | None = None
    place: Place | None = None


def place_of(citation: Citation) -> Place:
    """Return where a citation stands."""
    return Place(citation.article.article_id[:16], citation.start, citation.end)


def write(asked: Asked | None = None, place: Place | None = None) -> str:
    """Return the part of an address behind the #."""
    pairs: list[tuple[str, str]] = []
    if asked:
        scope = asked.scope
        pairs.append(("q", asked.question))
        pairs += [("after", question) for question in asked.after]
        pairs += [("outlet", outlet) for outlet in scope.outlets or ()]
        pairs += [(n, day.isoformat()) for n, day in _days(scope) if day]
        pairs += [("path", path) for path in scope.paths or ()]
    if place:
        span = "" if place.start is None else f"-{place.start}-{place.end}"
        pairs.append(("at", place.article + span))
    return urlencode(pairs)


def read(link: object) -> Link:
    """Return what `write` wrote; what cannot be read in a link is left out of it."""
    if not isinstance(link, str) or len(link) > _MOST:
        return Link()
    try:
        found = parse_qs(link.removeprefix("#"), max_num_fields=200)
    except ValueError:
        return Link()
    asked = None
    if question := found.get("q", [""])[0]:
        scope = Scope(
            _names(found.get("outlet")),
            _day(found.get("since")),
            _day(found.get("until")),
            _names(found.get("path")),
        )
        asked = Asked(question, tuple(found.get("after", ())), scope)
    match = _AT.fullmatch(found.get("at", [""])[0])
    if not match:
        return Link(asked)
    span = (None, None) if match[2] is None else (int(match[2]), int(match[3]))
    return Link(asked, Place(match[1], *span))


def _days(scope: Scope) -> tuple[tuple[str, date | None], ...]:
    return ("since", scope.since), ("until", scope.until)


def _names(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


def _day(values: list[str] | None) -> date | None:
    try:
        return date.fromisoformat(values[0]) if values else None
    except ValueError:
        return None
