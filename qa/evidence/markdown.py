"""Text to Markdown that shows it letter for letter, and back. Pure.

Every character that CommonMark or GitHub's dialect of it could take for markup is escaped; what a
renderer would drop (spaces at the ends of a line, control characters) becomes a numeric entity.
"""

import re

# Anywhere in a line; and where a line begins.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&|~${}^]|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE)
_OPENING = re.compile(r"[#+=-]|\d+[.)]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&#(\d+);")


def escape_line(text: str) -> str:
    """Return one line of Markdown that shows `text`."""
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    escaped = {match.start() for match in _SPECIAL.finditer(text)}
    if opening := _OPENING.match(text, first):
        escaped.add(opening.end() - 1)
    line: list[str] = []
    for i, character in enumerate(text):
        if not first <= i < last or not character.isprintable():
            line.append(f"&#{ord(character)};")
        else:
            line.append(f"\\{character}" if i in escaped else character)
    return "".join(line)


def blockquote(text: str) -> str:
    """Return a block quote that shows `text`, its line breaks and empty lines included."""
    lines = text.split("\n")
    quoted: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        hard_break = "\\" if line and following else ""
        quoted.append(f"> {escape_line(line)}{hard_break}" if line else ">")
    return "\n".join(quoted)


def unescape(line: str) -> str:
    """Undo `escape_line`."""
    return _ESCAPED.sub(lambda match: match[1] or chr(int(match[2])), line)


def unquote(lines: list[str]) -> str:
    """Undo `blockquote`, given its lines."""
    text: list[str] = []
    for quoted in lines:
        line = quoted.removeprefix(">").removeprefix(" ")
        backslashes = len(line) - len(line.rstrip("\\"))
        text.append(unescape(line[:-1] if backslashes % 2 else line))
    return "\n".join(text)
