"""What a reader judged, kept as questions with known answers: what `qa eval` reads."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any

from qa.datatypes import Answer, Citation
from qa.errors import QaError

_LONGEST_REASON = 1_000
_writing = Lock()


def record(
    file: Path,
    answer: Answer,
    history: Sequence[str],
    citation: Citation | None,
    *,
    good: bool,
    reason: str = "",
) -> None:
    """Keep a judgement. One on the same words of the same question replaces the earlier one.

    Args:
        file: JSON lines, as `qa.evaluation.read_questions` reads them; made if it is not there.
        answer: What was judged.
        history: The earlier questions that it took words over from; none if it did not.
        citation: The quote that was judged; None for the whole of an abstention, which can only be
            good: it says that the articles do not answer.
        good: Whether the quote answers the question.
        reason: Why, in the reader's words; at most 1,000 characters are kept.

    Raises:
        QaError: The file cannot be read or written.
    """
    asked = _asked(answer, history)
    with _writing:
        try:
            rows = _read(file)
            row = next((row for row in rows if _same(row, asked)), None)
            if row is None:
                row = asked
                rows.append(row)
            _judge(row, citation, good=good, reason=reason[:_LONGEST_REASON].strip())
            _write(file, rows)
        except (OSError, ValueError) as error:
            raise QaError(f"The judgement was not kept: {file} says {error}.") from error


def _asked(answer: Answer, history: Sequence[str]) -> dict[str, Any]:
    scope = answer.scope
    asked = {
        "question": answer.question,
        "history": list(history),
        "outlets": scope.outlets and list(scope.outlets),
        "since": scope.since and scope.since.isoformat(),
        "until": scope.until and scope.until.isoformat(),
        "paths": scope.paths and list(scope.paths),
    }
    return {key: value for key, value in asked.items() if value}


def _same(row: dict[str, Any], asked: dict[str, Any]) -> bool:
    keys = ("question", "history", "outlets", "since", "until", "paths")
    return all(row.get(key) == asked.get(key) for key in keys)


def _judge(row: dict[str, Any], citation: Citation | None, *, good: bool, reason: str) -> None:
    told = {"reason": reason} if reason else {}
    if citation is None:
        row.pop("gold", None)
        row.pop("wrong", None)
        row.update(told)
        return
    spans = citation.highlights or ((citation.start, citation.end),)
    text = citation.article.text
    for start, end in spans:
        judged = {"article": citation.article.path, "quote": text[start:end]}
        for key in ("gold", "wrong"):
            kept = [item for item in row.get(key, ()) if judged.items() - item.items()]
            if (key == "gold") == good:
                kept.append(judged | told)
            row.pop(key, None)
            if kept:
                row[key] = kept


def _read(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _write(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the file as a whole: half a line is never on disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f".{file.name}-{token_hex(4)}")
    with written.open("x", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        stream.flush()
        os.fsync(stream.fileno())
    written.replace(file)
