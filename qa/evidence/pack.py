"""Answers to an evidence pack: quotes with all that is needed to check them again later."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from qa.datatypes import Answer, Article, Citation, Scope, Span
from qa.evidence.markdown import blockquote, escape_line

FORMAT = "qa evidence 1"
COLUMNS = (
    "question", "searched_for", "scope", "answered", "number", "quote", "start", "end",
    "answer_spans", "outlet", "title", "author", "published", "url", "path", "sha256",
    "also_in", "program", "made", "file_sha256", "pages",
)  # fmt: skip
# A cell that begins so is a formula to a spreadsheet; an apostrophe before it makes it text, and
# one before an apostrophe keeps the two apart.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_OFFSETS = (
    "Offsets count Unicode characters of the article's text (of a text file: the decoded file), "
    "half-open, as Python slices do. SHA-256 is of that text in UTF-8."
)
_ABSENT = "Not in these articles."


def write_pack(answers: Sequence[Answer], format: str, version: str, made: datetime) -> str:
    """Return an evidence pack as text.

    Args:
        answers: What was answered, in order.
        format: One of `FORMATS`.
        version: Of the program.
        made: When the pack is made.
    """
    return FORMATS[format](answers, f"qa {version}", made.isoformat(timespec="seconds"))


def _json(answers: Sequence[Answer], program: str, made: str) -> str:
    pack = {
        "format": FORMAT,
        "program": program,
        "made": made,
        "offsets": _OFFSETS,
        "answers": [answer_to_json(answer) for answer in answers],
    }
    return json.dumps(pack, ensure_ascii=False, indent=2) + "\n"


def _csv(answers: Sequence[Answer], program: str, made: str) -> str:
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for answer in answers:
        asked = [answer.question, answer.query, describe(answer.scope)]
        for citation in answer.citations:
            article = citation.article
            spans = " ".join(f"{start}-{end}" for start, end in citation.highlights)
            also = "; ".join(passage.article.path for passage in citation.also_in)
            cells = [*asked, "yes", citation.number, citation.quote, citation.start, citation.end]
            cells += [spans, article.outlet, article.title, article.author, article.published]
            cells += [article.url, article.path, article.article_id, also, program, made]
            cells += [article.file_sha256, _pages(citation)]
            rows.writerow(_cell(cell) for cell in cells)
        if not answer.citations:
            blank = [""] * (COLUMNS.index("program") - len(asked) - 1)
            rows.writerow(_cell(cell) for cell in [*asked, "no", *blank, program, made, "", ""])
    return "\ufeff" + out.getvalue()  # without the mark, Excel reads it as Windows-1252


def _pages(citation: Citation) -> str:
    first, last = citation.pages or (0, 0)
    return "" if not first else str(first) if first == last else f"{first}-{last}"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _markdown(answers: Sequence[Answer], program: str, made: str) -> str:
    parts = [
        "# Evidence",
        f"Made by {program} on {made}. {_OFFSETS}",
        "Check this file against the articles with: `qa verify FILE --articles FOLDER`",
    ]
    for answer in answers:
        parts.append(f"## {escape_line(answer.question)}")
        if answer.query != answer.question:
            parts.append(f"Searched for: {escape_line(answer.query)}")
        if scope := describe(answer.scope):
            parts.append(f"Only: {escape_line(scope)}")
        if answer.abstained:
            parts.append(_ABSENT)
        parts += [_quote_in_markdown(citation) for citation in answer.citations]
        for difference in answer.differences:
            values = [
                f"- {escape_line(value.text)} ({', '.join(map(str, value.citations))})"
                for value in difference.values
            ]
            parts.append("\n".join([f"The outlets differ: {difference.kind}", "", *values]))
        if answer.citations and answer.silent:
            parts.append(f"Nothing quoted from: {escape_line('; '.join(answer.silent))}")
    return "\n\n".join(parts) + "\n"


def _quote_in_markdown(citation: Citation) -> str:
    article = citation.article
    facts: dict[str, object] = {
        "outlet": article.outlet,
        "title": article.title,
        "author": article.author,
        "published": article.published,
        "url": article.url,
        "file": article.path,
        "page": _pages(citation),
        "SHA-256": article.article_id,
        "SHA-256 of the file": article.file_sha256,
        "characters": f"{citation.start}-{citation.end}",
        "answer": " ".join(f"{start}-{end}" for start, end in citation.highlights),
        "also in": "; ".join(passage.article.path for passage in citation.also_in),
    }
    told = [f"- {name}: {escape_line(str(fact))}" for name, fact in facts.items() if fact]
    quote = blockquote(citation.quote)
    return "\n".join([f"### {citation.number}", "", quote, "", *told])


FORMATS: Mapping[str, Callable[[Sequence[Answer], str, str], str]] = {
    "md": _markdown,
    "json": _json,
    "csv": _csv,
}
"""What a pack can be written as, by file suffix."""


def describe(scope: Scope) -> str:
    """Return what a search was limited to, in words; empty if to nothing."""
    parts = [", ".join(scope.outlets)] if scope.outlets is not None else []
    parts += [f"since {scope.since}"] if scope.since else []
    parts += [f"until {scope.until}"] if scope.until else []
    parts += [", ".join(scope.paths)] if scope.paths is not None else []
    return "; ".join(parts)


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON can hold it."""
    scope = answer.scope
    return {
        "question": answer.question,
        "query": answer.query,
        "carried_over": list(answer.carried_over),
        "scope": {
            "outlets": None if scope.outlets is None else list(scope.outlets),
            "since": scope.since.isoformat() if scope.since else None,
            "until": scope.until.isoformat() if scope.until else None,
            "paths": None if scope.paths is None else list(scope.paths),
        },
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "citations": [_citation_to_json(citation) for citation in answer.citations],
        "nearest": [_citation_to_json(citation) for citation in answer.nearest],
        "by_outlet": {
            source: [citation.number for citation in citations]
            for source, citations in answer.by_outlet.items()
        },
        "differences": [
            {
                "kind": difference.kind,
                "values": [
                    {"path": value.article.path, "citations": list(value.citations)}
                    | _slice(value.article, (value.start, value.end))
                    for value in difference.values
                ],
            }
            for difference in answer.differences
        ],
        "silent": list(answer.silent),
    }


def _citation_to_json(citation: Citation) -> dict[str, Any]:
    article = citation.article
    return {
        "number": citation.number,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "highlights": [_slice(article, span) for span in citation.highlights],
        "answers": [_slice(article, span) for span in citation.answers],
        "also_in": [
            {"path": passage.article.path, "source": passage.article.source}
            | _slice(passage.article, (passage.start, passage.end))
            for passage in citation.also_in
        ],
        "lines": list(citation.lines),
        "pages": list(citation.pages) if citation.pages else None,
        "article": {
            "article_id": article.article_id,
            "file_sha256": article.file_sha256,
            "path": article.path,
            "title": article.title,
            "outlet": article.outlet,
            "author": article.author,
            "published": article.published.isoformat() if article.published else None,
            "url": article.url,
            "language": article.language,
            "origins": dict(article.origins),
        },
    }


def _slice(article: Article, span: Span) -> dict[str, Any]:
    start, end = span
    return {"start": start, "end": end, "text": article.text[start:end]}
