"""Text to Markdown that shows it letter for letter.

Every character that CommonMark or GitHub's dialect of it could take for markup is escaped; what a
renderer would drop (spaces at the ends of a line, control characters) becomes a numeric entity.
"""

import re
from itertools import pairwise

# Anywhere in a line; and where a line begins.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&|~${}^]|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE)
_OPENING = re.compile(r"[#+=-]|\d+[.)]")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def to_markdown(value: object) -> str:
    """Return Markdown as it is, and any other value escaped as one line."""
    return value if isinstance(value, Markdown) else escape_line(str(value))


def escape_line(text: str) -> str:
    """Return one line of Markdown that shows `text`."""
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    escaped = {match.start() for match in _SPECIAL.finditer(text)}
    if opening := _OPENING.match(text, first):
        escaped.add(opening.end() - 1)
    line = ""
    for i, character in enumerate(text):
        if not first <= i < last or not character.isprintable():
            line += f"&#{ord(character)};"
        else:
            line += f"\\{character}" if i in escaped else character
    return line


def blockquote(text: str) -> Markdown:
    """Return a block quote that shows `text`, its line breaks and empty lines included."""
    lines = [f"> {escape_line(line)}" if line else ">" for line in text.split("\n")]
    for i, (line, following) in enumerate(pairwise(lines)):
        if line != ">" and following != ">":
            lines[i] += "\\"  # without it, the two lines of a paragraph become one
    return Markdown("\n".join(lines))
