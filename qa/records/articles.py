"""Articles, and slices of them."""

from dataclasses import dataclass, field
from datetime import date

Span = tuple[int, int]
"""Half-open range of Unicode characters (not bytes): ``text[start:end]``."""


def _check_span(start: int, end: int, text: str) -> None:
    if not 0 <= start < end <= len(text):
        raise ValueError(f"span {start}-{end} does not lie in a text of {len(text)} characters")


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it was read from disk.

    Attributes:
        article_id: SHA-256 of `text` in UTF-8, in hex. For a UTF-8 text file that is the SHA-256 of
            the file as well.
        path: Path relative to the folder of articles, with forward slashes. Inside a ``.zip`` the
            path of the entry follows; one of several articles in a file ends in ``#`` and its
            number, from 1: ``export.zip/rows.csv#3``.
        text: For a text file, the decoded file, unchanged; for other formats, the extracted text.
            All offsets refer to it.
        title: The headline, else the first sentence (shortened).
        headline: The headline inside the file, if any. It gives context to the passages.
        outlet: Who published it, if known.
        author: Who wrote it, if known.
        published: The day it was published, if known.
        url: Where it was published, if known.
        language: ISO 639-1 code of its language, if known.
        boilerplate: Spans of `text` that are not the story (front matter, promotion). The reader
            shows them; they are not searched.
        file_sha256: SHA-256 of the file (of the entry, inside a ``.zip``).
        pages: Offset in `text` at which each page begins, if the format has pages.
        origins: Source of title, outlet, author, published, url and language, as pairs of field and
            origin; see `qa.reading.metadata.ORIGINS`.
    """

    article_id: str
    path: str
    text: str = field(repr=False)
    title: str
    headline: str | None = None
    outlet: str | None = None
    author: str | None = None
    published: date | None = None
    url: str | None = None
    language: str | None = None
    boilerplate: tuple[Span, ...] = ()
    file_sha256: str = ""
    pages: tuple[int, ...] = ()
    origins: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for start, end in self.boilerplate:
            _check_span(start, end, self.text)

    @property
    def source(self) -> str:
        """Name used in citations: the outlet, else the title."""
        return self.outlet or self.title


@dataclass(frozen=True, slots=True)
class ArticleSummary:
    """An indexed article without its text; the fields are those of `Article`, and two counts.

    Attributes:
        words: Number of words, separated by white space.
        characters: Number of characters.
    """

    article_id: str
    path: str
    title: str
    outlet: str | None
    published: date | None
    language: str | None
    words: int
    characters: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a part of one, that was not indexed, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of one article. Its text is computed, so it cannot differ from the source."""

    article: Article
    start: int
    end: int

    def __post_init__(self) -> None:
        _check_span(self.start, self.end, self.article.text)

    @property
    def span(self) -> Span:
        """Start and end, in characters of ``article.text``."""
        return self.start, self.end

    @property
    def text(self) -> str:
        """The article's own words."""
        return self.article.text[self.start : self.end]

    @property
    def passage_id(self) -> str:
        """``article_id:start-end``."""
        return f"{self.article.article_id}:{self.start}-{self.end}"
