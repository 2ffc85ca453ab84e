"""From the bytes of one file to the articles in it: one small reader a format.

A reader takes bytes and returns drafts, or raises `ArticleError`. It opens no file, asks no network
and knows nothing of the folder. Readers that rest on parsers of untrusted formats (`ISOLATED`) are
run in a process of their own; see `qa.readers.isolated`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

from qa.datatypes import Span
from qa.errors import ArticleError
from qa.metadata import Found


class Draft(NamedTuple):
    """One article as a reader found it, before the folder adds what it knows.

    Attributes:
        text: As `qa.Article.text`.
        found: What the file says of it.
        headline: The headline that the file carries.
        boilerplate: Spans of `text` that the format marks as no story.
        pages: Where each page begins in `text`.
        part: What its path has behind the file's, if the file holds several.
    """

    text: str
    found: Sequence[Found] = ()
    headline: str | None = None
    boilerplate: Sequence[Span] = ()
    pages: Sequence[int] = ()
    part: str = ""


class Unread(NamedTuple):
    """A part of a file that is no article, and why."""

    part: str
    reason: str


_MODULES = {
    ".txt": "plain",
    ".md": "plain",
    ".markdown": "plain",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".json": "tables",
    ".jsonl": "tables",
    ".ndjson": "tables",
    ".csv": "tables",
    ".tsv": "tables",
}
SUFFIXES = (*_MODULES, ".zip")
"""Of the files that can be read."""
ISOLATED = frozenset({".html", ".htm", ".xhtml", ".pdf", ".docx"})
"""Suffixes whose parsers can hang or crash on what they are given."""

UNFORESEEN = "cannot be read"
"""Why a file was skipped whose reader failed in a way that nobody thought of."""
MAX_BYTES = 10_000_000
"""A text or a page above this is no article; reading one would take minutes and gigabytes."""
_LARGER = {".pdf": 50_000_000, ".docx": 50_000_000, ".zip": 200_000_000} | dict.fromkeys(
    (".json", ".jsonl", ".ndjson", ".csv", ".tsv"), 40_000_000
)
LARGEST = max(_LARGER.values())


def max_bytes(suffix: str) -> int:
    """Return how large a file of a kind may be."""
    return _LARGER.get(suffix, MAX_BYTES)


def read(content: bytes, suffix: str, columns: Mapping[str, str]) -> list[Draft | Unread]:
    """Read a file of any kind but ``.zip``, in this process.

    Args:
        content: The whole file.
        suffix: Of its name, in lower case.
        columns: Which column or key holds which field, where the usual names do not say.

    Raises:
        ArticleError: There is no article in it.
    """
    if suffix not in _MODULES:
        raise ArticleError(f"is not one of the kinds that can be read ({', '.join(SUFFIXES)})")
    reader = import_module(f"qa.readers.{_MODULES[suffix]}")
    if _MODULES[suffix] == "tables":
        rows: list[Draft | Unread] = reader.read(content, suffix, columns)
        return rows
    return [reader.read(content)]
