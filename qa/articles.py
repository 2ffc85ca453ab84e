"""A file, or a folder of files, to Articles: what is there, what it says, and what is no story."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path, PurePosixPath

from qa import languages
from qa.boilerplate import find_boilerplate
from qa.datatypes import Article, Skipped, Span
from qa.errors import ArticleError, CorpusError
from qa.metadata import SIDECARS, Found, choose, clean
from qa.readers import ISOLATED, SUFFIXES, UNFORESEEN, Draft, Unread, archive, max_bytes, read
from qa.readers.isolated import IsolatedReader
from qa.sentences import split_sentences, trim

Sidecar = Mapping[str, Mapping[str, str]]
"""Fields of each article, by path; see `qa.metadata.read_sidecar`."""
Columns = Mapping[str, str]
"""Which column or key of a table holds which field; see `qa.readers.read`."""

_LINE_END = re.compile(r"[\r\n]")
_LINE = re.compile(r"[^\r\n]+")
_HEADING = re.compile(r"#\s+(\S.*)")
_BLANK_LINE = re.compile(r"[ \t]*(?:\r\n|\n|\r(?!\n))[ \t]*(?:\r\n|\n|\r(?!\n))")
# As in: ANKARA (Realist English). Or: LONDON, March 4, 2025 (Reuters) - Or: PARIS — (AFP) –
_DATELINE = re.compile(
    r"(?:[A-ZÀ-Þ][\w.'’-]*[ ,/]{1,2}){0,4}[A-ZÀ-Þ]{2}[\w.'’-]*,?(?:\s[—–-])?\s*"
    r"(?P<day>[A-Z][a-z]{2,8}\.?\s\d{1,2}(?:,\s\d{4})?,?\s)?\((?P<outlet>[^()\d]{2,40})\)\s?[.—–:-]"
)
_WRITTEN_FOR_IT = ("sidecar", "front matter", "column")
_TITLE_LENGTH = 120
_DATELINE_LENGTH = 40


def check_folder(folder: Path) -> None:
    """Make sure that there is a folder to read.

    Raises:
        CorpusError: `folder` is missing, or is not a folder.
    """
    if not folder.exists():
        raise CorpusError(f"There is no folder {folder}. Name one that exists with --articles.")
    if not folder.is_dir():
        raise CorpusError(f"{folder} is a file, not a folder. Name its folder with --articles.")


def find_files(folder: Path) -> Iterator[Path | Skipped]:
    """Yield every file below `folder`, hidden ones and the sidecar aside, in a fixed order.

    What cannot be a file of articles wherever it comes from (a folder that cannot be listed, a link
    to a folder, a name that cannot be shown) comes as `Skipped`.

    Raises:
        CorpusError: `folder` is missing, is not a folder, or cannot be listed.
    """
    check_folder(folder)
    refused: list[Skipped] = []

    def refuse(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise CorpusError(f"The folder {folder} cannot be read: {error.strerror}.") from error
        path = Path(error.filename).relative_to(folder).as_posix()
        refused.append(Skipped(_shown(path), f"is a folder that cannot be read: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=refuse):
        yield from refused
        refused.clear()
        inner: list[str] = []
        for name in sorted(n for n in folders if not n.startswith(".")):
            path = Path(parent, name).relative_to(folder).as_posix()
            if Path(parent, name).is_symlink():
                yield Skipped(_shown(path), "is a link to a folder: links are not followed")
            elif _is_saved_with_a_page(name, names):
                yield Skipped(_shown(path), "holds the pictures and scripts of a saved page")
            else:
                inner.append(name)
        folders[:] = inner
        for name in sorted(names):
            if name.startswith(".") or (name in SIDECARS and Path(parent) == folder):
                continue
            path = Path(parent, name).relative_to(folder).as_posix()
            if path.isprintable():
                yield Path(parent, name)
            else:
                yield Skipped(_shown(path), "has a name that cannot be shown: rename it")
    yield from refused


def _shown(path: str) -> str:
    return path if path.isprintable() else path.encode("unicode_escape").decode()


def _is_saved_with_a_page(folder: str, names: list[str]) -> bool:
    """Whether a browser made this folder: "Page_files" beside "Page.html"."""
    stem, mark, _ = folder.rpartition("_files")
    return bool(mark) and (f"{stem}.html" in names or f"{stem}.htm" in names)


def read_file(
    content: bytes,
    path: str,
    sidecar: Sidecar | None = None,
    columns: Columns | None = None,
    reader: IsolatedReader | None = None,
) -> Iterator[Article | Skipped]:
    """Yield the articles of one file, and the parts of it that are none.

    Args:
        content: The whole file; see `read_bytes`.
        path: The name it goes by in the corpus.
        sidecar: What `read_sidecar` returned.
        columns: Which column or key of a table holds which field.
        reader: Where untrusted formats are read; a process is started for this file if None.

    Raises:
        ArticleError: There is no article in it. Some may have come before.
    """
    if PurePosixPath(path).suffix.lower() == ".zip":
        for entry in archive.entries(content):
            if isinstance(entry, Unread):
                yield Skipped(f"{path}/{entry.part}", entry.reason)
                continue
            inner = f"{path}/{entry[0]}"
            try:
                yield from read_file(entry[1], inner, sidecar, columns, reader)
            except ArticleError as error:
                yield Skipped(inner, str(error))
        return
    file_sha256 = hashlib.sha256(content).hexdigest()
    for item in _drafts(content, path, columns or {}, reader):
        whole = path + item.part
        if isinstance(item, Unread):
            yield Skipped(whole, item.reason)
            continue
        try:
            yield _article(item, whole, (sidecar or {}).get(whole, {}), file_sha256)
        except ArticleError as error:
            if not item.part:
                raise
            yield Skipped(whole, str(error))


def _drafts(
    content: bytes, path: str, columns: Columns, reader: IsolatedReader | None
) -> list[Draft | Unread]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in ISOLATED:
        try:
            return read(content, suffix, columns)
        except ArticleError:
            raise
        except Exception as error:  # one file never ends a sync
            raise ArticleError(f"{UNFORESEEN} ({type(error).__name__}: {error!s:.200})") from error
    if reader:
        return reader.read(content, suffix, columns)
    own = IsolatedReader()
    try:
        return own.read(content, suffix, columns)
    finally:
        own.close()


def read_bytes(file: Path) -> bytes:
    """Return what is in a file.

    Raises:
        ArticleError: It has gone, is too large, cannot be read, or is of a kind that is not read.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise ArticleError(f"is not one of the kinds that can be read ({', '.join(SUFFIXES)})")
    try:
        if not file.is_file():
            if file.exists():
                raise ArticleError("is not a regular file")
            raise ArticleError("is no longer there (or a link to nothing)")
        size, most = file.stat().st_size, max_bytes(suffix)
        if size > most:
            raise ArticleError(
                f"has {size / 1e6:.0f} MB; a {suffix} file may have {most / 1e6:.0f} MB: split it"
            )
        with file.open("rb") as stream:
            return stream.read(most)
    except FileNotFoundError as error:
        raise ArticleError("vanished while it was being read") from error
    except OSError as error:
        raise ArticleError(f"cannot be read: {error.strerror or error}") from error


