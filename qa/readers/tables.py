"""CSV, JSON and JSON Lines: one article a row, its columns found by their usual names."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qa.errors import ArticleError
from qa.metadata import clean, field_of, from_mapping
from qa.readers import MAX_BYTES, Draft, Unread
from qa.readers.encodings import decode

# Where the text of an article stands; the first that a row has.
_TEXT = (
    "text",
    "body",
    "articlebody",
    "article_body",
    "article_text",
    "full_text",
    "fulltext",
    "content",
    "maintext",
    "main_text",
    "story",
    "article",
)
MOST_ROWS = 100_000
"""Articles in one file; more of them would be more than memory should hold at once."""
# Where a JSON object keeps its rows.
_LISTS = ("articles", "items", "results", "data", "documents", "rows", "hits", "entries")


def read(content: bytes, suffix: str, columns: Mapping[str, str]) -> list[Draft | Unread]:
    """See `qa.readers.read`."""
    text = decode(content).removeprefix("\ufeff")
    if suffix in {".csv", ".tsv"}:
        rows: Iterable[Any] = _csv(text, suffix)
    elif suffix == ".json":
        loaded = _json(text)
        if isinstance(loaded, dict) and _text_key(loaded, columns):
            return [_draft(loaded, "", columns)]
        rows = _list_in(loaded)
    else:
        rows = (
            (_json(line, f"line {number} ") for number, line in _lines(text))
            if text.strip()
            else ()
        )
    found: list[Draft | Unread] = []
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            reason = f"and what follows it is too much: a file may hold {MOST_ROWS:,} articles"
            found.append(Unread(f"#{number}", reason))
            break
        found.append(_draft(row, f"#{number}", columns))
    if not found:
        raise ArticleError("is empty: there is no article in it")
    if not any(isinstance(item, Draft) for item in found):
        [first, *_] = found
        reason = first.reason if isinstance(first, Unread) else ""
        raise ArticleError(f"holds no article: {first.part} {reason}".rstrip())
    return found


def _draft(row: object, part: str, columns: Mapping[str, str]) -> Draft | Unread:
    if isinstance(row, ArticleError):
        return Unread(part, str(row))
    if not isinstance(row, dict):
        return Unread(part, "is no object with fields")
    values = {str(name): value for name, value in row.items() if name is not None}
    key = _text_key(values, columns)
    if key is None:
        named = ", ".join(list(values)[:8])
        return Unread(
            part,
            f"has no column for the text of the article (it has {named}): "
            "name it, as in --column text=NAME",
        )
    body = values.pop(key)
    if not isinstance(body, str) or not body.strip():
        return Unread(part, "has no text")
    if len(body) > MAX_BYTES:
        return Unread(part, f"has more than {MAX_BYTES / 1e6:.0f} million characters")
    mapped = {field: values.pop(name) for field, name in columns.items() if name in values}
    # NewsAPI and others put the outlet's name one level down.
    for name, value in values.items():
        if isinstance(value, dict) and field_of(name) in {"outlet", "author"}:
            values[name] = value.get("name")
    found = from_mapping(mapped, "column") + from_mapping(values, "column")
    title = next((value for field, value, _ in found if field == "title"), None)
    if title and clean("title", body.lstrip().splitlines()[0]) != title:
        body = f"{title}\n\n{body}"
    return Draft(body, found, title, part=part)


def _text_key(row: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    if "text" in columns:
        return columns["text"] if columns["text"] in row else None
    names = {name.strip().casefold().replace(" ", "_"): name for name in row}
    return next((names[name] for name in _TEXT if name in names), None)


def _csv(text: str, suffix: str) -> Iterator[Any]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    head = text[:20_000].splitlines()[:1] or [""]
    delimiter = "\t" if suffix == ".tsv" else max(",;\t|", key=head[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = rows.fieldnames or []
    except csv.Error as error:
        raise ArticleError(f"is not CSV: {error}") from error
    if len(names) != len(set(names)):
        raise ArticleError("has a first line that does not name each column once")
    try:
        yield from rows
    except csv.Error as error:
        yield ArticleError(f"cannot be read from line {rows.line_num} on: {error}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            yield number, line


def _json(text: str, where: str = "") -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        broken = ArticleError(f"{where}is not JSON: {error}")
        if where:
            return broken  # the other lines may be
        raise broken from error


def _list_in(loaded: object) -> list[Any]:
    if isinstance(loaded, list):
        return loaded
    if isinstance(loaded, dict):
        for name in _LISTS:
            if isinstance(loaded.get(name), list):
                return list(loaded[name])
        raise ArticleError(
            "has no text and no list of articles: name the key of the text, "
            "as in --column text=NAME"
        )
    raise ArticleError("is neither an object nor a list of objects")
