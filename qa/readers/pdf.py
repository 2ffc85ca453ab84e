"""PDF: its text layer, lines joined to paragraphs, pages kept."""

import math
import re
from collections import Counter
from collections.abc import Mapping

import pypdfium2
from pypdfium2 import PdfiumError

from qa.datatypes import Span
from qa.errors import ArticleError
from qa.metadata import Found, clean
from qa.readers import MAX_BYTES, Draft

# What word processors call a file that nobody gave a title.
_NO_TITLE = re.compile(
    r"(?i)untitled|.*\.(?:docx?|odt|rtf|indd|tex|qxd|pdf)$|microsoft word -|document\d*$"
)
_SOFT_HYPHEN = (
    "\ufffe"  # how PDFium gives a hyphen at the end of a line that was put there to break
)
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
    try:
        pages = [_lines(document, number) for number in range(len(document))]
        properties = document.get_metadata_dict()
    except PdfiumError as error:
        raise ArticleError(f"is damaged: {error}") from error
    finally:
        document.close()
    if not any(pages):
        raise ArticleError(
            "has no text in it, only pictures of pages: run text recognition (OCR) on it first"
        )
    if sum(len(line) for lines in pages for line in lines) > MAX_BYTES:
        raise ArticleError(f"has more than {MAX_BYTES / 1e6:.0f} million characters: split it")
    text, starts, running = _join(pages)
    return Draft(text, _found(properties), None, running, starts)


def _lines(document: pypdfium2.PdfDocument, number: int) -> list[str]:
    page = document[number]
    layer = page.get_textpage()
    try:
        lines = layer.get_text_bounded().replace("\0", "").splitlines()
        return [line for line in (" ".join(line.split()) for line in lines) if line]
    finally:
        layer.close()
        page.close()


def _join(pages: list[list[str]]) -> tuple[str, list[int], list[Span]]:
    """Return text, where each page begins in it, and the running heads and page numbers."""
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
            edge = at == 0 or at == len(lines) - 1
            is_running = edge and _shape(line) in repeated
            goes_on = before and not is_running and len(before) >= _FULL * usual
            if not goes_on:
                text += "\n\n" if before else ""
            elif text.endswith(_SOFT_HYPHEN):
                text = text[:-1]
            else:
                text += " "
            if is_running:
                running.append((len(text), len(text) + len(line)))
            text += line
            before = "" if is_running else line
            if is_running:
                text += "\n\n"
    return text.replace(_SOFT_HYPHEN, "-"), starts, running


def _repeated(pages: list[list[str]]) -> set[str]:
    """Return the shapes of first and last lines that stand on most pages."""
    edges = Counter(_shape(line) for lines in pages if lines for line in {lines[0], lines[-1]})
    return {shape for shape, times in edges.items() if times > 1 and 2 * times > len(pages)}


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _found(properties: Mapping[str, str]) -> list[Found]:
    """Return title and author; the day it was made is not the day the article was published."""
    title = clean("title", properties.get("Title", ""))
    values = {
        "title": None if title and _NO_TITLE.match(title) else title,
        "author": clean("author", properties.get("Author", "")),
    }
    return [(field, value, "document") for field, value in values.items() if value]
