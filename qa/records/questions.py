"""Questions, and which articles they are asked of."""

from collections.abc import Collection, Iterable
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
            QueryError: A day cannot be parsed.
        """
        return cls(_names(outlets), _day("since", since), _day("until", until), _names(paths))


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
    def of(cls, text: str, history: str | Iterable[str] = (), scope: Scope = EVERYTHING) -> Self:
        """Build a question; `history` may be one earlier question."""
        return cls(text, (history,) if isinstance(history, str) else tuple(history), scope)


def _names(value: str | Collection[str] | None) -> tuple[str, ...] | None:
    return (value,) if isinstance(value, str) else value if value is None else tuple(value)


def _day(name: str, value: date | str | None) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise QueryError(f'{name} is "{value}"; write a day as 2025-12-17.') from error
    return value.date() if isinstance(value, datetime) else value
