"""CSV, JSON and JSON Lines: one article a row, its columns found by their usual names."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qa.errors import ArticleError
from qa.reading.formats import Draft, article_errors, check_length
from qa.reading.formats.plain import decode
from qa.reading.metadata import NAMES, clean, from_mapping
from qa.records import Skipped

MOST_ROWS = 100_000
"""Articles in one file; more of them would need too much memory at once."""


def read(content: bytes, suffix: str, columns: Mapping[str, str]) -> list[Draft | Skipped]:
    """See `qa.reading.formats.read`."""
    text = decode(content).removeprefix("\ufeff")
    rows: Iterable[object] = _json_lines(text)
    if suffix in {".csv", ".tsv"}:
        rows = _csv_rows(text, suffix)
    elif suffix == ".json":
        rows = _json_rows(text, columns)
    if isinstance(rows, dict):
        return [_draft(rows, "", columns)]
    found: list[Draft | Skipped] = []
    for number, row in enumerate(rows, 1):
        part = f"#{number}"
        if number > MOST_ROWS:
            reason = f"and what follows it is too much: a file may hold {MOST_ROWS:,} articles"
            found.append(Skipped(part, reason))
            break
        try:
            found.append(_draft(row, part, columns))
        except ArticleError as error:
            found.append(Skipped(part, str(error)))
    skipped = [item for item in found if isinstance(item, Skipped)]
    if not found:
        raise ArticleError("is empty: there is no article in it")
    if len(skipped) == len(found):
        raise ArticleError(f"holds no article: {skipped[0].path} {skipped[0].reason}")
    return found


@article_errors()
def _draft(row: object, part: str, columns: Mapping[str, str]) -> Draft:
    if isinstance(row, ArticleError):
        raise row
    if not isinstance(row, dict):
        raise ArticleError("is not an object with fields")
    values = {str(name): value for name, value in row.items() if name is not None}
    key = _text_key(values, columns)
    if key is None:
        reason = f"has no column for the text of the article (it has {', '.join(list(values)[:8])})"
        raise ArticleError(f"{reason}: name it, as in --column text=NAME")
    body = values.pop(key)
    if not isinstance(body, str) or not body.strip():
        raise ArticleError("has no text")
    check_length(len(body))
    mapped = {field: values.pop(name) for field, name in columns.items() if name in values}
    metadata = from_mapping(mapped, "column") + from_mapping(values, "column")
    title = next((value for field, value, _ in metadata if field == "title"), None)
    if title and clean("title", body.lstrip().splitlines()[0]) != title:
        body = f"{title}\n\n{body}"
    return Draft(body, metadata, title, part=part)


def _text_key(row: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    if "text" in columns:
        return columns["text"] if columns["text"] in row else None
    names = {name.strip().casefold().replace(" ", "_"): name for name in row}
    return next((names[name] for name in NAMES["tables"]["text"] if name in names), None)


def _csv_rows(text: str, suffix: str) -> Iterator[dict[str, str] | ArticleError]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    head = text[:20_000].splitlines()[:1] or [""]
    delimiter = "\t" if suffix == ".tsv" else max(",;\t|", key=head[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = rows.fieldnames or []
        if len(names) != len(set(names)):
            raise ArticleError("has a first line that does not name each column once")
        yield from rows
    except csv.Error as error:
        yield ArticleError(f"cannot be read from line {rows.line_num} on: {error}")


def _json_lines(text: str) -> Iterator[object]:
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            try:
                yield _json(line, f"line {number} ")
            except ArticleError as error:  # the other lines may be valid
                yield error


def _json(text: str, where: str = "") -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArticleError(f"{where}is not JSON: {error}") from error


def _json_rows(text: str, columns: Mapping[str, str]) -> dict[str, Any] | list[Any]:
    """Return the one article in a JSON file, or the list of articles in it."""
    loaded = _json(text)
    if isinstance(loaded, dict) and _text_key(loaded, columns) is None:
        lists = (loaded.get(name) for name in NAMES["tables"]["lists"])
        loaded = next((rows for rows in lists if isinstance(rows, list)), loaded)
    if not isinstance(loaded, dict | list):
        raise ArticleError("is neither an object nor a list of objects")
    return loaded
