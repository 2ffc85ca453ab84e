import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.text.values import Kind, asked_kind, find_values, number, states


@pytest.mark.parametrize(
    ("text", "kind", "stated", "key"),
    [
        ("It paid $2.5 billion then.", Kind.MONEY, "$2.5 billion", (2.5e9, "dollar", False)),
        ("worth USD 100 million per jet", Kind.MONEY, "USD 100 million", (1e8, "dollar", True)),
        ("a fine of €3,000", Kind.MONEY, "€3,000", (3000.0, "euro", False)),
        ("fifty million dollars", Kind.MONEY, "fifty million dollars", (5e7, "dollar", False)),
        ("rose 12.5 per cent", Kind.PERCENT, "12.5 per cent", (12.5,)),
        ("on December 12, 2025, they", Kind.DATE, "December 12, 2025", (2025, 12, 12)),
        ("on 3 March 1999 it", Kind.DATE, "3 March 1999", (1999, 3, 3)),
        ("removed in July 2019.", Kind.DATE, "July 2019", (2019, 7, 0)),
        ("expelled in 2019 after", Kind.DATE, "2019", (2019, 0, 0)),
        ("dated 2025-12-17", Kind.DATE, "2025-12-17", (2025, 12, 17)),
        ("four divisions of it", Kind.QUANTITY, "four", (4.0, "divis")),
        ("tracks 300 targets", Kind.QUANTITY, "300", (300.0, "target")),
        ("said Dmitry Peskov’s aide", Kind.NAME, "Dmitry Peskov", ("dmitry peskov",)),
        ("Ambassador to Turkey Tom Barrack said", Kind.NAME, "Tom Barrack", ("tom barrack",)),
    ],
)
def test_values_are_found(text: str, kind: Kind, stated: str, key: tuple[str | float, ...]) -> None:
    [value] = [value for value in find_values(text) if value.kind is kind]
    assert (text[slice(*value.span)], value.key) == (stated, key)
    assert states(kind, text)


@pytest.mark.parametrize(
    "text",
    ["They may march on.", "The S-400 and the F-35.", "The first word of it.", "no figure here"],
)
def test_words_that_resemble_values_are_none(text: str) -> None:
    assert [v for v in find_values(text) if v.kind is not Kind.NAME] == []


def test_bounds_and_exact_values() -> None:
    exact, bound = find_values("$1.3 billion, and over $1.4 billion")
    assert (exact.about, bound.about) == (False, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2.5 billion", 2.5e9), ("twenty-five", 25), ("1,200", 1200), ("six hundred", 600)],
)
def test_numbers_in_words_and_figures(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was it?", Kind.DATE),
        ("In what year did it end?", Kind.DATE),
        ("How much did Turkey pay?", Kind.MONEY),
        ("What is the unit cost of an F-35?", Kind.MONEY),
        ("How many jets?", Kind.QUANTITY),
        ("What is the maximum range of it?", Kind.QUANTITY),
        ("What percentage voted?", Kind.PERCENT),
        ("Who denied that?", Kind.NAME),
        ("Why did it fail?", None),
        ("What did he say?", None),
    ],
)
def test_kind_of_value_that_a_question_asks_for(question: str, kind: Kind | None) -> None:
    assert asked_kind(question) is kind


@given(st.text(max_size=200), st.integers(0, 50))
def test_values_are_inside_the_text_in_order_without_overlaps(text: str, start: int) -> None:
    start = min(start, len(text))
    spans = [value.span for value in find_values(text, start)]
    cuts = [start, *(cut for span in spans for cut in span), len(text)]
    assert cuts == sorted(cuts)
    assert all(a < b for a, b in spans)


@given(st.text("0123456789 ,.$%-milonthusdbJuyearwhf", max_size=80))
def test_any_figures_can_be_read(text: str) -> None:
    find_values(text)
