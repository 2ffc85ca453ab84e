"""Title, outlet, author, date, url and language of an article: where from, and whom to trust."""

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qa.errors import CorpusError

FIELDS = ("title", "outlet", "author", "published", "url", "language")
SIDECARS = ("metadata.toml", "metadata.csv")
ORIGINS = (
    "sidecar",  # metadata.toml or metadata.csv: a person wrote it for this folder
    "front matter",  # YAML between two lines of dashes
    "column",  # of a CSV row, or a key of a JSON object
    "JSON-LD",  # what a page tells search engines
    "meta tag",  # what it tells browsers and social networks
    "page",  # its visible title, byline and date line
    "heading",  # the line above the text
    "dateline",  # "ANKARA (Reuters) -"
    "document",  # properties of a PDF or Word file: often of its template
    "address",  # the host of the url
    "first words",  # of the text, where there is no title
    "detected",  # the language, from the words
)
"""Where a value can come from, most trusted first."""

Found = tuple[str, str, str]
"""Field, value as text (dates as 2025-12-17), origin."""

_ALIASES = {
    "date": "published",
    "datetime": "published",
    "published_at": "published",
    "publishedat": "published",
    "published_date": "published",
    "publish_date": "published",
    "date_published": "published",
    "datepublished": "published",
    "publication_date": "published",
    "pubdate": "published",
    "source": "outlet",
    "source_name": "outlet",
    "publisher": "outlet",
    "publication": "outlet",
    "site": "outlet",
    "site_name": "outlet",
    "sitename": "outlet",
    "newspaper": "outlet",
    "headline": "title",
    "link": "url",
    "canonical_url": "url",
    "permalink": "url",
    "authors": "author",
    "byline": "author",
    "creator": "author",
    "lang": "language",
}
_NAMES = ("path", "file", "filename", "file_name", "name")
_DATE_FORMATS = (
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%b. %d, %Y",
    "%A, %B %d, %Y",
    "%A, %d %B %Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%Y%m%d",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %Z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S %Z",
)
_FIRST_YEAR = 1600  # the first newspapers; 0001-01-01 is what programs write for no date
_MAX_BYTES = 50_000_000


def field_of(name: str) -> str | None:
    """Return the field that a column, key or meta tag of this name holds, if it is one of ours."""
    plain = name.strip().casefold().replace(" ", "_").replace("-", "_")
    plain = _ALIASES.get(plain, plain)
    return plain if plain in FIELDS else None


def clean(field: str, value: object) -> str | None:
    """Return a value as one line of text (``published``: as 2025-12-17), or None if unusable."""
    if field == "published":
        day = to_date(value)
        return day.isoformat() if day and day.year >= _FIRST_YEAR else None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    line = " ".join(str(value).split())
    if field == "language":
        line = line.replace("_", "-").split("-")[0].lower()
        return line if line.isalpha() and len(line) in (2, 3) else None
    return line or None


def to_date(value: object) -> date | None:
    """Return the day that a value names, if it names one without a doubt.

    ``03/04/2025`` is two days, so it is none.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = " ".join(str(value).split())
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        pass
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007  # a day has no zone here
        except ValueError:
            continue
    return None


def choose(found: Iterable[Found]) -> dict[str, tuple[str, str]]:
    """Return value and origin of each field: the most trusted, the first among equals."""
    chosen: dict[str, tuple[str, str]] = {}
    for field, value, origin in sorted(found, key=lambda f: ORIGINS.index(f[2])):
        chosen.setdefault(field, (value, origin))
    return chosen


def from_mapping(values: Mapping[Any, Any], origin: str) -> list[Found]:
    """Return what the keys of a mapping say, by their usual names; a field's own name first."""
    return [
        (field, cleaned, origin)
        for name, value in sorted(values.items(), key=lambda item: str(item[0]) not in FIELDS)
        if (field := field_of(str(name))) and (cleaned := clean(field, value)) is not None
    ]


def read_sidecar(folder: Path) -> dict[str, dict[str, str]]:
    """Return the fields that the sidecar of a folder has for each article, by path.

    That is ``metadata.toml``, with a table for each article, or ``metadata.csv``, with a row for
    each and a column ``path``. An article inside another file goes by its whole path.

    Raises:
        CorpusError: There are both, or the one cannot be used; the message says where.
    """
    files = [folder / name for name in SIDECARS if (folder / name).is_file()]
    if len(files) > 1:
        raise CorpusError(f"{folder} has both {' and '.join(SIDECARS)}. Keep one of them.")
    if not files:
        return {}
    [path] = files
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CorpusError(f"{path} has more than {_MAX_BYTES / 1e6:.0f} MB. Split the folder.")
        text = path.read_bytes().decode("utf-8-sig")
        rows = _csv_rows(path, text) if path.suffix == ".csv" else _toml_tables(path, text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, csv.Error, OSError) as error:
        raise CorpusError(f"{path} cannot be read: {error}. Mend or remove it.") from error
    return {name: _checked(path, name, row) for name, row in rows.items()}


def _toml_tables(path: Path, text: str) -> dict[str, dict[str, Any]]:
    tables = tomllib.loads(text)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise CorpusError(
                f'{path}: "{name}" is not a table. Write ["{name}"] above its fields.'
            )
    return tables


def _csv_rows(path: Path, text: str) -> dict[str, dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = [str(name).strip().casefold() for name in rows.fieldnames or ()]
    key = next((columns.index(name) for name in _NAMES if name in columns), None)
    if key is None:
        raise CorpusError(f"{path} has no column that says which article a row is of: name it path")
    names = rows.fieldnames or ()
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, 2):
        name = (row[names[key]] or "").strip().replace("\\", "/").removeprefix("./")
        if not name:
            raise CorpusError(f"{path}: line {number} does not say which article it is of.")
        found[name] = {
            (field_of(column) or column): value
            for column, value in row.items()
            if column != names[key] and column is not None and (value or "").strip()
        }
    return found


def _checked(path: Path, name: str, table: Mapping[str, Any]) -> dict[str, str]:
    unknown = sorted(str(field) for field in set(table) - set(FIELDS))
    if unknown:
        raise CorpusError(
            f'{path}: unknown field "{unknown[0]}" for "{name}". Known: {", ".join(FIELDS)}.'
        )
    checked: dict[str, str] = {}
    for field, value in table.items():
        cleaned = clean(field, value)
        if cleaned is None:
            wanted = {
                "published": "a date such as 2025-12-17",
                "language": "a code such as en",
            }.get(field, "a line of text")
            raise CorpusError(f'{path}: {field} of "{name}" must be {wanted}.')
        checked[field] = cleaned
    return checked
