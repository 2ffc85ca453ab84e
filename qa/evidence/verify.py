"""Verifying an evidence pack against a folder of articles: is every quote still there?"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Literal, NamedTuple

from qa.errors import ArticleError, QaError
from qa.evidence.pack import DATA_BEGINS, DATA_ENDS, FORMAT, FORMATS, visible_markdown
from qa.evidence.view import Json
from qa.reading.articles import Columns, read_file
from qa.reading.folder import find_files, read_bytes
from qa.reading.isolated import IsolatedReader
from qa.records import Article, Span

Word = Literal["verified", "moved", "altered", "source missing"]
_MAX_BYTES = 50_000_000
# Columns of a CSV pack that are checked; packs of other versions may differ in the rest.
_NEEDED = {"question", "number", "quote", "start", "end", "path", "sha256"}
_CHANGED = "the pack shows other words: it was changed by hand"
_SECTION = re.compile(r"\n(?=##)")


class Verdict(NamedTuple):
    """The result of verifying one quote.

    Attributes:
        question: The question that it answers.
        number: Its number in the pack.
        path: The file that it was quoted from.
        quote: Its words, as the pack has them.
        word: "verified" (the same words at the same place of the same file), "moved" (the same
            words elsewhere in that file, or in a file that was changed since), "altered" (the file
            is there, these words are not; or the pack itself was changed), or "source missing".
        detail: Where the words are now, or what stands in their place.
    """

    question: str
    number: int
    path: str
    quote: str
    word: Word
    detail: str

    @property
    def lost(self) -> bool:
        """Whether the quote could not be found."""
        return self.word in {"altered", "source missing"}


class _Quote(NamedTuple):
    question: str
    quote: str
    path: str
    sha256: str
    number: int
    span: Span
    fault: str  # what is wrong with it inside the pack; empty if nothing is


def verify(pack: Path, folder: Path, columns: Columns | None = None) -> list[Verdict]:
    """Verify each quote of a pack.

    Args:
        pack: A file that `write_pack` made; its suffix names the format.
        folder: The folder of articles.
        columns: Which column or key of a table holds which field, as when it was indexed.

    Raises:
        QaError: The pack or the folder cannot be read.
    """
    quotes = _read(pack)
    articles: list[Article] = []
    with closing(IsolatedReader()) as reader:
        for file in find_files(folder):
            if isinstance(file, Path):
                with suppress(ArticleError):  # a file that cannot be read cannot have been quoted
                    content, path = read_bytes(file), file.relative_to(folder).as_posix()
                    found = read_file(content, path, columns=columns, reader=reader)
                    articles.extend(item for item in found if isinstance(item, Article))
    return [
        Verdict(quote.question, quote.number, quote.path, quote.quote, *_judge(quote, articles))
        for quote in quotes
    ]


def _judge(quote: _Quote, articles: Sequence[Article]) -> tuple[Word, str]:
    if quote.fault:
        return "altered", quote.fault
    start, end = quote.span
    named = next((a for a in articles if a.path == quote.path), None)
    # Of several articles with this text, the one that was cited.
    same = next((a for a in (named, *articles) if a and a.article_id == quote.sha256), None)
    if same and same.text[start:end] == quote.quote:
        return "verified", "" if same.path == quote.path else f"now in {same.path}"
    for article in (same, named):
        if article and (at := article.text.find(quote.quote)) >= 0:
            there = f"now characters {at}-{at + len(quote.quote)} of {article.path}"
            return "moved", there if article is same else f"{there}, the file has changed"
    if found := same or named:
        there = " ".join(found.text[start:end].split()) or "nothing"
        return "altered", f"{found.path} has, at that place: {there}"
    elsewhere = next((a.path for a in articles if quote.quote in a.text), None)
    return "source missing", f"the same words stand in {elsewhere}" if elsewhere else ""


def _read(pack: Path) -> list[_Quote]:
    readers = {"json": _from_json, "csv": _from_csv, "md": _from_markdown}
    reader = readers.get(pack.suffix.lower().removeprefix("."))
    if not reader:
        raise QaError(f"{pack} is no evidence pack: its name must end in .{', .'.join(FORMATS)}.")
    try:
        if pack.stat().st_size > _MAX_BYTES:
            raise QaError(f"{pack} has more than {_MAX_BYTES / 1e6:.0f} MB; no pack has.")
        content = pack.read_bytes()
    except OSError as error:
        raise QaError(f"{pack} cannot be read: {error.strerror}.") from error
    try:
        return list(reader(content.decode("utf-8-sig")))
    except Exception as error:  # a pack comes from anywhere, and may hold anything
        raise QaError(
            f"{pack} is no evidence pack, or was changed beyond reading "
            f"({type(error).__name__}: {error}). Export it again."
        ) from error


def _from_json(text: str) -> Iterator[_Quote]:
    pack = json.loads(text)
    if pack["format"] != FORMAT:
        raise ValueError(f"its format is {pack['format']!r}, not {FORMAT!r}")
    for answer in pack["answers"]:
        for citation in answer["citations"]:
            article = citation["article"]
            source = {"path": article["path"], "sha256": article["article_id"]}
            yield _quote({**citation, **source, "question": answer["question"]})


def _from_csv(text: str) -> Iterator[_Quote]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    if not set(rows.fieldnames or ()) >= _NEEDED:
        raise ValueError("its columns are not those of a pack")
    for row in rows:
        if None in row:
            raise ValueError(f"line {rows.line_num}: more cells than columns")
        cells = {name: cell.removeprefix("'") for name, cell in row.items()}
        if cells["number"]:  # none, in the row of a question without quotes
            try:
                yield _quote({**cells, "highlights": ()})
            except ValueError as error:
                raise ValueError(f"line {rows.line_num}: {error}") from error


def _from_markdown(text: str) -> Iterator[_Quote]:
    """Yield the quotes of the data, each with whether the visible part shows it as it was written.

    The visible part is rendered again from the data, and compared section by section.
    """
    before, _, rest = text.replace("\r\n", "\n").partition(DATA_BEGINS)
    data, end, after = rest.partition(DATA_ENDS)
    if not end:
        raise ValueError(
            "it has no data to verify: an earlier version of qa made it, or its end was cut off; "
            "make a new one with: qa ask QUESTION --evidence FILE.md"
        )
    quotes = _from_json(data)
    written = _SECTION.split(visible_markdown(json.loads(data)))
    shown = _SECTION.split(before + after)
    for there, here in zip_longest(written, shown, fillvalue=""):
        if there.startswith("### "):
            quote = next(quotes)
            yield quote if here == there else quote._replace(fault=_CHANGED)
        elif there != here:
            raise ValueError(f"its text was changed by hand: {(here or there).strip()[:80]!r}")


def _quote(row: Json) -> _Quote:
    """Return the quote of a row, under the names that CSV packs use, and check its types."""
    texts = row["question"], row["quote"], row["path"], row["sha256"]
    if wrong := [value for value in texts if not isinstance(value, str) or not value]:
        raise ValueError(f"expected text, found {wrong[0]!r}")
    start, end = int(row["start"]), int(row["end"])
    if not 0 <= start < end:
        raise ValueError(f"{start}-{end} is no range of characters")
    fault = ""
    for mark in row["highlights"]:
        if row["quote"][int(mark["start"]) - start : int(mark["end"]) - start] != mark["text"]:
            fault = f"the pack marks other words in it: {mark['text']}"
    return _Quote(*texts, int(row["number"]), (start, end), fault)
