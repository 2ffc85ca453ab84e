"""One reader for each format: the bytes of a file to the articles in it.

A reader takes bytes and returns drafts, or raises `ArticleError`. It opens no file, needs no
network and knows nothing of the folder. To add a format, write a module with a function ``read``
and add it to `_FORMATS`; if its parser is complex, add its suffixes to `ISOLATED` as well, so that
it runs in a process of its own (see `qa.reading.isolated`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NamedTuple

from qa.errors import ArticleError, QaError
from qa.reading.metadata import FieldValue
from qa.records import Skipped, Span

_FORMATS = {  # module: suffixes, and the size of the largest file in bytes
    "plain": ((".txt", ".md", ".markdown"), 10_000_000),
    "html": ((".html", ".htm", ".xhtml"), 10_000_000),
    "pdf": ((".pdf",), 50_000_000),
    "docx": ((".docx",), 50_000_000),
    "tables": ((".json", ".jsonl", ".ndjson", ".csv", ".tsv"), 40_000_000),
    "archive": ((".zip",), 200_000_000),
}
_MODULES = {suffix: name for name, (suffixes, _) in _FORMATS.items() for suffix in suffixes}
SUFFIXES = tuple(_MODULES)
"""Suffixes of the files that can be read."""
ISOLATED = frozenset({".html", ".htm", ".xhtml", ".pdf", ".docx"})
"""Suffixes of the formats whose parsers can hang or crash on a broken or malicious file."""
LARGEST = max(size for _, size in _FORMATS.values())
"""Size of the largest file of any format, in bytes."""
MAX_CHARACTERS = 10_000_000
"""Length of the longest article; a longer one would take minutes and gigabytes."""
UNPRINTABLE = "has a name that cannot be shown: rename it"
UNEXPECTED = "cannot be read"
"""How the reason begins if a reader failed with an error that it does not expect."""


class Draft(NamedTuple):
    """One article as its format's reader returns it.

    Attributes:
        text: As `qa.Article.text`.
        metadata: What the file says about the article.
        headline: The headline inside the file.
        boilerplate: Spans of `text` that the format marks as not part of the story.
        pages: Offset in `text` at which each page begins.
        part: What follows the file's path in the article's, if the file holds several.
    """

    text: str
    metadata: Sequence[FieldValue] = ()
    headline: str | None = None
    boilerplate: Sequence[Span] = ()
    pages: Sequence[int] = ()
    part: str = ""


def printable(name: str) -> str:
    """Return a name with its control and formatting characters escaped."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether a name in a path begins with a dot."""
    return any(part.startswith(".") and part != ".." for part in parts)


def max_bytes(suffix: str) -> int:
    """Return the size of the largest file with this suffix, in bytes."""
    return _FORMATS[_MODULES[suffix]][1]


def check_file(suffix: str, size: int) -> None:
    """Make sure that a file can be read, by its suffix and its size in bytes.

    Raises:
        ArticleError: Its format is not supported, or it is too large.
    """
    if suffix not in _MODULES:
        raise ArticleError(f"is not one of the kinds that can be read ({', '.join(SUFFIXES)})")
    if size > (most := max_bytes(suffix)):
        limit = f"a {suffix} file may have {most / 1e6:.0f} MB"
        raise ArticleError(f"has {size / 1e6:.0f} MB; {limit}: split it")


def check_length(characters: int) -> None:
    """Make sure that the text of an article is not too long.

    Raises:
        ArticleError: It is.
    """
    if characters > MAX_CHARACTERS:
        raise ArticleError(f"has more than {MAX_CHARACTERS / 1e6:.0f} million characters: split it")


@contextmanager
def article_errors(reason: str = UNEXPECTED) -> Iterator[None]:
    """Raise whatever a parser raises as `ArticleError`, so that no file can end a sync.

    Args:
        reason: Where the message begins; the parser's own follows.
    """
    try:
        yield
    except QaError:
        raise
    except ImportError as error:
        reason = f"cannot be read: a package is not installed ({error}). Install qa again"
        raise ArticleError(reason) from error
    except MemoryError as error:
        raise ArticleError("needs too much memory to be read") from error
    except RecursionError as error:
        raise ArticleError("is nested too deeply to be read") from error
    except Exception as error:
        raise ArticleError(f"{reason} ({type(error).__name__}: {error!s:.200})") from error


@article_errors()
def read(content: bytes, suffix: str, columns: Mapping[str, str]) -> list[Draft | Skipped]:
    """Read a file of any format but ``.zip`` in this process.

    Args:
        content: The whole file.
        suffix: The suffix of its name, in lower case.
        columns: The column or key of a table for each field whose column has an unusual name.

    Returns:
        The articles, and the parts that hold none: ``path`` is the part, such as ``#3``.

    Raises:
        ArticleError: There is no article in the file, or it is too large.
    """
    check_file(suffix, len(content))
    reader = import_module(f"qa.reading.formats.{_MODULES[suffix]}")
    if suffix in _FORMATS["tables"][0]:
        return list(reader.read(content, suffix, columns))
    return [reader.read(content)]
