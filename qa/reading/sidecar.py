"""The sidecar: a file in which a person describes the articles of a folder."""

import csv
import io
import tomllib
from pathlib import Path
from typing import Any

from qa.errors import CorpusError
from qa.reading.metadata import FIELDS, clean, field_of

SIDECARS = ("metadata.toml", "metadata.csv")
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "name")
_MAX_BYTES = 50_000_000
_EXPECTED = {"published": "a date such as 2025-12-17", "language": "a code such as en"}


def read_sidecar(folder: Path) -> dict[str, dict[str, str]]:
    """Return the fields that the sidecar of a folder gives for each article, by path.

    The sidecar is ``metadata.toml``, with a table for each article, or ``metadata.csv``, with a row
    for each and a column ``path``. For an article inside another file, that is its whole path.

    Raises:
        CorpusError: There are two sidecars, or the one is not valid; the message says where.
    """
    files = [folder / name for name in SIDECARS if (folder / name).is_file()]
    if len(files) > 1:
        raise CorpusError(f"{folder} has both {' and '.join(SIDECARS)}. Keep one of them.")
    if not files:
        return {}
    [file] = files
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise CorpusError(f"{file} has more than {_MAX_BYTES / 1e6:.0f} MB. Split the folder.")
        text = file.read_bytes().decode("utf-8-sig")
        rows = _csv_rows(file, text) if file.suffix == ".csv" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, csv.Error, OSError) as error:
        raise CorpusError(f"{file} cannot be read: {error}. Mend or remove it.") from error
    return {path: _checked(file, path, row) for path, row in rows.items()}


def _csv_rows(file: Path, text: str) -> dict[str, dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = {name.strip().casefold(): name for name in rows.fieldnames or ()}
    key = next((columns[name] for name in _PATH_COLUMNS if name in columns), None)
    if key is None:
        raise CorpusError(f"{file} has no column that says which article a row is of: name it path")
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, 2):
        path = (row.pop(key) or "").strip().replace("\\", "/").removeprefix("./")
        if not path:
            raise CorpusError(f"{file}: line {number} does not say which article it is of.")
        row.pop(None, None)  # cells beyond the last column
        found[path] = {
            field_of(column) or column: value
            for column, value in row.items()
            if value and value.strip()
        }
    return found


def _checked(file: Path, path: str, row: object) -> dict[str, str]:
    if not isinstance(row, dict):
        raise CorpusError(f'{file}: "{path}" is not a table. Write ["{path}"] above its fields.')
    checked: dict[str, str] = {}
    for field, value in row.items():
        if field not in FIELDS:
            known = ", ".join(FIELDS)
            raise CorpusError(f'{file}: unknown field "{field}" for "{path}". Known: {known}.')
        if (cleaned := clean(field, value)) is None:
            expected = _EXPECTED.get(field, "a line of text")
            raise CorpusError(f'{file}: {field} of "{path}" must be {expected}.')
        checked[field] = cleaned
    return checked
