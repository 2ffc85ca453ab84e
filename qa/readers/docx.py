"""Word files: paragraphs, headings and tables, in their order."""

import io
import re
import zipfile

import docx
from docx.exceptions import PythonDocxError
from docx.opc.exceptions import OpcError
from docx.oxml.exceptions import XmlchemyError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError

from qa.errors import ArticleError
from qa.metadata import Found, clean
from qa.readers import MAX_BYTES, Draft

_HEADING = re.compile(r"Title|Heading 1", re.IGNORECASE)
_LIST = re.compile(r"List", re.IGNORECASE)
_PROTECTED = b"\xd0\xcf\x11\xe0"  # an encrypted .docx is an OLE file, not a zip
_MOST_UNPACKED = 200_000_000
# What python-docx ends in where an element is missing or is not the one it expects.
_DAMAGED = (
    AttributeError, IndexError, KeyError, LxmlError, NotImplementedError, OpcError, PythonDocxError,
    TypeError, ValueError, XmlchemyError, zipfile.BadZipFile,
)  # fmt: skip


def read(content: bytes) -> Draft:
    """Return the text of a Word file.

    Raises:
        ArticleError: There is no article in it.
    """
    if content.startswith(_PROTECTED):
        raise ArticleError(
            "is protected by a password, or an old .doc: save it as .docx without a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise ArticleError("would unpack to more than 200 MB")
        document = docx.Document(io.BytesIO(content))
        pieces = [_piece(block) for block in document.iter_inner_content()]
        found = _found(document)
    except _DAMAGED as error:
        raise ArticleError("is damaged, or no Word file") from error
    text, headline = "", None
    for piece, style in pieces:
        if piece and not text and _HEADING.match(style):
            headline = clean("title", piece)
        if piece:
            both = text.rsplit("\n", 1)[-1].startswith("- ") and piece.startswith("- ")
            text += ("\n" if both else "\n\n") + piece if text else piece
    if not text:
        raise ArticleError("is empty: there is no text in it")
    if len(text) > MAX_BYTES:
        raise ArticleError(f"has more than {MAX_BYTES / 1e6:.0f} million characters: split it")
    return Draft(text, found, headline)


def _piece(block: Paragraph | Table) -> tuple[str, str]:
    """Return text and style of a paragraph or a table."""
    if isinstance(block, Table):
        return _rows(block), ""
    style = (block.style.name or "") if block.style is not None else ""
    text = block.text.strip()
    return (f"- {text}" if text and _LIST.search(style) else text), style


def _rows(table: Table) -> str:
    rows = []
    for row in table.rows:
        cells = [" ".join(cell.text.split()) for cell in row.cells]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _found(document: "docx.document.Document") -> list[Found]:
    """Return title, author and language; the day of the file is not that of the article."""
    properties = document.core_properties
    values = {
        "title": clean("title", properties.title or ""),
        "author": clean("author", properties.author or ""),
        "language": clean("language", properties.language or ""),
    }
    # python-docx's own template says this of itself.
    values = {k: v for k, v in values.items() if v and v not in {"python-docx", "Word Document"}}
    return [(field, value, "document") for field, value in values.items() if value]
