"""HTML of answers, articles and the library: what comes from outside is text."""

from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.datatypes import (
    Answer,
    Article,
    Citation,
    Difference,
    Passage,
    Scope,
    Skipped,
    StatedValue,
)
from qa.readers import LARGEST
from qa.web import links, words
from qa.web.answers import Turn, conversation, offers
from qa.web.desk import _arrival
from qa.web.library import Arrival, Incoming, intake, library, listed
from qa.web.links import Asked, Link, Place
from qa.web.markup import escape
from qa.web.reader import nothing, reader

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> {{constructor}} ${alert(1)} `x` "
    "$$x$$ </blockquote> &amp; \"'"
)
TAGS = {
    "section", "p", "div", "h2", "h3", "h4", "blockquote", "mark", "span", "button", "bdi", "a",
    "details", "summary", "article", "ul", "ol", "li", "time", "table", "caption", "thead", "tbody",
    "tr", "th", "td", "input", "progress",
}  # fmt: skip
TEXT = st.text(max_size=40)


class Seen(HTMLParser):
    """What a browser would make of it: tags, attributes, and the text between them."""

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


def article(text: str, number: int = 0, **known: object) -> Article:
    path = str(known.pop("path", "a.txt"))
    return Article(f"{number:064x}", path, text, str(known.pop("title", "A")), **known)


def answered(*citations: Citation, **more: object) -> Turn:
    return Turn(Asked("Q"), Answer("Q", "Q", citations, False, 0.9, **more))


@given(st.text(alphabet="<>&\"'{}$`a é日\n", max_size=60))
def test_escaped_text_is_seen_as_it_was_and_opens_no_template(text: str) -> None:
    assert Seen(escape(text)).text == text
    assert not set("{}$`<>") & set(escape(text))


def test_hostile_article_question_title_and_name_are_shown_as_text() -> None:
    kept = article(
        HOSTILE, title=HOSTILE, path=f"{HOSTILE}.txt", outlet=HOSTILE, author=HOSTILE,
        url="javascript:alert(1)", language='"><b>',
    )  # fmt: skip
    citation = Citation(1, kept, 0, len(HOSTILE), ((0, 8),))
    asked = Asked(HOSTILE, (HOSTILE,), Scope((HOSTILE,), None, None, (HOSTILE,)))
    values = (StatedValue(kept, 0, 8, (1,)), StatedValue(kept, 9, 15, (1,)))
    found = Answer(
        HOSTILE, HOSTILE + "?", (citation,), False, 0.9, (), ("x",),
        (Difference("amount", values),), (HOSTILE,), asked.scope,
    )  # fmt: skip
    turns = [
        Turn(asked, found),
        Turn(asked, Answer(HOSTILE, HOSTILE, (), True, 0.0, (citation,))),
        Turn(asked, None, HOSTILE),
        Turn(asked),
    ]
    files = (Incoming(HOSTILE, words.SKIPPED, HOSTILE),)
    for markup in (
        conversation(turns, 1),
        offers(1, [HOSTILE]),
        reader(kept, links.place_of(citation), turns[0]),
        library([listed(kept)], {}, [Skipped(HOSTILE, HOSTILE)]),
        intake(Arrival(files, HOSTILE, 0.5), HOSTILE, HOSTILE),
        nothing(HOSTILE),
    ):
        seen = Seen(markup)
        assert seen.tags <= TAGS
        assert HOSTILE in seen.text
        assert not any(set(value) & set("`") for value in seen.links)
        assert all(link.startswith("#") for link in seen.links)
        assert "{{" not in markup
        assert "${" not in markup


def test_quote_and_reader_show_the_slice_and_mark_the_answer() -> None:
    text = "Before it. The answer stands here. After it.\nSubscribe!"
    citation = Citation(1, article(text), 0, 44, ((11, 34),))
    turn = answered(citation)
    reply = Seen(conversation([turn], 1))
    assert text[:44] in reply.text
    assert reply.marked == "The answer stands here." * 4  # twice with its preview
    assert "[1] A · a.txt, line 1" in reply.text
    whole = Seen(reader(citation.article, links.place_of(citation), turn))
    assert text.replace("\n", "") in whole.text
    assert whole.marked == "The answer stands here."
    assert "“The answer stands here.” — A, a.txt, line 1" in whole.values


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("One.\n\nTwo\nlines.\n\n\n  Three.", ["One.", "Two\nlines.", "Three."]),
        ("One.\nTwo.\r\nThree.", ["One.", "Two.", "Three."]),
        ("Heading\r\n\r\nText.\r\n", ["Heading", "Text."]),
    ],
)
def test_reader_keeps_the_paragraphs(text: str, blocks: list[str]) -> None:
    markup = reader(article(text), Place("0" * 16))
    shown = Seen(markup[markup.index('<div class="qa-text"') :].replace("</article>", "")).text
    assert shown == "".join(blocks)
    assert markup.count('dir="auto">') == len(blocks) + 2


def test_place_that_the_article_does_not_have_is_not_marked() -> None:
    for at in (Place("0" * 16, 5, 900), Place("0" * 16, 5, 5), Place("0" * 16, 3, 1)):
        assert "qa-passage" not in reader(article("Short text."), at)


def test_abstention_says_so_and_folds_the_nearest_away() -> None:
    near = Citation(1, article("Near it."), 0, 8)
    markup = conversation([Turn(Asked("Q"), Answer("Q", "Q", (), True, 0.0, (near,)))], 1)
    assert "Not in these articles." in markup
    assert "<details><summary>" in markup
    assert "<details open" not in markup
    assert "<mark" not in markup


