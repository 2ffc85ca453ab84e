"""Word files: paragraphs, headings and tables, in their order."""

import io
import re
import zipfile

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph

from qa.errors import ArticleError
from qa.reading.formats import Draft, article_errors, check_length
from qa.reading.metadata import clean, from_properties

_PROTECTED = b"\xd0\xcf\x11\xe0"  # an encrypted .docx is an OLE file, not a zip
_MOST_UNPACKED = 200_000_000
# An item of a list, and the empty line above the next one.
_BETWEEN_ITEMS = re.compile(r"(?m)^(- .*)\n\n(?=- )")
_PROPERTIES = ("title", "author", "language")  # the dates are not the article's


def read(content: bytes) -> Draft:
    """Return the text of a Word file.

    Raises:
        ArticleError: There is no article in it.
    """
    if content.startswith(_PROTECTED):
        reason = "is protected by a password, or an old .doc: save it as .docx without a password"
        raise ArticleError(reason)
    with article_errors("is damaged, or no Word file"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise ArticleError(f"would unpack to more than {_MOST_UNPACKED / 1e6:.0f} MB")
        document = docx.Document(io.BytesIO(content))
        pieces = [_piece(block) for block in document.iter_inner_content()]
        properties = {name: getattr(document.core_properties, name) for name in _PROPERTIES}
    pieces = [(piece, style) for piece, style in pieces if piece]
    text = _BETWEEN_ITEMS.sub(r"\1\n", "\n\n".join(piece for piece, _ in pieces))
    style = pieces[0][1].casefold() if pieces else ""
    headline = clean("title", pieces[0][0]) if style.startswith(("title", "heading 1")) else None
    check_length(len(text))
    return Draft(text, from_properties(properties), headline)


def _piece(block: Paragraph | Table) -> tuple[str, str]:
    """Return text and style of a paragraph or a table."""
    if isinstance(block, Table):
        rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in block.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows), ""
    style = (block.style.name or "") if block.style is not None else ""
    text = block.text.strip()
    return (f"- {text}" if text and "list" in style.casefold() else text), style
