"""A file, or a folder of files, to Articles: decoding, metadata, promotion."""

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from qa.datatypes import Article, Span
from qa.errors import ArticleError, CorpusError
from qa.sentences import split_sentences, trim

SUFFIXES = (".txt", ".md", ".markdown")
SIDECAR = "metadata.toml"
FIELDS = ("title", "outlet", "author", "published", "url", "language")
MAX_BYTES = 10_000_000
"""A file above this is no article; reading one would take minutes and gigabytes."""

_ALIASES = {
    "date": "published",
    "source": "outlet",
    "publisher": "outlet",
    "link": "url",
    "lang": "language",
}
_FRONT_MATTER = re.compile(r"(?sm)\ufeff?---[ \t]*\r?\n(.{0,20000}?)^---[ \t]*(?:\r?\n|\Z)")
_LINE_END = re.compile(r"[\r\n]")
_LINE = re.compile(r"[^\r\n]+")
_HEADING = re.compile(r"#\s+(.+?)\s*#*\s*$")
_BLANK_LINE = re.compile(r"[ \t]*(?:\r\n|\n|\r(?!\n))[ \t]*(?:\r\n|\n|\r(?!\n))")
_DATE_FORMATS = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y/%m/%d")
_TITLE_LENGTH = 120
_DATELINE_LENGTH = 40
# The last lines of a saved article that speak of the outlet, not of the story.
_PROMOTION = re.compile(
    r"(?:subscribe (?:to|now)|sign up (?:for|to)|follow us|join us on|share this"
    r"|read (?:also|more)\b|read about the|author.?s name\b|support (?:us|our)"
    r"|download (?:the|our) app)",
    re.IGNORECASE,
)


def check_folder(folder: Path) -> None:
    """Make sure that there is a folder to read.

    Raises:
        CorpusError: `folder` is missing, or is not a folder.
    """
    if not folder.exists():
        raise CorpusError(f"There is no folder {folder}. Name one that exists with --articles.")
    if not folder.is_dir():
        raise CorpusError(f"{folder} is a file, not a folder. Name its folder with --articles.")