@pytest.mark.parametrize(
    ("count", "said"), [(0, "no articles here yet"), (1, "1 article in"), (5_000, "5,000 articles")]
)
def test_empty_conversation_says_what_can_be_asked(count: int, said: str) -> None:
    assert said in offers(count)


def test_reply_names_what_differs_where_else_it_stands_and_who_is_silent() -> None:
    one, other = article("It cost 3.", title="One"), article("It cost 4.", 1, title="<Two>")
    third = article("It cost 3.", 2, title="Three")
    first = Citation(1, one, 0, 10, ((0, 10),), ((8, 9),), (Passage(third, 0, 7),))
    second = Citation(2, other, 0, 10, ((0, 10),), ((8, 9),))
    values = (StatedValue(one, 8, 9, (1,)), StatedValue(other, 8, 9, (2,)))
    silent = tuple(f"S{i}" for i in range(7))
    turn = Turn(
        Asked("Q"),
        Answer(
            "Q", "Q w", (first, second), False, 0.9, (), ("w",),
            (Difference("amount", values),), silent,
        ),
    )  # fmt: skip
    seen = Seen(conversation([turn], 2)).text
    assert "Searched for: Q w Ask without the words from earlier questions" in seen
    assert "The outlets differ: amount3[1] One" in seen
    assert "Who says whatOutlet34OneThree<Two>" in seen  # the copy says what its original says
    assert "Also in: Three" in seen
    assert "Nothing quoted from: S0; S1; S2; S3; S4; and 2 more" in seen


def test_timeline_places_each_article_by_its_day() -> None:
    days = [date(2025, 1, 11), date(2025, 1, 1), date(2025, 1, 21)]
    dated = [article(f"Text {i}.", i, title=f"T{i}", published=day) for i, day in enumerate(days)]
    citations = [Citation(i + 1, a, 0, 7) for i, a in enumerate(dated[:2])]
    copied = Citation(1, dated[0], 0, 7, (), (), (Passage(dated[2], 0, 7),))
    markup = conversation([answered(copied, citations[1])], 3)
    shown = [part[: part.index('"')] for part in markup.split("--at:")[1:]]
    assert shown == ["0.0000", "0.5000", "1.0000"]
    assert [part[:10] for part in markup.split('datetime="')[1:]] == [
        "2025-01-01", "2025-01-11", "2025-01-21",
    ]  # fmt: skip
    assert "qa-times" not in conversation([answered(citations[0])], 3)


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.99, "very likely"), (0.6, "probably"), (0.3, "may answer"), (0.05, "hardly")],
)
def test_confidence_is_told_in_words(probability: float, said: str) -> None:
    assert said in words.confidence(probability)


def test_length_is_told_in_characters_where_no_spaces_part_the_words() -> None:
    assert "30 characters" in library([listed(article("港" * 30))], {})
    assert "1 word" in library([listed(article("Harbour."))], {})


def test_citation_of_an_article_from_right_to_left_keeps_its_order() -> None:
    citation = Citation(1, article("נפתח.", title="הנמל", path="a.txt"), 0, 5)
    pieces = "<bdi>[1] </bdi><bdi>הנמל</bdi><bdi> · </bdi><bdi>a.txt</bdi><bdi>, line 1</bdi>"
    assert pieces in conversation([answered(citation)], 1)


def test_library_tells_facts_and_counts() -> None:
    kept = article("one two three", outlet="The Post", language="de", published=date(2025, 1, 2))
    seen = Seen(library([listed(kept)], {kept.article_id: 3}, [Skipped("x.pdf", "is not a kind")]))
    assert "The Post · 2025-01-02 · 3 words · German · cited 3×" in seen.text
    assert "1 file was skipped" in seen.text
    assert "x.pdf is not a kind" in seen.text
    assert seen.links == ["#at=0000000000000000"]
    assert str(LARGEST) in Seen(intake()).values
    many = [listed(article("x", i)) for i in range(501)]
    assert "and 1 more" in Seen(library(many, {})).text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "about 5 seconds"), (31, "about 30 seconds"), (70, "about a minute"), (200, "3 minutes")],
)
def test_estimate_is_told_roughly(seconds: float, said: str) -> None:
    assert said in words.time_left(seconds)
    files = {"a": Incoming("a", words.WAITING), "b": Incoming("b", words.SKIPPED, "why")}
    assert _arrival(files, 0.5, seconds).said.startswith("0 of 1 article can be asked; about")
    assert _arrival(files, None, None).said == "0 articles added, 1 skipped"


DAYS = st.none() | st.dates()
NAMES = st.none() | st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=3).map(tuple)


@given(
    TEXT.filter(bool), st.lists(TEXT.filter(bool), max_size=3), NAMES, DAYS, DAYS, NAMES,
    st.integers(0, 10**8), st.integers(0, 10**8),
)  # fmt: skip
def test_link_is_read_as_it_was_written(
    question, after, outlets, since, until, paths, start, end
) -> None:
    asked = Asked(question, tuple(after), Scope(outlets, since, until, paths))
    for place in (None, Place("0123456789abcdef"), Place("0123456789abcdef", start, end)):
        link = links.write(asked, place)
        assert links.read(f"#{link}") == Link(asked, place)
        assert link.isascii()
        assert not set(link) & set("<>\"'{}$` \n")


@given(st.text() | st.integers() | st.none() | st.lists(st.text()))
def test_anything_may_stand_in_a_link(link: object) -> None:
    assert isinstance(links.read(link), Link)
    assert links.read("q=" + "x" * 60_000) == Link()
