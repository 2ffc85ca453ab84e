"""Bytes to text: UTF-8 as it is, anything else as it says or as it looks."""

import codecs
import re

from charset_normalizer import from_bytes

from qa.errors import ArticleError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_HEAD = 4_096


def decode(content: bytes, *, declares: bool = False) -> str:
    """Return the text of a file; UTF-8 comes back byte for byte, its byte order mark included.

    Args:
        content: The whole file.
        declares: Whether its first lines may name the encoding, as HTML's do.

    Raises:
        ArticleError: It is no text, or in an encoding that cannot be told.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _strict(content, encoding)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text or not content:
        if "\0" in text:
            raise ArticleError("is a binary file, not text")
        return text
    named = _DECLARED.search(content[:_HEAD]) if declares else None
    if named:
        try:
            return content.decode(named[1].decode("ascii"))
        except (UnicodeDecodeError, LookupError):
            pass  # it says one thing and is another
    if b"\0" in content and not _looks_like_utf16(content):
        raise ArticleError("is a binary file, not text")
    best = from_bytes(content).best()
    if best is None:
        raise ArticleError(
            "is in an encoding that cannot be told: save it as UTF-8, "
            "for example with iconv -f WINDOWS-1252 -t UTF-8"
        )
    return str(best)


def _strict(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ArticleError(f"is not the {encoding.upper()} that it says it is") from error


def _looks_like_utf16(content: bytes) -> bool:
    head = content[:_HEAD]
    return min(head[::2].count(0), head[1::2].count(0)) == 0 and head.count(0) > len(head) / 8
