"""Questions, and which articles they are asked of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from qa.errors import QueryError


@dataclass(frozen=True, slots=True)
class Scope:
    """Which articles are searched. Conditions that are not None must all hold.

    Attributes:
        outlets: Names of outlets; case does not matter.
        since: First day of publication; undated articles are left out.
        until: Last day of publication; undated articles are left out.
        paths: Paths of articles in the folder.
    """

    outlets: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    paths: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        outlets: str | Collection[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        paths: str | Collection[str] | None = None,
    ) -> Self:
        """Build a scope from names, or one name, and days as dates or as ``2025-12-17``.

        Raises:
            QueryError: A name is no text, or a day cannot be parsed.
        """
        days = _day("since", since), _day("until", until)
        return cls(_texts("outlets", outlets), *days, _texts("paths", paths))


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked.

    Attributes:
        text: The question.
        history: Earlier questions of the conversation, oldest first. A follow-up takes words from
            them.
        scope: Which articles are searched.
    """

    text: str
    history: tuple[str, ...] = ()
    scope: Scope = EVERYTHING

    @classmethod
    def of(cls, text: str, history: str | Collection[str] = (), scope: Scope = EVERYTHING) -> Self:
        """Build a question; `history` may be one earlier question.

        Raises:
            QueryError: `history` is neither text nor texts.
        """
        return cls(text, _texts("history", history) or (), scope)


def _texts(name: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, Collection) or not all(isinstance(text, str) for text in values):
        raise QueryError(f"{name} is {value!r}; it must be text, or a list of texts.")
    return tuple(values)


def _day(name: str, value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise QueryError(f'{name} is "{value}"; write a day as 2025-12-17.') from error
