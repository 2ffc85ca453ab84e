"""Text to Markdown that shows it letter for letter.

Every character that CommonMark or GitHub's dialect of it could take for markup is escaped; what a
renderer would drop (spaces at the ends of a line, control characters) becomes a numeric entity.
"""

from itertools import pairwise

import regex

# Markup anywhere in a line; and at its beginning, where a heading, a rule or a list begins.
_MARKUP = regex.compile(
    r"[\\`*_\[\]<>&|~${}^]|(?<=:)/(?=/)|(?<=www)\.|(?<=^\s*)[#+=-]|(?<=^\s*\d+)[.)]",
    regex.IGNORECASE,
)
# `(?<!\s)` tries a run of white space once, not from each of its characters.
_UNSEEN = regex.compile(r"^\s+|(?<!\s)\s+\Z|\p{C}|(?! )\p{Z}")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def to_markdown(value: object) -> str:
    """Return Markdown as it is, and any other value escaped as one line."""
    return value if isinstance(value, Markdown) else escape_line(str(value))


def escape_line(text: str) -> str:
    """Return one line of Markdown that shows `text`."""
    escaped = _MARKUP.sub(r"\\\g<0>", text)
    shown: str = _UNSEEN.sub(lambda match: "".join(f"&#{ord(c)};" for c in match[0]), escaped)
    return shown


def blockquote(text: str) -> Markdown:
    """Return a block quote that shows `text`, its line breaks and empty lines included."""
    lines = [f"> {escape_line(line)}" if line else ">" for line in text.split("\n")]
    for i, (line, following) in enumerate(pairwise(lines)):
        if line != ">" and following != ">":
            lines[i] += "\\"  # without it, the two lines of a paragraph become one
    return Markdown("\n".join(lines))