def _article(draft: Draft, path: str, known: Mapping[str, str], file_sha256: str) -> Article:
    text = draft.text.encode("utf-8", "replace").decode("utf-8")  # halves of characters: "?"
    start = _story_start(text, draft.boilerplate)
    if start >= len(text.rstrip()):
        raise ArticleError("is empty: there is no text in it")
    headline = draft.headline
    below = start
    if found_headline := _headline(text, start):
        line, end = found_headline
        headline = headline or line
        below = end
    found: list[Found] = [(field, value, "sidecar") for field, value in known.items()]
    found += draft.found
    if headline:
        found.append(("title", headline, "heading"))
    found += _dateline(text, below)
    found.append(("title", _first_sentence(text, start), "first words"))
    if language := languages.detect(text[start:]):
        # The words tell it better than the template of a page or of a word processor.
        found = [f for f in found if f[0] != "language" or f[2] in _WRITTEN_FOR_IT]
        found.append(("language", language, "detected"))
    chosen = choose(found)
    values = {field: value for field, (value, _) in chosen.items()}
    published = values.get("published")
    boilerplate = {*draft.boilerplate, *find_boilerplate(text, below, headline)}
    return Article(
        article_id=hashlib.sha256(text.encode()).hexdigest(),
        path=path,
        text=text,
        title=values["title"],
        headline=headline,
        outlet=values.get("outlet"),
        author=values.get("author"),
        published=date.fromisoformat(published) if published else None,
        url=values.get("url"),
        language=values.get("language"),
        boilerplate=tuple(sorted(boilerplate)),
        file_sha256=file_sha256,
        pages=tuple(draft.pages),
        origins=tuple(sorted((field, origin) for field, (_, origin) in chosen.items())),
    )


def _story_start(text: str, boilerplate: Sequence[Span]) -> int:
    """Return where the text begins behind the boilerplate that it opens with, front matter say."""
    position = trim(text, (0, len(text)))[0]
    for start, end in sorted(boilerplate):
        if start <= position:
            position = max(position, trim(text, (end, len(text)))[0])
    return position


def _headline(text: str, start: int) -> tuple[str, int] | None:
    """Return the headline that the text begins with, and its end, if it has one.

    That is a heading, or a line above an empty line that is no sentence.
    """
    start, end = trim(text, (start, len(text)))
    line_end = _LINE.match(text, start).end()  # type: ignore[union-attr]  # the text is not empty
    first = text[start:line_end].rstrip()
    heading = _HEADING.match(first)
    if heading and (title := heading[1].rstrip("# \t")):
        return _shorten(title), line_end
    alone = line_end < end and _BLANK_LINE.match(text, line_end)
    if alone and len(first) <= 2 * _TITLE_LENGTH and not first.endswith((".", ":", ",", ";")):
        return _shorten(first), line_end
    return None


def _dateline(text: str, start: int) -> Iterator[Found]:
    """Yield outlet and day of a dateline that the story begins with."""
    match = _DATELINE.match(text, trim(text, (start, len(text)))[0])
    if match:
        yield "outlet", " ".join(match["outlet"].split()), "dateline"
        if match["day"] and (day := clean("published", match["day"].strip(" ,"))):
            yield "published", day, "dateline"


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
