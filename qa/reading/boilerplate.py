"""Which lines of an article are not the story: promotion, share lines, author boxes.

Only whole lines are marked, and only before the first line of the story, after its last, or alone
between two paragraphs. A line in doubt counts as story. The patterns are in ``boilerplate.toml``.
"""

import re
import tomllib
from pathlib import Path

from qa.records import Span
from qa.text.sentences import trim

_LINE = re.compile(r"[^\r\n]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_LONGEST = 400  # characters; a longer line is a paragraph of the story
_LONGEST_LINK = 160
_MOST_LINKS = 12
_SENTENCE_END = (".", "!", "?", "…", '"', "”", "。")


def _load() -> dict[str, re.Pattern[str]]:
    """Return one pattern for each list in ``boilerplate.toml``."""
    lists = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    parts = lists.pop("parts")
    patterns = {name: "|".join(alternatives) for name, alternatives in lists.items()}
    for part, meaning in parts.items():
        patterns = {name: text.replace(part, meaning) for name, text in patterns.items()}
    return {name: re.compile(text, re.IGNORECASE) for name, text in patterns.items()}


_PATTERNS = _load()


def find_boilerplate(text: str, start: int = 0, title: str | None = None) -> list[Span]:
    """Return the lines of ``text[start:]`` that are not the story, as spans of `text`, in order.

    Args:
        text: The whole text.
        start: Where the story may begin: after front matter and headline.
        title: The headline; its repetition in the first line below it is boilerplate.

    Returns:
        Half-open spans. At least one line remains: an article is never all boilerplate.
    """
    lines = [trim(text, match.span()) for match in _LINE.finditer(text, start)]
    lines = [line for line in lines if line[0] < line[1]]
    words = [text[slice(*line)] for line in lines]
    last = _before_links(words, _before_tail(words, len(lines)))
    last = _before_tail(words, last)
    first = 0
    while first < last - 1 and _is_head(words[first], title):
        first += 1
    links = [lines[at] for at in range(first + 1, last) if _is_link(words[at])]
    return [*lines[:first], *links, *lines[last:]]


def _before_tail(lines: list[str], last: int) -> int:
    """Return where the tail that ends at `last` begins."""
    while last > 1 and _is_tail(lines[last - 1]):
        last -= 1
    return last


def _before_links(lines: list[str], last: int) -> int:
    """Return where a "Read more:" with a list of links begins, if one ends at `last`."""
    at = last
    while at > max(1, last - _MOST_LINKS):
        at -= 1
        if _is_link(lines[at]):
            last = at
        elif not lines[at].startswith(("- ", "• ", "* ")) or lines[at].endswith(_SENTENCE_END):
            break
    return last


def _is_tail(line: str) -> bool:
    return len(line) <= _LONGEST and bool(_PATTERNS["tail"].match(line) or _is_link(line))


def _is_link(line: str) -> bool:
    short = len(line) <= _LONGEST_LINK and not line.endswith(_SENTENCE_END)
    return short and bool(_PATTERNS["link"].match(line))


def _is_head(line: str, title: str | None) -> bool:
    repeats_title = title and _letters(line) == _letters(title)
    return len(line) <= _LONGEST_LINK and bool(repeats_title or _PATTERNS["head"].match(line))


def _letters(line: str) -> str:
    return "".join(_LETTERS.findall(line)).casefold()
