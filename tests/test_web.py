"""HTML of the conversation, the reader and the library: articles and questions are text in it."""

from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.reading.formats import LARGEST
from qa.records import (
    Answer,
    Article,
    ArticleSummary,
    Citation,
    Difference,
    Passage,
    Question,
    Scope,
    Skipped,
    StatedValue,
)
from qa.web import links, words
from qa.web.links import Link, place_of
from qa.web.uploads import Upload, UploadProgress
from qa.web.views import Turn, conversation, intake, library, nothing, offers, reader, render

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> {{constructor}} ${alert(1)} `x` "
    "$$x$$ {% if x %} {{ '<b>' | safe }} </blockquote> &amp; \"'"
)
TAGS = {
    "section", "p", "div", "h1", "h2", "h3", "h4", "blockquote", "mark", "span", "button", "bdi",
    "a", "details", "summary", "article", "ul", "ol", "li", "time", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "input", "progress",
}  # fmt: skip
TEXT = st.text(max_size=40)


class Browser(HTMLParser):
    """What a browser reads in HTML: tags, attributes, and the text between them."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.values: list[str] = []
        self.text = ""
        self.marked = ""
        self._open: list[str] = []
        self.feed(markup)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "input":
            self._open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in {"src", "srcdoc", "action", "formaction"}
            self.values.append(value or "")
            if name == "href":
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self._open:
            self.marked += data


def squeezed(text: str) -> str:
    return " ".join(text.split())


def article(text: str, number: int = 0, **known: Any) -> Article:
    path = str(known.pop("path", "a.txt"))
    return Article(f"{number:064x}", path, text, str(known.pop("title", "A")), **known)


def summary(text: str, number: int = 0, **known: Any) -> ArticleSummary:
    a = article(text, number, **known)
    counts = len(text.split()), len(text)
    return ArticleSummary(a.article_id, a.path, a.title, a.outlet, a.published, a.language, *counts)


def citation(number: int, source: Article, start: int, end: int, *spans: Any) -> Citation:
    return Citation(number, Passage(source, start, end), *spans)


def answered(*citations: Citation, **more: Any) -> Turn:
    return Turn(Question("Q"), Answer("Q", "Q", citations, False, 0.9, **more))


@given(st.text(alphabet="<>&\"'{}$`%#a é日\n", max_size=60))
def test_inserted_text_is_shown_as_it_is_and_starts_no_expression(text: str) -> None:
    markup = nothing(f"[{text}]")
    assert Browser(markup).text == f"[{text}]"
    assert not set("{}$`") & set(markup)


def test_hostile_text_in_any_field_is_shown_as_text() -> None:
    kept = article(
        HOSTILE, title=HOSTILE, path=f"{HOSTILE}.txt", outlet=HOSTILE, author=HOSTILE,
        url=f"javascript:{HOSTILE}", language=f'"><b>{HOSTILE}', published=date(2025, 1, 1),
    )  # fmt: skip
    copy = article(
        HOSTILE + "!", 1, title=HOSTILE, outlet=HOSTILE + "!", path=HOSTILE,
        published=date(2025, 1, 2), language=HOSTILE,
    )  # fmt: skip
    also = (Passage(copy, 0, len(HOSTILE)),)
    quote = citation(1, kept, 0, len(HOSTILE), ((0, 40),), ((2, 12),), also)
    question = Question(HOSTILE, (HOSTILE,), Scope((HOSTILE,), None, None, (HOSTILE,)))
    values = (
        StatedValue(Passage(kept, 0, len(HOSTILE)), (1,)), StatedValue(Passage(kept, 9, 15), (1,))
    )  # fmt: skip
    found = Answer(
        HOSTILE, HOSTILE + "?", (quote,), False, 0.9, (), (HOSTILE,),
        (Difference(HOSTILE, values),), (HOSTILE,) * 6, question.scope,
    )  # fmt: skip
    turns = [
        Turn(question, found),
        Turn(question, Answer(HOSTILE, HOSTILE, (), True, 0.0, (quote,))),
        Turn(question, None, HOSTILE),
        Turn(question),
    ]
    files = (Upload(HOSTILE, "skipped", HOSTILE),)
    listed = summary(HOSTILE, path=HOSTILE, title=HOSTILE, outlet=HOSTILE, language=HOSTILE)
    for markup, times in (
        (conversation(turns, 1, HOSTILE), 20),
        (offers(1, [HOSTILE]), 1),
        (reader(kept, place_of(quote), turns[0]), 5),
        (library([listed], {}, [Skipped(HOSTILE, HOSTILE)], HOSTILE), 6),
        (intake(UploadProgress(files, HOSTILE, 0.5), HOSTILE, HOSTILE), 5),
        (nothing(HOSTILE), 1),
        (render("places.html", places={HOSTILE: HOSTILE}), 1),
    ):
        seen = Browser(markup)
        assert seen.tags <= TAGS
        assert seen.text.count(HOSTILE) >= times
        assert all(link.startswith("#") for link in seen.links)
        assert not set("{}$`") & set(markup)


def test_quote_and_reader_show_the_slice_and_mark_the_answer() -> None:
    text = "Before it. The answer stands here. After it.\nSubscribe!"
    quote = citation(1, article(text), 0, 44, ((11, 34),))
    turn = answered(quote)
    reply = Browser(conversation([turn], 1))
    assert text[:44] in reply.text
    assert reply.marked == "The answer stands here." * 4  # twice, each with a preview
    assert "[1] A · a.txt, line 1" in reply.text
    whole = Browser(reader(quote.article, place_of(quote), turn))
    assert text.replace("\n", "") in whole.text
    assert whole.marked == "The answer stands here."
    assert "“The answer stands here.” — A, a.txt, line 1" in whole.values


def test_quote_is_not_separated_from_its_element_by_white_space() -> None:
    """Quotes, previews and paragraphs are shown with their line breaks."""
    text = "One line.\nAnother line."
    quote = citation(1, article(text), 0, len(text), ((10, 23),))
    markup = conversation([answered(quote)], 1) + reader(quote.article, place_of(quote))
    assert '<blockquote dir="auto">One line.\n<mark class="qa-answer">Another line.</mark></b' in (
        markup
    )
    assert 'role="tooltip" dir="auto">One line.\n<mark' in markup
    assert '<p dir="auto"><span class="qa-passage">One line.</span></p><p dir="auto">' in markup


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("One.\n\nTwo\nlines.\n\n\n  Three.", ["One.", "Two\nlines.", "Three."]),
        ("One.\nTwo.\r\nThree.", ["One.", "Two.", "Three."]),
        ("Heading\r\n\r\nText.\r\n", ["Heading", "Text."]),
    ],
)
def test_reader_keeps_the_paragraphs(text: str, blocks: list[str]) -> None:
    markup = reader(article(text), "0" * 16)
    shown = Browser(markup[markup.index('<div class="qa-text"') :].replace("</article>", "")).text
    assert shown == "".join(blocks)
    assert markup.count('dir="auto">') == len(blocks) + 2


@pytest.mark.parametrize("span", ["-5-900", "-5-5", "-3-1", ""])
def test_place_that_the_article_does_not_have_is_not_marked(span: str) -> None:
    assert "qa-passage" not in reader(article("Short text."), "0" * 16 + span)


def test_abstention_is_shown_with_the_nearest_passages_folded() -> None:
    near = citation(1, article("Near it."), 0, 8)
    markup = conversation([Turn(Question("Q"), Answer("Q", "Q", (), True, 0.0, (near,)))], 1)
    assert "Not in these articles." in markup
    assert "<details><summary>" in markup
    assert "<mark" not in markup
    assert 'data-said="Not in these articles."' in markup


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "no articles here yet"), (1, "1 article in"), (5_000, "5,000 articles")],
)
def test_empty_conversation_shows_what_can_be_asked(count: int, shown: str) -> None:
    assert shown in offers(count)


def test_reply_shows_differences_other_articles_and_sources_without_quotes() -> None:
    one, other = article("It cost 3.", title="One"), article("It cost 4.", 1, title="<Two>")
    third = article("It cost 3.", 2, title="Three")
    first = citation(1, one, 0, 10, ((0, 10),), ((8, 9),), (Passage(third, 0, 7),))
    second = citation(2, other, 0, 10, ((0, 10),), ((8, 9),))
    values = (StatedValue(Passage(one, 8, 9), (1,)), StatedValue(Passage(other, 8, 9), (2,)))
    turn = Turn(
        Question("Q"),
        Answer(
            "Q", "Q w", (first, second), False, 0.9, (), ("w",),
            (Difference("amount", values),), tuple(f"S{i}" for i in range(7)),
        ),
    )  # fmt: skip
    seen = squeezed(Browser(conversation([turn], 2)).text)
    assert "Searched for: Q w Ask without the words from earlier questions" in seen
    assert "The outlets differ: amount 3[1] One" in seen
    assert "Who says what Outlet34 One Three <Two>" in seen  # the near duplicate is a source too
    assert "Also in: Three" in seen
    assert "Nothing quoted from: S0; S1; S2; S3; S4; and 2 more" in seen


def test_timeline_places_each_article_by_its_day() -> None:
    days = [date(2025, 1, 11), date(2025, 1, 1), date(2025, 1, 21)]
    dated = [article(f"Text {i}.", i, title=f"T{i}", published=day) for i, day in enumerate(days)]
    quotes = [citation(i + 1, a, 0, 7) for i, a in enumerate(dated[:2])]
    with_copy = citation(1, dated[0], 0, 7, (), (), (Passage(dated[2], 0, 7),))
    markup = conversation([answered(with_copy, quotes[1])], 3)
    shown = [part[: part.index('"')] for part in markup.split("--at:")[1:]]
    assert shown == ["0.0000", "0.5000", "1.0000"]
    assert [part[:10] for part in markup.split('datetime="')[1:]] == [
        "2025-01-01", "2025-01-11", "2025-01-21",
    ]  # fmt: skip
    assert "qa-times" not in conversation([answered(quotes[0])], 3)


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0.99, "very likely"), (0.6, "probably"), (0.3, "may answer"), (0.05, "hardly")],
)
def test_confidence_is_shown_in_words(probability: float, shown: str) -> None:
    quote = citation(1, article("It."), 0, 3)
    turn = Turn(Question("Q"), Answer("Q", "Q", (quote,), False, probability))
    assert shown in conversation([turn], 1)


def test_length_is_in_characters_for_text_without_spaces() -> None:
    assert "30 characters" in library([summary("港" * 30)], {})
    assert "1 word" in library([summary("Harbour.")], {})


def test_citation_of_an_article_from_right_to_left_keeps_its_order() -> None:
    quote = citation(1, article("נפתח.", title="הנמל", path="a.txt"), 0, 5)
    pieces = "<bdi>[1] </bdi><bdi>הנמל</bdi><bdi> · </bdi><bdi>a.txt</bdi><bdi>, line 1</bdi>"
    assert pieces in conversation([answered(quote)], 1)


def test_library_shows_facts_and_counts() -> None:
    kept = summary("one two three", outlet="The Post", language="de", published=date(2025, 1, 2))
    seen = Browser(library([kept], {kept.article_id: 3}, [Skipped("x.pdf", "is not a kind")]))
    assert "The Post · 2025-01-02 · 3 words · German · cited 3×" in seen.text
    assert "1 file was skipped" in seen.text
    assert "x.pdf is not a kind" in seen.text
    assert seen.links == ["#at=0000000000000000"]
    assert str(LARGEST) in Browser(intake()).values
    many = [summary("x", i) for i in range(501)]
    assert "and 1 more" in Browser(library(many, {})).text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(1, "about 5 seconds"), (31, "about 30 seconds"), (70, "about a minute"), (200, "3 minutes")],
)
def test_time_left_is_shown_roughly(seconds: float, shown: str) -> None:
    assert shown in words.time_left(seconds)


DAYS = st.none() | st.dates()
NAMES = st.none() | st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=3).map(tuple)


@given(
    TEXT.filter(bool), st.lists(TEXT.filter(bool), max_size=3), NAMES, DAYS, DAYS, NAMES,
    st.integers(0, 10**8), st.integers(0, 10**8),
)  # fmt: skip
def test_link_is_read_as_it_was_written(
    text, history, outlets, since, until, paths, start, end
) -> None:
    question = Question(text, tuple(history), Scope(outlets, since, until, paths))
    for place in (None, "0123456789abcdef", f"0123456789abcdef-{start}-{end}"):
        link = links.write(question, place)
        assert links.read(f"#{link}") == Link(question, place)
        assert link.isascii()
        assert not set(link) & set("<>\"'{}$` \n")


@given(st.text() | st.integers() | st.none() | st.lists(st.text()))
def test_anything_may_stand_in_a_link(link: object) -> None:
    assert isinstance(links.read(link), Link)
    assert links.read("q=" + "x" * 60_000) == Link()


def test_day_in_a_link_that_cannot_be_read_is_left_out() -> None:
    assert links.read("q=Why%3F&since=soon&until=2025-01-02") == Link(
        Question("Why?", (), Scope(until=date(2025, 1, 2)))
    )
