"""Text and Markdown; and the encodings of text, for the other formats as well.

YAML front matter is metadata, and stays in the text as boilerplate. UTF-8 is decoded unchanged,
other encodings as declared or as detected.
"""

import codecs
import re
from contextlib import suppress

import yaml
from charset_normalizer import from_bytes

from qa.errors import ArticleError
from qa.reading.formats import Draft
from qa.reading.metadata import from_mapping
from qa.text.sentences import trim

_FRONT_MATTER = re.compile(r"(?sm)\ufeff?---[ \t]*\r?\n(.{0,20000}?)^---[ \t]*(?:\r?\n|\Z)")
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_MARKS = [(codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")]
_MARKS += [(codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]
_HEAD = 4_096


def read(content: bytes) -> Draft:
    """Return a text file, unchanged.

    Raises:
        ArticleError: There is no article in it.
    """
    text = decode(content)
    match = _FRONT_MATTER.match(text)
    if not match:
        return Draft(text)
    try:
        loaded = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = "has front matter that is not YAML: mend the lines at its top"
        raise ArticleError(reason) from error
    if not isinstance(loaded, dict):
        return Draft(text)  # two lines of dashes around prose
    metadata = from_mapping(loaded, "front matter")
    title = next((value for field, value, _ in metadata if field == "title"), None)
    return Draft(text, metadata, title, [trim(text, match.span())])


def decode(content: bytes, *, declares: bool = False) -> str:
    """Return the text of a file. UTF-8 is returned unchanged, with its byte order mark.

    Args:
        content: The whole file.
        declares: Whether its first lines may name the encoding, as those of HTML do.

    Raises:
        ArticleError: It is not text, or its encoding cannot be detected.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    with suppress(UnicodeDecodeError):
        text = content.decode(encoding)
        if "\0" in text:
            raise ArticleError("is a binary file, not text")
        return text
    if encoding != "utf-8":
        raise ArticleError(f"is not the {encoding.upper()} that it says it is")
    named = _DECLARED.search(content[:_HEAD]) if declares else None
    if named:
        with suppress(UnicodeError, LookupError):  # what is declared may be wrong
            return content.decode(named[1].decode("ascii"))
    if b"\0" in content and not _may_be_utf16(content):
        raise ArticleError("is a binary file, not text")
    best = from_bytes(content).best()
    if best is None:
        advice = "save it as UTF-8, for example with iconv -f WINDOWS-1252 -t UTF-8"
        raise ArticleError(f"has an encoding that cannot be detected: {advice}")
    return str(best)


def _may_be_utf16(content: bytes) -> bool:
    """Whether many bytes are zero, and all of these stand at even or at odd offsets."""
    head = content[:_HEAD]
    return min(head[::2].count(0), head[1::2].count(0)) == 0 and head.count(0) > len(head) / 8
