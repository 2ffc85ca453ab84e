"""Text and Markdown: the file as it is; YAML front matter is metadata, and stays in the text."""

import re

import yaml

from qa.datatypes import Span
from qa.errors import ArticleError
from qa.metadata import Found, from_mapping
from qa.readers import Draft
from qa.readers.encodings import decode
from qa.sentences import trim

_FRONT_MATTER = re.compile(r"(?sm)\ufeff?---[ \t]*\r?\n(.{0,20000}?)^---[ \t]*(?:\r?\n|\Z)")


def read(content: bytes) -> Draft:
    """Return a text file as it is.

    Raises:
        ArticleError: There is no article in it.
    """
    text = decode(content)
    found, span = _front_matter(text)
    titled = [value for field, value, _ in found if field == "title"]
    return Draft(text, found, titled[0] if titled else None, [span] if span else [])


def _front_matter(text: str) -> tuple[list[Found], Span | None]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return [], None
    try:
        loaded = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ArticleError(
            "has front matter that is not YAML: mend the lines at its top"
        ) from error
    if not isinstance(loaded, dict):
        return [], None  # two rules of dashes around prose: text, not metadata
    return from_mapping(loaded, "front matter"), trim(text, match.span())
