"""The sidecar: a file in which a person describes the articles of a folder."""

import csv
import io
import tomllib
from collections.abc import Iterator
from pathlib import Path

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
        rows = dict(_csv_rows(file, text)) if file.suffix == ".csv" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, csv.Error, OSError) as error:
        raise CorpusError(f"{file} cannot be read: {error}. Fix or remove it.") from error
    return {path: dict(_checked(file, path, row)) for path, row in rows.items()}


def _csv_rows(file: Path, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    columns = {name.strip().casefold(): name for name in rows.fieldnames or ()}
    key = next((columns[name] for name in _PATH_COLUMNS if name in columns), None)
    if key is None:
        raise CorpusError(f"{file} has no column that says which article a row is of: name it path")
    for number, row in enumerate(rows, 2):
        row.pop(None, None)  # cells beyond the last column
        path = row.pop(key).strip().replace("\\", "/").removeprefix("./")
        if not path:
            raise CorpusError(f"{file}: line {number} does not say which article it is of.")
        yield path, {column: value for column, value in row.items() if value.strip()}


def _checked(file: Path, path: str, row: object) -> Iterator[tuple[str, str]]:
    """Yield the fields in a row and their values."""
    if not isinstance(row, dict):
        raise CorpusError(f'{file}: "{path}" is not a table. Write ["{path}"] above its fields.')
    for name, value in row.items():
        field = field_of(name)
        if field is None:
            known = ", ".join(FIELDS)
            raise CorpusError(f'{file}: unknown field "{name}" for "{path}". Known: {known}.')
        cleaned = clean(field, value)
        if cleaned is None:
            expected = _EXPECTED.get(field, "a line of text")
            raise CorpusError(f'{file}: {field} of "{path}" must be {expected}.')
        yield field, cleaned
