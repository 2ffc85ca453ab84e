"""Questions with known answers, from a file of JSON lines."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.errors import QaError, QueryError
from qa.records import Question, Scope


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
class LabelledQuestion:
    """A question, and what is known of its answer: one line of the file.

    Attributes:
        question_id: The line's ``id``, else its number.
        question: The question, with its history and scope.
        gold: What answers it, any of them.
        wrong: What was judged not to answer it.
    """

    question_id: str
    question: Question
    gold: tuple[Gold, ...] = ()
    wrong: tuple[Gold, ...] = ()

    @property
    def unanswerable(self) -> bool:
        """Whether the articles are known not to answer it."""
        return not self.gold and not self.wrong


def read_questions(file: Path) -> list[LabelledQuestion]:
    """Read questions from JSON lines.

    Each line is an object with ``question`` and optionally ``id``, ``history`` (a list of earlier
    questions), ``gold`` and ``wrong`` (lists; each item an object with ``article`` and optionally
    ``quote``, or just the article), and the scope: ``outlets``, ``paths``, ``since`` and ``until``.
    A question without ``gold`` and ``wrong`` has no answer in the articles.

    Raises:
        QaError: The file cannot be read, or a line is not as described; it names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QaError(f"{file} cannot be read as UTF-8 text: {error}.") from error
    found = [_question(file, i + 1, line) for i, line in enumerate(lines) if line.strip()]
    if not found:
        raise QaError(f"{file} holds no question. Write one JSON object on each line.")
    return found


def _question(file: Path, number: int, line: str) -> LabelledQuestion:
    try:
        row = json.loads(line)
        since, until = (value and _text(value) for value in (row.get("since"), row.get("until")))
        scope = Scope.of(_texts(row.get("outlets")), since, until, _texts(row.get("paths")))
        question = Question(_text(row["question"]), _texts(row.get("history")) or (), scope)
        gold, wrong = (tuple(map(_gold, _items(row.get(name, ())))) for name in ("gold", "wrong"))
        return LabelledQuestion(str(row.get("id", number)), question, gold, wrong)
    except (ValueError, TypeError, KeyError, AttributeError, QueryError) as error:
        raise QaError(
            f"{file}, line {number} is no question: {type(error).__name__} {error}. Write it as "
            '{"question": "…", "gold": [{"article": "a.txt", "quote": "…"}], "history": []}'
        ) from error


def _gold(item: Any) -> Gold:
    if isinstance(item, str):
        return Gold(item)
    return Gold(_text(item["article"]), _text(item.get("quote", "")))


def _texts(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(map(_text, _items(value)))


def _items(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r}")
    return value
