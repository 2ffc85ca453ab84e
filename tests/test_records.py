from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from qa.errors import QueryError
from qa.records import EVERYTHING, Answer, Article, Citation, Passage, Question, Scope

PAGES = ("First page.\n", "Second page.\n", "Third page.")
TEXT = "".join(PAGES)
STARTS = (0, len(PAGES[0]), len(PAGES[0]) + len(PAGES[1]))


def article(text: str, path: str = "a.txt", **known: object) -> Article:
    return Article("0" * 64, path, text, "Title", **known)  # type: ignore[arg-type]


def quote(of: Article, start: int, end: int) -> Citation:
    return Citation(1, Passage(of, start, end))


PAPER = article(TEXT, "paper.pdf", pages=STARTS)


@pytest.mark.parametrize(
    ("start", "end", "pages"),
    [
        (0, 5, (1, 1)),
        (0, STARTS[1], (1, 1)),  # it ends where the second page begins
        (0, STARTS[1] + 1, (1, 2)),
        (STARTS[1], STARTS[2], (2, 2)),
        (STARTS[1] - 1, STARTS[1], (1, 1)),
        (STARTS[1] - 1, STARTS[2] + 1, (1, 3)),
        (STARTS[2], len(TEXT), (3, 3)),
    ],
)
def test_pages_of_a_quote(start: int, end: int, pages: tuple[int, int]) -> None:
    assert quote(PAPER, start, end).pages == pages


def test_every_page_is_the_page_of_its_own_text() -> None:
    for number, (start, end) in enumerate(pairwise((*STARTS, len(TEXT))), 1):
        assert quote(PAPER, start, end).pages == (number, number)
    assert quote(article(TEXT), 0, 5).pages is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_quote(end: str) -> None:
    text = end.join(["one", "two", "three"])
    found = article(text)
    assert quote(found, 0, 3).lines == (1, 1)
    second = text.index("two")
    assert quote(found, second, second + 3).lines == (2, 2)
    assert quote(found, second, len(text)).lines == (2, 3)
    assert quote(found, 0, len(text)).lines == (1, 3)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("a.txt", "a.txt, lines 2–3"),
        ("sub/A.MD", "sub/A.MD, lines 2–3"),
        ("a.markdown", "a.markdown, lines 2–3"),
        ("page.html", "page.html"),
        ("rows.csv#3", "rows.csv#3"),
    ],
)
def test_place_names_lines_where_the_file_has_them(path: str, place: str) -> None:
    assert quote(article("one\ntwo\nthree", path), 4, 13).place == place


def test_place_names_pages_and_a_single_line_or_page() -> None:
    assert quote(article("one\ntwo"), 4, 7).place == "a.txt, line 2"
    assert quote(PAPER, 0, STARTS[1]).place == "paper.pdf, page 1"
    assert quote(PAPER, 0, STARTS[2] + 1).place == "paper.pdf, pages 1–3"


def test_quote_and_lead_are_slices_of_the_article() -> None:
    found = Citation(2, Passage(PAPER, 0, 11), highlights=((6, 10), (0, 5)), answers=((6, 8),))
    assert (found.quote, found.start, found.end) == ("First page.", 0, 11)
    assert found.article is PAPER
    assert found.lead == (6, 10)
    assert quote(PAPER, 2, 5).lead == (2, 5)


@pytest.mark.parametrize("span", [(0, 5), (6, 12), (8, 8), (9, 8)])
def test_highlights_lie_inside_the_quote(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="outside 6-11"):
        Citation(1, Passage(PAPER, 6, 11), highlights=(span,))
    with pytest.raises(ValueError, match="outside 6-11"):
        Citation(1, Passage(PAPER, 6, 11), answers=(span,))


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (4, 3), (0, len(TEXT) + 1)])
def test_passages_and_boilerplate_lie_inside_the_text(start: int, end: int) -> None:
    with pytest.raises(ValueError, match=f"span {start}-{end} does not lie"):
        Passage(PAPER, start, end)
    with pytest.raises(ValueError, match=f"span {start}-{end} does not lie"):
        article(TEXT, boilerplate=((start, end),))


def test_passage_id_is_that_of_its_place() -> None:
    passage = Passage(PAPER, 6, 10)
    assert (passage.passage_id, passage.text, passage.span) == ("0" * 64 + ":6-10", "page", (6, 10))


def test_source_is_the_outlet_or_else_the_title() -> None:
    assert article("x").source == "Title"
    assert article("x", outlet="The Post").source == "The Post"


def test_scope_of_names_and_days() -> None:
    assert Scope.of() == EVERYTHING
    assert Scope.of("The Post", "2025-03-04", date(2025, 3, 5), ["a.txt", "b.txt"]) == Scope(
        ("The Post",), date(2025, 3, 4), date(2025, 3, 5), ("a.txt", "b.txt")
    )
    assert Scope.of(since=datetime(2025, 3, 4, 12, tzinfo=UTC)).since == date(2025, 3, 4)
    assert Scope.of([], paths=()) == Scope(outlets=(), paths=())


@pytest.mark.parametrize("name", ["since", "until"])
def test_scope_of_a_day_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match=f'{name} is "4 March"; write a day as 2025-12-17'):
        Scope.of(**{name: "4 March"})


def test_question_of_one_earlier_question_or_several() -> None:
    assert Question.of("Why?", "Who?") == Question("Why?", ("Who?",))
    assert Question.of("Why?", ["Who?", "When?"]) == Question("Why?", ("Who?", "When?"))
    assert Question.of("Why?").history == ()
    scope = Scope(outlets=("The Post",))
    assert Question.of("Why?", scope=scope).scope == scope


def test_citations_by_outlet_are_in_order() -> None:
    post, other = article("one two", outlet="Post"), article("three", "b.txt")
    citations = tuple(
        Citation(number, Passage(of, *span))
        for number, (of, span) in enumerate([(post, (0, 3)), (other, (0, 5)), (post, (4, 7))], 1)
    )
    found = Answer("Q?", "Q?", citations, False, 0.5, sources_without_quotes=("Mirror",))
    assert list(found.by_outlet.items()) == [
        ("Post", (citations[0], citations[2])),
        ("Title", (citations[1],)),
    ]
    assert found.silent == ("Mirror",)
