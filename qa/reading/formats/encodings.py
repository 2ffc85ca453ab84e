"""Bytes to text: UTF-8 unchanged, other encodings as declared or as detected."""

import codecs
import re
from contextlib import suppress

from charset_normalizer import from_bytes

from qa.errors import ArticleError

# UTF-32 first: its little-endian byte order mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_HEAD = 4_096


def decode(content: bytes, *, declares: bool = False) -> str:
    """Return the text of a file. UTF-8 is returned unchanged, with its byte order mark.

    Args:
        content: The whole file.
        declares: Whether its first lines may name the encoding, as those of HTML do.

    Raises:
        ArticleError: It is not text, or its encoding cannot be detected.
    """
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError as error:
                raise ArticleError(f"is not the {encoding.upper()} that it says it is") from error
    with suppress(UnicodeDecodeError):
        text = content.decode("utf-8")
        if "\0" in text:
            raise ArticleError("is a binary file, not text")
        return text
    named = _DECLARED.search(content[:_HEAD]) if declares else None
    if named:
        with suppress(UnicodeError, LookupError):  # what is declared may be wrong
            return content.decode(named[1].decode("ascii"))
    if b"\0" in content and not _may_be_utf16(content):
        raise ArticleError("is a binary file, not text")
    best = from_bytes(content).best()
    if best is None:
        raise ArticleError(
            "has an encoding that cannot be detected: save it as UTF-8, "
            "for example with iconv -f WINDOWS-1252 -t UTF-8"
        )
    return str(best)


def _may_be_utf16(content: bytes) -> bool:
    """Whether many bytes are zero, and all of these stand at even or at odd offsets."""
    head = content[:_HEAD]
    return min(head[::2].count(0), head[1::2].count(0)) == 0 and head.count(0) > len(head) / 8
