"""HTML of answers and articles: what comes from outside is text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.datatypes import Answer, Article, Citation, Difference, Passage, StatedValue
from qa.web.render import Turn, conversation, escape, reader

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> {{constructor}} ${alert(1)} `x` "
    "$$x$$ </blockquote> &amp; \"'"
)


class Seen(HTMLParser):
    """What a browser would make of it: tags, and the text between them."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.text = ""
        self.marked = ""
        self._open: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._open.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self._open:
            self.marked += data


def article(text: str, **known: str) -> Article:
    return Article("0" * 64, known.pop("path", "a.txt"), text, known.pop("title", "A"), **known)


@given(st.text(alphabet="<>&\"'{}$`a é日\n", max_size=60))
def test_escaped_text_is_seen_as_it_was_and_opens_no_template(text: str) -> None:
    assert Seen(escape(text)).text == text
    assert not set("{}$`<>") & set(escape(text))


def test_hostile_article_question_title_and_name_are_shown_as_text() -> None:
    kept = article(HOSTILE, title=HOSTILE, path=f"{HOSTILE}.txt", outlet=HOSTILE, author=HOSTILE)
    citation = Citation(1, kept, 0, len(HOSTILE), ((0, 8),))
    answered = Turn(HOSTILE, Answer(HOSTILE, HOSTILE + "?", (citation,), False, 0.9))
    abstained = Turn(HOSTILE, Answer(HOSTILE, HOSTILE, (), True, 0.0, (citation,)))
    refused = Turn(HOSTILE, None, HOSTILE)
    for markup in (conversation([answered, abstained, refused], 1), reader(citation)):
        seen = Seen(markup)
        assert seen.tags <= {
            "section", "p", "div", "h2", "h3", "blockquote", "mark", "span", "button", "bdi",
            "details", "summary", "article",
        }  # fmt: skip
        assert HOSTILE in seen.text
        assert "{{" not in markup
        assert "${" not in markup


def test_quote_and_reader_show_the_slice_and_mark_the_answer() -> None:
    text = "Before it. The answer stands here. After it.\nSubscribe!"
    citation = Citation(1, article(text), 0, 44, ((11, 34),))
    reply = Seen(conversation([Turn("Q", Answer("Q", "Q", (citation,), False, 0.9))], 1))
    assert text[:44] in reply.text
    assert reply.marked == "The answer stands here." * 2  # by itself, and in its passage
    assert "[1] A · a.txt, line 1" in reply.text
    whole = Seen(reader(citation))
    assert text in whole.text
    assert whole.marked == "The answer stands here."


def test_abstention_says_so_and_folds_the_nearest_away() -> None:
    near = Citation(1, article("Near it."), 0, 8)
    markup = conversation([Turn("Q", Answer("Q", "Q", (), True, 0.0, (near,)))], 1)
    assert "Not in these articles." in markup
    assert "<details><summary>" in markup
    assert "<details open" not in markup
    assert "<mark" not in markup


@pytest.mark.parametrize(("count", "words"), [(1, "1 article in"), (5, "5 articles in")])
def test_empty_conversation_says_what_can_be_asked(count: int, words: str) -> None:
    assert words in conversation([], count)


def test_reply_names_what_differs_where_else_it_stands_and_who_is_silent() -> None:
    one, other = article("It cost 3.", title="One"), article("It cost 4.", title="<Two>")
    first = Citation(1, one, 0, 10, ((0, 10),), ((8, 9),), (Passage(other, 0, 7),))
    second = Citation(2, other, 0, 10, ((0, 10),), ((8, 9),))
    values = (StatedValue(one, 8, 9, (1,)), StatedValue(other, 8, 9, (2,)))
    silent = tuple(f"S{i}" for i in range(7))
    answer = Answer(
        "Q", "Q w", (first, second), False, 0.9, (), ("w",), (Difference("amount", values),), silent
    )
    seen = Seen(conversation([Turn("Q", answer)], 2)).text
    assert "Searched for: Q w Ask without the words from earlier questions" in seen
    assert "The outlets differ: amount3[1] One4[2] <Two>" in seen
    assert "Also in: <Two>" in seen
    assert "Silent on this: S0; S1; S2; S3; S4; and 2 more" in seen
