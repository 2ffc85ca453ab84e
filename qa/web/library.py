"""The articles, what is being added, and what was skipped, to HTML. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from qa.datatypes import Article, Skipped
from qa.readers import LARGEST, SUFFIXES
from qa.web import links, words
from qa.web.links import Place
from qa.web.markup import anchor, button, escape, paragraph

# A browser lists more, but nobody reads them: they are found by asking.
_SHOWN = 500


class Listed(NamedTuple):
    """What the library shows of an article, without its text.

    Attributes:
        article_id: As in `qa.Article`, like all that follow but `words`.
        path: Relative to the folder.
        title: What it is called.
        outlet: Who published it.
        published: When.
        language: ISO 639-1 code.
        words: How many it has, parted by spaces.
        characters: How many it has.
    """

    article_id: str
    path: str
    title: str
    outlet: str | None
    published: date | None
    language: str | None
    words: int
    characters: int


def listed(article: Article) -> Listed:
    """Return what the library shows of an article."""
    a = article
    counts = len(a.text.split()), len(a.text)
    return Listed(a.article_id, a.path, a.title, a.outlet, a.published, a.language, *counts)


class Incoming(NamedTuple):
    """A file that was brought, and how far it is.

    Attributes:
        name: As it was called where it came from.
        state: One of `qa.web.words`: WAITING, IN or SKIPPED.
        reason: Why it was skipped.
    """

    name: str
    state: str
    reason: str = ""


class Arrival(NamedTuple):
    """Files that were brought together.

    Attributes:
        files: Each with its state.
        said: How far they are, in words.
        share: How much of their text is read, 0 to 1; None when nothing is left to read.
    """

    files: tuple[Incoming, ...]
    said: str
    share: float | None = None


def library(
    articles: Sequence[Listed],
    cited: Mapping[str, int],
    skipped: Sequence[Skipped] = (),
    note: str = "",
) -> str:
    """Return the list of articles with all that can be done to it.

    Args:
        articles: What is indexed.
        cited: How often each article id is cited in the conversation.
        skipped: Files of the folder that are no articles.
        note: What a reader should know of the index.
    """
    items = "".join(_item(article, cited) for article in articles[:_SHOWN])
    more = len(articles) - _SHOWN
    return "".join(
        (
            f'<h2 class="qa-heading">{words.articles(len(articles))}</h2>',
            paragraph(note, "qa-note") if note else "",
            f'<ul class="qa-list">{items}</ul>' if items else "",
            paragraph(words.MORE.format(f"{more:,}"), "qa-note") if more > 0 else "",
            _skipped(skipped) if skipped else "",
        )
    )


def _item(article: Listed, cited: Mapping[str, int]) -> str:
    link = links.write(place=Place(article.article_id[:16]))
    times = cited.get(article.article_id, 0)
    facts = (
        article.outlet,
        words.day(article.published) if article.published else None,
        words.length(article.words, article.characters),
        words.language(article.language) if article.language else None,
        words.CITED.format(times) if times else None,
    )
    return (
        f"<li>{anchor(link, article.title, class_='qa-title', dir='auto')}"
        + button(
            "×", words.REMOVE.format(article.title), class_="qa-remove", data_path=article.path
        )
        + paragraph(" · ".join(fact for fact in facts if fact), "qa-source")
        + "</li>"
    )


def _removed(path: str) -> str:
    undo = button(words.UNDO, class_="qa-undo", data_path=path)
    return f'<p class="qa-note" dir="auto">{escape(words.REMOVED.format(path))} {undo}</p>'


def _skipped(skipped: Sequence[Skipped]) -> str:
    items = "".join(
        f'<li dir="auto">{escape(f"{item.path} {item.reason}")}</li>' for item in skipped[:_SHOWN]
    )
    return (
        f"<details><summary>{words.skipped_files(len(skipped))}</summary>"
        f'<ul class="qa-reasons">{items}</ul></details>'
    )


def intake(arrival: Arrival | None = None, removed: str = "", note: str = "") -> str:
    """Return how articles can be added, and what came of what was added or taken away.

    Args:
        arrival: Files that are being added, or were just now.
        removed: The path that was just taken out, if any.
        note: Something that went wrong.
    """
    suffixes = ",".join(SUFFIXES)
    return (
        f'<div class="qa-add" data-most="{LARGEST}" data-sending="{escape(words.SENDING)}">'
        f'<h2 class="qa-heading">{words.ADD}</h2>'
        f'<p class="qa-note">{words.DROP} '
        + button(words.FILES, class_="qa-pick", data_input="files")
        + " "
        + button(words.FOLDER, class_="qa-pick", data_input="folder")
        + '</p><p class="qa-note qa-sending" role="status"></p>'
        f'<input type="file" name="files" multiple accept="{suffixes}" hidden>'
        '<input type="file" name="folder" webkitdirectory hidden></div>'
        + (paragraph(note, "qa-note qa-warning") if note else "")
        + (_removed(removed) if removed else "")
        + (_arrival(arrival) if arrival else "")
    )


def _arrival(arrival: Arrival) -> str:
    bar = ""
    if arrival.share is not None:
        bar = f'<progress aria-label="{escape(arrival.said)}" max="1" value="{arrival.share:.3f}">'
        bar += "</progress>"
    items = "".join(
        f'<li dir="auto" class="qa-{_CLASSES[file.state]}"><span>{escape(file.name)}</span> '
        f"<span>{escape(': '.join(part for part in (file.state, file.reason) if part))}</span></li>"
        for file in arrival.files[:_SHOWN]
    )
    return (
        f'<div class="qa-arrival">{paragraph(arrival.said, "qa-note")}{bar}'
        f'<ul class="qa-reasons">{items}</ul></div>'
    )


_CLASSES = {
    words.WAITING: "waiting",
    words.IN: "in",
    words.SKIPPED: "out",
}
