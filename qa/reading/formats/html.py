"""Saved web pages: trafilatura extracts the story, `page_metadata` title, outlet and the rest.

docs/decisions/0009-reading.md has the measurements behind the two passes.
"""

from collections import Counter

import lxml.html
import trafilatura

from qa.errors import ArticleError
from qa.reading.formats import Draft, article_errors
from qa.reading.formats.page_metadata import read_metadata
from qa.reading.formats.plain import decode
from qa.reading.metadata import choose

# A line this long is prose; menus and captions are shorter.
_PROSE = 100


def read(content: bytes) -> Draft:
    """Return the story of a web page under its title.

    Raises:
        ArticleError: There is no article in it.
    """
    page = decode(content, declares=True)
    if not page.strip():
        return Draft("")
    with article_errors("cannot be read as a web page"):
        story = _story(page)
        metadata = read_metadata(page)
    title, _ = choose(metadata).get("title", (None, None))
    lines = story.splitlines()
    if not lines:
        raise ArticleError("has no article in it that could be separated from menus and notices")
    if title and "".join(lines[0].split()) == "".join(title.split()):
        lines = lines[1:]
    body = _paragraphs(lines)
    return Draft(f"{title}\n\n{body}" if title else body, metadata, title)


def _story(page: str) -> str:
    """Return the story, one line for each paragraph, list item or table row.

    The strict pass leaves out teasers and captions, but sometimes the story as well; the usual one
    is taken if it has more than twice as much prose.
    """
    strict = _extract(page, strict=True)
    usual = _extract(page)
    story = usual if _prose(usual) > 2 * _prose(strict) else strict
    tree = trafilatura.load_html(page)
    if tree is not None and _join_boxes(tree, story):
        joined = _extract(tree)
        if 2 * _prose(joined) > 3 * _prose(story):
            return joined
    return story or usual


def _extract(page: str | lxml.html.HtmlElement, *, strict: bool = False) -> str:
    """Return trafilatura's text; `fast` leaves out its fallbacks, which are rarely needed."""
    raw = trafilatura.extract(page, include_comments=False, favor_precision=strict, fast=not strict)
    return "\n".join(line for line in map(str.strip, (raw or "").splitlines()) if line)


def _prose(text: str) -> int:
    return sum(len(line) for line in set(text.splitlines()) if len(line) >= _PROSE)


def _join_boxes(tree: lxml.html.HtmlElement, story: str) -> bool:
    """Move a story that is spread over several boxes into the first; return whether it was.

    Where advertisements divide a story, its parts stand in boxes of one class, and trafilatura
    takes only one of them. Boxes with a linked heading, or a time, are other stories.
    """
    known = set(story.splitlines())
    parents = Counter[lxml.html.HtmlElement]()
    for paragraph in tree.xpath('//*[@class!=""]/p'):
        if _text(paragraph) in known:
            parents[paragraph.getparent()] += len(_text(paragraph))
    if not parents:
        return False
    [(main, _)] = parents.most_common(1)
    alike = [box for box in tree.iter(main.tag) if box.get("class") == main.get("class")]
    boxes = [box for box in alike if box is main or _holds_prose(box)]
    for box in boxes[1:]:
        boxes[0].extend(list(box))
    return len(boxes) > 1


def _holds_prose(box: lxml.html.HtmlElement) -> bool:
    if box.xpath(".//h1|.//time|.//header|.//h2//a|.//h3//a"):
        return False
    whole = len(_text(box))
    prose = sum(len(_text(paragraph)) for paragraph in box.iterchildren("p"))
    links = sum(len(_text(link)) for link in box.iter("a"))
    return whole > 2 * _PROSE and 2 * prose > whole and 3 * links < whole


def _text(element: lxml.html.HtmlElement) -> str:
    return " ".join(str(element.text_content()).split())


def _paragraphs(lines: list[str]) -> str:
    """Join lines, with an empty line between paragraphs but not inside lists and tables."""
    text = before = ""
    for line in lines:
        same_list = line[:2] in {"- ", "| "} and before[:2] == line[:2]
        text += ("\n" if same_list or line[:1].islower() else "\n\n") + line if text else line
        before = line
    return text
