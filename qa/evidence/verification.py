"""An evidence pack held against the folder of articles: is every quote still there?"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from qa.articles import Columns, find_files, read_bytes, read_file
from qa.datatypes import Article, Skipped, Span
from qa.errors import ArticleError, QaError
from qa.evidence.markdown import unescape, unquote
from qa.evidence.pack import FORMAT, FORMATS
from qa.readers.isolated import IsolatedReader

Word = Literal["verified", "moved", "altered", "source missing"]
_FACT = re.compile(r"- (file|SHA-256|characters): (.+)")
_RANGE = re.compile(r"(\d+)-(\d+)")
_MAX_BYTES = 50_000_000
# Columns of a CSV pack that are checked; those of other versions may differ in the rest.
_NEEDED = ("question", "number", "quote", "start", "end", "path", "sha256")


class Verdict(NamedTuple):
    """What became of one quote.

    Attributes:
        question: What it was quoted for.
        number: What the pack calls it.
        path: The file that it was quoted from.
        quote: Its words, as they stand in the pack.
        word: "verified" (the same words at the same place of the same file), "moved" (the same
            words elsewhere in that file, or in a file that was changed since), "altered" (the file
            is there, these words are not), or "source missing".
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
        """Whether these words do not stand in the file any more."""
        return self.word in {"altered", "source missing"}


class _Packed(NamedTuple):
    question: str
    number: int
    quote: str
    span: Span
    path: str
    sha256: str
    highlights: tuple[tuple[Span, str], ...] = ()


def verify(pack: Path, folder: Path, columns: Columns | None = None) -> list[Verdict]:
    """Say for each quote of a pack what became of it.

    Args:
        pack: A file that `write_pack` made; its suffix tells the format.
        folder: The folder of articles.
        columns: Which column or key of a table holds which field, as when it was indexed.

    Raises:
        QaError: The pack cannot be read, or the folder cannot.
    """
    quotes = list(_read(pack))
    articles: list[Article] = []
    reader = IsolatedReader()
    try:
        for file in find_files(folder):
            if isinstance(file, Skipped):
                continue
            path = file.relative_to(folder).as_posix()
            try:
                found = read_file(read_bytes(file), path, columns=columns, reader=reader)
                articles.extend(item for item in found if not isinstance(item, Skipped))
            except ArticleError:
                continue  # what cannot be read cannot have been quoted
    finally:
        reader.close()
    return [_judge(quote, articles) for quote in quotes]


def _judge(quote: _Packed, articles: Sequence[Article]) -> Verdict:
    def verdict(word: Word, detail: str = "") -> Verdict:
        return Verdict(quote.question, quote.number, quote.path, quote.quote, word, detail)

    same = next(  # of several with this text, the one that was cited
        (a for a in articles if (a.article_id, a.path) == (quote.sha256, quote.path)),
        next((a for a in articles if a.article_id == quote.sha256), None),
    )
    named = next((a for a in articles if a.path == quote.path), None)
    start, end = quote.span
    for (a, b), words in quote.highlights:
        if quote.quote[a - start : b - start] != words:
            return verdict("altered", f"the pack marks other words in it: {words}")
    if same and same.text[start:end] == quote.quote:
        return verdict("verified", "" if same.path == quote.path else f"now in {same.path}")
    for article in (same, named):
        at = article.text.find(quote.quote) if article else -1
        if article and at >= 0:
            changed = "" if article is same else ", the file has changed"
            where = f"characters {at}-{at + len(quote.quote)} of {article.path}"
            return verdict("moved", f"now {where}{changed}")
    if found := same or named:
        there = " ".join(found.text[start:end].split()) or "nothing"
        return verdict("altered", f"{found.path} has, at that place: {there}")
    elsewhere = next((a.path for a in articles if quote.quote in a.text), None)
    return verdict("source missing", f"the same words stand in {elsewhere}" if elsewhere else "")


def _read(pack: Path) -> Iterator[_Packed]:
    readers = {"json": _from_json, "csv": _from_csv, "md": _from_markdown}
    reader = readers.get(pack.suffix.lower().removeprefix("."))
    if not reader:
        raise QaError(f"{pack} is no evidence pack: its name must end in .{', .'.join(FORMATS)}.")
    try:
        if pack.stat().st_size > _MAX_BYTES:
            raise QaError(f"{pack} has more than {_MAX_BYTES / 1e6:.0f} MB; no pack has.")
        text = pack.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise QaError(f"{pack} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise QaError(f"{pack} is not UTF-8 text (byte {error.start}).") from error
    try:
        yield from reader(text)
    except (ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
        raise QaError(
            f"{pack} is no evidence pack, or was changed beyond reading "
            f"({type(error).__name__}: {error}). Export it again."
        ) from error


def _from_json(text: str) -> Iterator[_Packed]:
    pack = json.loads(text)
    if pack["format"] != FORMAT:
        raise ValueError(f"its format is {pack['format']!r}, not {FORMAT!r}")
    for answer in pack["answers"]:
        for item in answer["citations"]:
            article = item["article"]
            marks = tuple((_span(part), _text(part["text"])) for part in item["highlights"])
            yield _packed(
                answer["question"],
                item["number"],
                item["quote"],
                (item["start"], item["end"]),
                article["path"],
                article["article_id"],
            )._replace(highlights=marks)


def _from_csv(text: str) -> Iterator[_Packed]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if not set(_NEEDED) <= set(rows.fieldnames or ()):
        raise ValueError("its columns are not those of a pack")
    for row in rows:
        cells = {name: (cell or "").removeprefix("'") for name, cell in row.items()}
        if cells["number"]:
            yield _packed(
                cells["question"],
                int(cells["number"]),
                cells["quote"],
                (int(cells["start"]), int(cells["end"])),
                cells["path"],
                cells["sha256"],
            )


def _from_markdown(text: str) -> Iterator[_Packed]:
    lines = text.splitlines() if "\r\n" in text else text.split("\n")
    if lines[0] != "# Evidence":
        raise ValueError('it does not begin with "# Evidence"')
    question, number = "", 0
    quoted: list[str] = []
    facts: dict[str, str] = {}
    for line in [*lines, "## "]:
        if line.startswith(("## ", "### ")) and number:
            match = _RANGE.fullmatch(facts["characters"])
            if not match:
                raise ValueError(f"quote {number} does not say its characters")
            span = (int(match[1]), int(match[2]))
            quote = unquote(quoted)
            yield _packed(question, number, quote, span, facts["file"], facts["SHA-256"])
            number, quoted, facts = 0, [], {}
        if line.startswith("## "):
            question = unescape(line[3:])
        elif line.startswith("### "):
            number = int(line[4:])
        elif line.startswith(">"):
            quoted.append(line)
        elif fact := _FACT.fullmatch(line):
            facts.setdefault(fact[1], unescape(fact[2]))


def _packed(
    question: Any, number: Any, quote: Any, span: tuple[Any, Any], path: Any, sha256: Any
) -> _Packed:
    start, end = span
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end):
        raise ValueError(f"{start!r}-{end!r} is no range of characters")
    return _Packed(_text(question), int(number), _text(quote), span, _text(path), _text(sha256))


def _span(part: dict[str, Any]) -> Span:
    return int(part["start"]), int(part["end"])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected text, found {value!r}")
    return value
