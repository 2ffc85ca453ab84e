import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.text.shingles import (
    containment,
    contains_most_of,
    near_duplicate,
    resemblance,
    shingles,
)
from qa.text.terms import index_terms

TEXT = "turkey hand back the missile that it bought from russia in return for jets".split()
TERMS = st.lists(st.sampled_from(["a", "b", "c", "4", "5", ""]), max_size=9)


def test_shingles_are_the_runs_of_three_terms() -> None:
    assert shingles("abcd") == {("a", "b", "c"), ("b", "c", "d")}
    assert shingles(["a", "b"]) == {("a", "b")}
    assert shingles("abc", size=2) == {("a", "b"), ("b", "c")}


def test_resemblance_and_containment() -> None:
    assert resemblance({1, 2, 3}, {2, 3, 4}) == 0.5
    assert containment({1, 2}, {2, 3, 4}) == 0.5
    assert containment({2}, {2, 3, 4}) == 1
    assert resemblance(set(), set()) == containment(set(), {1}) == 0


def test_near_duplicates_differ_in_a_few_words() -> None:
    assert near_duplicate(TEXT, TEXT)
    assert near_duplicate(TEXT, [*TEXT[:6], "already", *TEXT[6:]])
    assert not near_duplicate(TEXT, TEXT[:6] + list("abcdefgh"))
    assert not near_duplicate(TEXT, TEXT[::-1])
    assert not near_duplicate([], TEXT)


def test_a_shorter_text_is_contained_but_no_near_duplicate() -> None:
    part = TEXT[:7]
    assert contains_most_of(part, TEXT)
    assert not contains_most_of(TEXT, part)
    assert not near_duplicate(part, TEXT)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["40"], ["41"], False),
        (["2.5"], ["2.6"], False),
        (["40"], ["forty"], True),
        (["2019"], [], True),
        (["40", "people"], ["40", "41", "people"], True),
    ],
)
def test_texts_with_different_figures_are_not_near_duplicates(
    one: list[str], other: list[str], same: bool
) -> None:
    assert near_duplicate([*TEXT, *one], [*TEXT, *other]) is same
    assert contains_most_of([*TEXT, *one], [*TEXT, *other]) is same


def test_near_duplicates_in_thai() -> None:
    """A pair of combining marks was an empty term, and `near_duplicate` raised an IndexError."""
    one = index_terms("กลุ่มชาวประมงเรียกร้องให้เปิดท่าเรือวาร์นาอีกครั้ง", "th")
    other = index_terms("กลุ่มชาวประมงเรียกร้องให้เปิดท่าเรือวาร์นาอีกครั้งแล้ว", "th")
    assert near_duplicate(one, other)


@given(TERMS, TERMS)
def test_any_terms_can_be_compared(one: list[str], other: list[str]) -> None:
    assert near_duplicate(one, other) == near_duplicate(other, one)
    assert contains_most_of(one, one)
    if near_duplicate(one, other):
        assert contains_most_of(one, other)
        assert contains_most_of(other, one)
