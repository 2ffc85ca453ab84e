"""PDF files: the text layer, with its lines joined to paragraphs."""

import math
import re
from collections import Counter
from contextlib import closing

import pypdfium2
from pypdfium2 import PdfiumError

from qa.errors import ArticleError
from qa.reading.formats import Draft, article_errors, check_length
from qa.reading.metadata import from_properties
from qa.records import Span

_SOFT_HYPHEN = "\ufffe"  # PDFium's character for a hyphen that divides a word at a line's end
_TERMINAL = re.compile(r"[.!?…:][\"'”’»)\]]*$")
# A line shorter than this share of the page's usual width ends its paragraph.
_FULL = 0.75


def read(content: bytes) -> Draft:
    """Return the text of a PDF.

    Raises:
        ArticleError: There is no article in it.
    """
    try:
        document = pypdfium2.PdfDocument(content)
    except PdfiumError as error:
        if "password" in str(error).casefold():
            raise ArticleError("is protected by a password: save it without one") from error
        raise ArticleError("is damaged, or no PDF") from error
    with closing(document), article_errors("is damaged"):
        pages = [_lines(document, number) for number in range(len(document))]
        properties = document.get_metadata_dict()  # its dates are not the article's
    if not any(pages):
        reason = "has no text, only pictures of pages: run text recognition (OCR) on it first"
        raise ArticleError(reason)
    check_length(sum(len(line) for lines in pages for line in lines))
    text, starts, running = _join(pages)
    metadata = from_properties({name: properties.get(name, "") for name in ("Title", "Author")})
    return Draft(text, metadata, None, running, starts)


def _lines(document: pypdfium2.PdfDocument, number: int) -> list[str]:
    with closing(document[number]) as page, closing(page.get_textpage()) as layer:
        lines = layer.get_text_bounded().replace("\0", "").splitlines()
        return [line for line in (" ".join(line.split()) for line in lines) if line]


def _join(pages: list[list[str]]) -> tuple[str, list[int], list[Span]]:
    """Return the text, the offset of each page, and the spans of running heads and page numbers."""
    repeated = _repeated(pages)
    text, starts, running = "", [], []
    for lines in pages:
        if text:
            text += "\n\n" if _TERMINAL.search(text) else "\n"
        starts.append(len(text))
        widths = sorted(map(len, lines))
        usual = widths[math.ceil(0.9 * (len(widths) - 1))] if widths else 0
        before = ""
        for at, line in enumerate(lines):
            is_running = at in {0, len(lines) - 1} and _masked(line) in repeated
            if before and (is_running or len(before) < _FULL * usual):
                text += "\n\n"
            elif before and text.endswith(_SOFT_HYPHEN):
                text = text[:-1]
            elif before:
                text += " "
            if is_running:
                running.append((len(text), len(text) + len(line)))
            text += f"{line}\n\n" if is_running else line
            before = "" if is_running else line
    return text.replace(_SOFT_HYPHEN, "-"), starts, running


def _repeated(pages: list[list[str]]) -> set[str]:
    """Return the first and last lines that most pages share, with their digits masked."""
    edges = Counter(_masked(line) for lines in pages if lines for line in {lines[0], lines[-1]})
    return {shape for shape, times in edges.items() if times > 1 and 2 * times > len(pages)}


def _masked(line: str) -> str:
    return re.sub(r"\d+", "#", line)