def find_files(folder: Path) -> Iterator[Path]:
    """Yield every file below `folder`, hidden ones and the sidecar aside, in a fixed order.

    Raises:
        CorpusError: `folder` is missing, is not a folder, or cannot be listed.
    """
    check_folder(folder)

    def refuse(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise CorpusError(f"The folder {folder} cannot be read: {error.strerror}.") from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name != SIDECAR:
                yield Path(parent, name)


def read_sidecar(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the fields that ``metadata.toml`` in `folder` has for each file path.

    Raises:
        CorpusError: The file is not TOML, or holds something other than tables of known fields.
    """
    path = folder / SIDECAR
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CorpusError(f"{path} cannot be read: {error}. Mend or remove it.") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise CorpusError(
                f'{path}: "{name}" is not a table. Write ["{name}"] above its fields.'
            )
        unknown = sorted(set(table) - set(FIELDS))
        if unknown:
            raise CorpusError(
                f'{path}: unknown field "{unknown[0]}" for "{name}". Known: {", ".join(FIELDS)}.'
            )
        for field, value in table.items():
            table[field] = _clean(field, value)
            if table[field] is None:
                wanted = "a date such as 2025-12-17" if field == "published" else "a line of text"
                raise CorpusError(f'{path}: {field} of "{name}" must be {wanted}.')
    return tables


def read_article(file: Path, path: str, sidecar: Mapping[str, Any] | None = None) -> Article:
    """Read one file as it is.

    Metadata comes from the sidecar, else from the front matter (YAML between two ``---`` lines),
    else from the text itself: a headline above a blank line, a Markdown heading, or the first
    sentence for a title; nothing else is guessed.

    Args:
        file: Where the file lies.
        path: The name it goes by in the corpus.
        sidecar: Its table in ``metadata.toml``, already read.

    Raises:
        ArticleError: The file has gone, is too large, unreadable, binary, empty or not UTF-8.
    """
    content = _read_bytes(file)
    text = _decode(content)
    front, front_span = _front_matter(text)
    body_start = front_span[1] if front_span else 0
    if trim(text, (body_start, len(text)))[0] >= len(text.rstrip()):
        raise ArticleError("is empty: there is no text in it")
    headline = front.get("title") or _headline(text, body_start)
    known = {**front, **(sidecar or {})}
    return Article(
        article_id=hashlib.sha256(content).hexdigest(),
        path=path,
        text=text,
        title=known.get("title") or headline or _first_sentence(text, body_start),
        headline=headline,
        outlet=known.get("outlet"),
        author=known.get("author"),
        published=known.get("published"),
        url=known.get("url"),
        language=known.get("language"),
        boilerplate=(*([front_span] if front_span else []), *_promotion(text, body_start)),
    )


def _read_bytes(file: Path) -> bytes:
    if file.suffix.lower() not in SUFFIXES:
        raise ArticleError(f"is not one of the kinds that can be read ({', '.join(SUFFIXES)})")
    try:
        if not file.is_file():
            if file.exists():
                raise ArticleError("is not a regular file")
            raise ArticleError("is no longer there (or a link to nothing)")
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise ArticleError(
                f"has {size / 1e6:.0f} MB; an article may have {MAX_BYTES / 1e6:.0f} MB: split it"
            )
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES)
    except FileNotFoundError as error:
        raise ArticleError("vanished while it was being read") from error
    except OSError as error:
        raise ArticleError(f"cannot be read: {error.strerror or error}") from error


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ArticleError("is UTF-16, not UTF-8: save it as UTF-8")
    if b"\0" in content:
        raise ArticleError("is a binary file, not text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArticleError(
            f"is not UTF-8 (byte {error.start}): save it as UTF-8, "
            "for example with iconv -f WINDOWS-1252 -t UTF-8"
        ) from error


def _front_matter(text: str) -> tuple[dict[str, Any], Span | None]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, None
    try:
        loaded = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ArticleError(
            "has front matter that is not YAML: mend the lines at its top"
        ) from error
    if not isinstance(loaded, dict):
        return {}, None  # two rules of dashes around prose: text, not metadata
    known: dict[str, Any] = {}
    for key, value in loaded.items():
        name = _ALIASES.get(str(key).lower(), str(key).lower())
        if name in FIELDS and (cleaned := _clean(name, value)) is not None:
            known[name] = cleaned
    return known, trim(text, match.span())


def _clean(field: str, value: object) -> str | date | None:
    """Return a value as one line of text (``published``: as a date), or None if unusable."""
    if field == "published":
        return _date(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    return " ".join(str(value).split()) or None if isinstance(value, str | int | float) else None


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
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


def _headline(text: str, start: int) -> str | None:
    """Return the headline that the text begins with: a heading, or a line that is no sentence."""
    start, end = trim(text, (start, len(text)))
    line_end = _LINE.match(text, start).end()  # type: ignore[union-attr]  # the text is not empty
    first = text[start:line_end].rstrip()
    heading = _HEADING.match(first)
    if heading:
        return _shorten(heading[1])
    alone = line_end < end and _BLANK_LINE.match(text, line_end)
    if alone and len(first) <= 2 * _TITLE_LENGTH and not first.endswith((".", ":", ",", ";")):
        return _shorten(first)
    return None


def _first_sentence(text: str, start: int) -> str:
    """Return the first sentence, with the next one if it is no more than a dateline."""
    sentences = split_sentences(text, start, min(len(text), start + 5_000))
    first, end = sentences[0]
    if (
        end - first < _DATELINE_LENGTH
        and len(sentences) > 1
        and not _LINE_END.search(text, end, sentences[1][0])
    ):
        end = sentences[1][1]
    return _shorten(text[first:end])


def _shorten(title: str) -> str:
    title = " ".join(title.split())
    if len(title) <= _TITLE_LENGTH:
        return title
    return title[:_TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:—–-") + "…"


def _promotion(text: str, start: int) -> list[Span]:
    """Return the closing lines that are promotion. The first line is never one of them."""
    lines = [trim(text, line.span()) for line in _LINE.finditer(text, start)]
    lines = [line for line in lines if line[0] < line[1]]
    found: list[Span] = []
    for line in reversed(lines[1:]):
        if not _PROMOTION.match(text, *line):
            break
        found.append(line)
    return found[::-1]
