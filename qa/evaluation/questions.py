"""A person's own questions, from a file of JSON lines."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from qa.datatypes import EVERYTHING, Scope
from qa.errors import QaError


@dataclass(frozen=True, slots=True)
class Gold:
    """What answers a question: an article, and the words in it where they are known.

    Attributes:
        article: Path in the folder of articles, or an article id (8 characters of it will do).
        quote: Verbatim words of the article; empty if any of its passages will do.
    """

    article: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One line of the file.

    Attributes:
        question_id: Its ``id``, else the number of its line.
        text: The question.
        gold: What answers it, any of them; empty if the articles do not (or if only `wrong` says
            something).
        history: The questions asked before it.
        wrong: What was judged to be no answer to it.
        scope: Which articles it is asked of.
    """

    question_id: str
    text: str
    gold: tuple[Gold, ...] = ()
    history: tuple[str, ...] = ()
    wrong: tuple[Gold, ...] = ()
    scope: Scope = EVERYTHING

    @property
    def unanswerable(self) -> bool:
        """Whether the articles are known not to answer it."""
        return not self.gold and not self.wrong


def read_questions(file: Path) -> list[Question]:
    """Read questions from JSON lines.

    Each line is an object with ``question``, and maybe ``id``, ``history`` (a list of earlier
    questions), ``gold`` and ``wrong`` (lists; each item an object with ``article`` and maybe
    ``quote``, or just the article), and which articles are asked: ``outlets``, ``paths``, ``since``
    and ``until``. Without ``gold`` and ``wrong`` the question has no answer in the articles.

    Raises:
        QaError: The file cannot be read, or a line is not as described; it names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QaError(f"{file} cannot be read as UTF-8 text: {error}.") from error
    found = [_question(file, i + 1, line) for i, line in enumerate(lines) if line.strip()]
    if not found:
        raise QaError(f"{file} holds no question. Write one JSON object on each line.")
    return found


def _question(file: Path, number: int, line: str) -> Question:
    try:
        row = json.loads(line)
        return Question(
            str(row.get("id", number)),
            _text(row["question"]),
            tuple(_gold(item) for item in row.get("gold", ())),
            tuple(_text(earlier) for earlier in row.get("history", ())),
            tuple(_gold(item) for item in row.get("wrong", ())),
            Scope(
                _names(row.get("outlets")),
                _day(row.get("since")),
                _day(row.get("until")),
                _names(row.get("paths")),
            ),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise QaError(
            f"{file}, line {number} is no question: {type(error).__name__} {error}. Write it as "
            '{"question": "…", "gold": [{"article": "a.txt", "quote": "…"}], "history": []}'
        ) from error


def _gold(item: Any) -> Gold:
    if isinstance(item, str):
        return Gold(item)
    return Gold(_text(item["article"]), _text(item.get("quote", "")))


def _names(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(_text(name) for name in value)


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(_text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r}")
    return value
