"""Title, outlet, author, date, url and language of an article, and which source is trusted most."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qa.text.terms import encodable

FIELDS = ("title", "outlet", "author", "published", "url", "language")
FieldValue = tuple[str, str, str]
"""A field, its value as text (dates as 2025-12-17) and its origin."""

_TOML = Path(__file__).with_name("field_names.toml").read_text(encoding="utf-8")
NAMES: dict[str, dict[str, list[str]]] = tomllib.loads(_TOML)
"""Names of columns, keys and meta tags that hold each field; origins; formats of dates."""
ORIGINS = tuple(NAMES["values"]["origins"])
"""Where a value can come from, most trusted first."""
_FIELD_OF_NAME = {name: field for field, names in NAMES["columns"].items() for name in names}
_OF_A_TEMPLATE = re.compile("|".join(NAMES["values"]["of_a_template"]), re.IGNORECASE)
_FIRST_YEAR = 1600  # the first newspapers; programs write 0001-01-01 for no date


def field_of(name: str) -> str | None:
    """Return the field that a column, key or meta tag of this name holds, if any."""
    plain = name.strip().casefold().replace(" ", "_").replace("-", "_")
    return plain if plain in FIELDS else _FIELD_OF_NAME.get(plain)


def clean(field: str, value: object) -> str | None:
    """Return a value as one line of text (``published``: as 2025-12-17), or None if unusable."""
    if field == "published":
        day = to_date(value)
        return day.isoformat() if day and day.year >= _FIRST_YEAR else None
    if isinstance(value, list | dict):
        value = names_in(value, {})
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    line = encodable(" ".join(str(value).split()))
    if field == "language":
        line = line.replace("_", "-").split("-")[0].lower()
        return line if line.isalpha() and len(line) in (2, 3) else None
    return line or None


def names_in(value: object, by_id: Mapping[str, Mapping[str, object]]) -> str:
    """Return the names in JSON, separated by commas: ``["A. One", {"name": "B. Two"}]``.

    Args:
        value: A name, an object with a name or a list of names, or a list of these.
        by_id: The objects that others refer to by their ``@id``, as in JSON-LD.
    """
    names: dict[str, None] = {}  # a set that keeps the order
    for item in value if isinstance(value, list) else [value]:
        named: object = item
        if isinstance(item, dict):
            named = item.get("name") or by_id.get(str(item.get("@id")), {}).get("name")
        # Lists inside these are left out: in YAML, a list may hold itself, or another many times.
        inner = named if isinstance(named, list) else [named]
        names |= dict.fromkeys(name for name in inner if isinstance(name, str))
    return ", ".join(names)


def to_date(value: object) -> date | None:
    """Return the day that a value names; None if it names none, or could mean two.

    ``03/04/2025`` could mean two days.
    """
    text = " ".join(str(value).split()) if isinstance(value, str | int | date) else ""
    with suppress(ValueError):
        return datetime.fromisoformat(text).date()
    for pattern in NAMES["values"]["date_formats"]:
        with suppress(ValueError):
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007  # a day has no zone here
    return None


def choose(found: Iterable[FieldValue]) -> dict[str, tuple[str, str]]:
    """Return value and origin of each field: the most trusted, the first among equals."""
    chosen: dict[str, tuple[str, str]] = {}
    for field, value, origin in sorted(found, key=lambda f: ORIGINS.index(f[2])):
        chosen.setdefault(field, (value, origin))
    return chosen


def from_mapping(values: Mapping[Any, Any], origin: str) -> list[FieldValue]:
    """Return the fields in a mapping, by their usual names; a field's own name comes first."""
    return [
        (field, cleaned, origin)
        for name, value in sorted(values.items(), key=lambda item: str(item[0]) not in FIELDS)
        if (field := field_of(str(name))) and (cleaned := clean(field, value)) is not None
    ]


def from_properties(properties: Mapping[str, str]) -> list[FieldValue]:
    """Return the fields in the properties of a PDF or Word file, without those of its template."""
    found = from_mapping(properties, "document")
    return [item for item in found if not _OF_A_TEMPLATE.fullmatch(item[1])]
