"""A reader's judgements, kept as labelled questions that `qa eval` reads."""

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from qa.errors import QaError
from qa.evidence import answer_to_json
from qa.files import write_atomically
from qa.records import Answer, Citation

_LONGEST_REASON = 1_000
_QUESTION = ("question", "history", "outlets", "since", "until", "paths")
_lock = Lock()  # guards reading a file and writing it again


def record(
    file: Path,
    answer: Answer,
    history: Sequence[str],
    citation: Citation | None,
    *,
    good: bool,
    reason: str = "",
) -> None:
    """Add a judgement to a file. It replaces an earlier one on the same words and question.

    Args:
        file: JSON lines, as `qa.evaluation.read_questions` reads them; created if missing.
        answer: The answer that was judged.
        history: The earlier questions that it took words from.
        citation: The quote that was judged; None for an abstention, which can only be good: it
            says that the articles do not answer.
        good: Whether the quote answers the question.
        reason: The reader's comment; at most 1,000 characters are kept.

    Raises:
        QaError: The file cannot be read or written.
    """
    scope = answer_to_json(answer)["scope"]
    asked = {"question": answer.question, "history": list(history)} | scope
    asked = {key: value for key, value in asked.items() if value}
    with _lock:
        try:
            lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
            row = next((r for r in rows if all(r.get(k) == asked.get(k) for k in _QUESTION)), None)
            if row is None:
                rows.append(row := asked)
            _label(row, citation, good=good, reason=reason[:_LONGEST_REASON].strip())
            with write_atomically(file) as stream:
                dumped = [json.dumps(row, ensure_ascii=False) for row in rows]
                stream.write("".join(f"{line}\n" for line in dumped).encode())
        except (OSError, ValueError) as error:
            raise QaError(f"The judgement was not saved in {file}: {error}.") from error


def _label(row: dict[str, Any], citation: Citation | None, *, good: bool, reason: str) -> None:
    comment = {"reason": reason} if reason else {}
    if citation is None:
        row.pop("gold", None)
        row.pop("wrong", None)
        row |= comment
        return
    for start, end in citation.highlights or (citation.passage.span,):
        quote = {"article": citation.article.path, "quote": citation.article.text[start:end]}
        for key in ("gold", "wrong"):
            kept = [item for item in row.pop(key, ()) if quote.items() - item.items()]
            if (key == "gold") == good:
                kept.append(quote | comment)
            if kept:
                row[key] = kept
