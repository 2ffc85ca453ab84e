"""The content of one file to Articles: text, metadata and boilerplate."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from qa.errors import ArticleError
from qa.reading.boilerplate import find_boilerplate
from qa.reading.formats import ISOLATED, Draft, archive, article_errors, printable, read
from qa.reading.isolated import IsolatedReader
from qa.reading.metadata import FieldValue, choose, clean
from qa.records import Article, Skipped, Span
from qa.text import language as languages
from qa.text.sentences import split_sentences, trim
from qa.text.terms import encodable

Sidecar = Mapping[str, Mapping[str, str]]
"""Fields of each article, by path; see `qa.reading.sidecar.read_sidecar`."""
Columns = Mapping[str, str]
"""The column or key of a table for each field; see `qa.reading.formats.read`."""

_LINE = re.compile(r"[^\r\n]+")
_HEADING = re.compile(r"#\s+(\S.*)")
_BLANK_LINE = re.compile(r"[ \t]*(?:\r\n|\n|\r(?!\n))[ \t]*(?:\r\n|\n|\r(?!\n))")
# As in: ANKARA (Realist English). Or: LONDON, March 4, 2025 (Reuters) - Or: PARIS — (AFP) –
_DATELINE = re.compile(
    r"(?:[A-ZÀ-Þ][\w.'’-]*[ ,/]{1,2}){0,4}[A-ZÀ-Þ]{2}[\w.'’-]*,?(?:\s[—–-])?\s*"
    r"(?P<day>[A-Z][a-z]{2,8}\.?\s\d{1,2}(?:,\s\d{4})?,?\s)?\((?P<outlet>[^()\d]{2,40})\)\s?[.—–:-]"
)
_TITLE_LENGTH = 120
_DATELINE_LENGTH = 40


def read_file(
    content: bytes,
    path: str,
    sidecar: Sidecar | None = None,
    columns: Columns | None = None,
    reader: IsolatedReader | None = None,
) -> Iterator[Article | Skipped]:
    """Yield the articles in one file, and the parts of it that hold none.

    Args:
        content: The whole file; see `qa.reading.folder.read_bytes`.
        path: Path of the file in the folder of articles.
        sidecar: The result of `qa.reading.sidecar.read_sidecar`.
        columns: The column or key of a table for each field whose column has an unusual name.
        reader: Reads the formats whose parsers may crash. If None, a process is started for it.

    Raises:
        ArticleError: There is no article in the file. It may be raised after some were yielded.
        CancelledError: `reader` was cancelled.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".zip":
        for name, inner in archive.entries(content):
            try:
                if isinstance(inner, ArticleError):
                    raise inner
                yield from read_file(inner, f"{path}/{name}", sidecar, columns, reader)
            except ArticleError as error:
                yield Skipped(printable(f"{path}/{name}"), str(error))
        return
    file_sha256 = hashlib.sha256(content).hexdigest()
    if suffix in ISOLATED:
        with nullcontext(reader) if reader else closing(IsolatedReader()) as isolated:
            found: Sequence[Draft | Skipped] = [isolated.read(content, suffix)]
    else:
        found = read(content, suffix, columns or {})
    for item in found:
        if isinstance(item, Skipped):
            yield Skipped(path + item.path, item.reason)
            continue
        whole = path + item.part
        try:
            yield _article(item, whole, (sidecar or {}).get(whole, {}), file_sha256)
        except ArticleError as error:
            if not item.part:
                raise
            yield Skipped(whole, str(error))


@article_errors()
def _article(draft: Draft, path: str, known: Mapping[str, str], file_sha256: str) -> Article:
    text = encodable(draft.text)
    start = _story_start(text, draft.boilerplate)
    if start == trim(text, (start, len(text)))[1]:
        raise ArticleError("is empty: there is no text in it")
    first_line, below = _headline(text, start)
    headline = draft.headline or first_line
    found: list[FieldValue] = [(field, value, "sidecar") for field, value in known.items()]
    found += draft.metadata
    if headline:
        found.append(("title", headline, "heading"))
    found += _dateline(text, below)
    found.append(("title", _first_sentence(text, start), "first words"))
    if language := languages.detect(text[start:]):
        found.append(("language", language, "detected"))
    chosen = choose(found)
    values: dict[str, Any] = {field: value for field, (value, _) in chosen.items()}
    if "published" in values:
        values["published"] = date.fromisoformat(values["published"])
    boilerplate = {*draft.boilerplate, *find_boilerplate(text, below, headline)}
    return Article(
        article_id=hashlib.sha256(text.encode()).hexdigest(),
        path=path,
        text=text,
        headline=headline,
        boilerplate=tuple(sorted(boilerplate)),
        file_sha256=file_sha256,
        pages=tuple(draft.pages),
        origins=tuple(sorted((field, origin) for field, (_, origin) in chosen.items())),
        **values,
    )


def _story_start(text: str, boilerplate: Sequence[Span]) -> int:
    """Return where the text begins after boilerplate at its top, such as front matter."""
    position = trim(text, (0, len(text)))[0]
    for start, end in sorted(boilerplate):
        if start <= position:
            position = max(position, trim(text, (end, len(text)))[0])
    return position


def _headline(text: str, start: int) -> tuple[str | None, int]:
    """Return the headline that the text begins with, and where the text below it begins.

    A headline is a Markdown heading, or a line that is not a sentence, above an empty line.
    """
    start, end = trim(text, (start, len(text)))
    line_end = _LINE.match(text, start).end()  # type: ignore[union-attr]  # the text is not empty
    first = text[start:line_end].rstrip()
    heading = _HEADING.match(first)
    if heading and (title := heading[1].rstrip("# \t")):
        return _shorten(title), line_end
    stands_apart = line_end < end and _BLANK_LINE.match(text, line_end)
    is_short = len(first) <= 2 * _TITLE_LENGTH
    if stands_apart and is_short and not first.endswith((".", ":", ",", ";")):
        return _shorten(first), line_end
    return None, start


def _dateline(text: str, start: int) -> Iterator[FieldValue]:
    """Yield outlet and day from the dateline at `start`, if there is one."""
    match = _DATELINE.match(text, trim(text, (start, len(text)))[0])
    if match:
        yield "outlet", " ".join(match["outlet"].split()), "dateline"
        if match["day"] and (day := clean("published", match["day"].strip(" ,"))):
            yield "published", day, "dateline"


def _first_sentence(text: str, start: int) -> str:
    """Return the first sentence; if it is only a dateline, with the next one on its line."""
    (first, end), *others = split_sentences(text, start, min(len(text), start + 5_000))
    is_short = end - first < _DATELINE_LENGTH
    if is_short and others and set("\r\n").isdisjoint(text[end : others[0][0]]):
        end = others[0][1]
    return _shorten(text[first:end])


def _shorten(title: str) -> str:
    title = " ".join(title.split())
    if len(title) <= _TITLE_LENGTH:
        return title
    return title[:_TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:—–-") + "…"
