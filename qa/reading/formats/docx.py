"""Word files: paragraphs, headings and tables, in their order."""

import io
import zipfile

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph

from qa.errors import ArticleError
from qa.reading.formats import Draft, article_errors, check_length
from qa.reading.metadata import FieldValue, clean, from_mapping

_PROTECTED = b"\xd0\xcf\x11\xe0"  # an encrypted .docx is an OLE file, not a zip
_MOST_UNPACKED = 200_000_000
# The title and the author in the properties of python-docx's own template.
_OF_THE_TEMPLATE = {"Word Document", "python-docx"}
_FIELDS = ("title", "author", "language")


def read(content: bytes) -> Draft:
    """Return the text of a Word file.

    Raises:
        ArticleError: There is no article in it.
    """
    if content.startswith(_PROTECTED):
        raise ArticleError(
            "is protected by a password, or an old .doc: save it as .docx without a password"
        )
    with article_errors("is damaged, or no Word file"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise ArticleError(f"would unpack to more than {_MOST_UNPACKED / 1e6:.0f} MB")
        document = docx.Document(io.BytesIO(content))
        pieces = [_piece(block) for block in document.iter_inner_content()]
        metadata = _metadata(document)
    text, headline, before = "", None, ""
    for piece, style in pieces:
        if not piece:
            continue
        if not text and style.casefold().startswith(("title", "heading 1")):
            headline = clean("title", piece)
        in_list = piece.startswith("- ") and before.startswith("- ")
        text += ("\n" if in_list else "\n\n") + piece if text else piece
        before = piece.rsplit("\n", 1)[-1]
    check_length(len(text))
    return Draft(text, metadata, headline)


def _piece(block: Paragraph | Table) -> tuple[str, str]:
    """Return text and style of a paragraph or a table."""
    if isinstance(block, Table):
        rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in block.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows), ""
    style = (block.style.name or "") if block.style is not None else ""
    text = block.text.strip()
    return (f"- {text}" if text and "list" in style.casefold() else text), style


def _metadata(document: "docx.document.Document") -> list[FieldValue]:
    """Return title, author and language; the file's dates are not the article's."""
    properties = {field: getattr(document.core_properties, field) for field in _FIELDS}
    found = from_mapping(properties, "document")
    return [item for item in found if item[1] not in _OF_THE_TEMPLATE]
