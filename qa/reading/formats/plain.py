"""Text and Markdown. YAML front matter is metadata, and stays in the text as boilerplate."""

import re

import yaml

from qa.errors import ArticleError
from qa.reading.formats import Draft
from qa.reading.formats.encodings import decode
from qa.reading.metadata import from_mapping
from qa.text.sentences import trim

_FRONT_MATTER = re.compile(r"(?sm)\ufeff?---[ \t]*\r?\n(.{0,20000}?)^---[ \t]*(?:\r?\n|\Z)")


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
        raise ArticleError(
            "has front matter that is not YAML: mend the lines at its top"
        ) from error
    if not isinstance(loaded, dict):
        return Draft(text)  # two lines of dashes around prose
    metadata = from_mapping(loaded, "front matter")
    titles = [value for field, value, _ in metadata if field == "title"]
    return Draft(text, metadata, titles[0] if titles else None, [trim(text, match.span())])
