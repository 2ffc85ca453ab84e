import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.lexical import fold, terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Erdoğan", "Erdogan"),
        ("Türkiye", "Turkey"),
        ("Türkiye’s", "Turkey's"),
        ("programme", "program"),
        ("defence", "defense"),
        ("modernise its forces", "modernize its forces"),
        ("theatres", "theaters"),
        ("neighbours", "neighbors"),
        ("U.S.", "US"),
        ("expelled", "expel"),
        ("DİYARBAKIR", "diyarbakır"),
        ("kilometres", "kilometers"),
    ],
)
def test_spelling_variants_meet(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize(("one", "other"), [("four", "for"), ("2017", "2019"), ("$1.3", "$1.4")])
def test_different_words_stay_apart(one: str, other: str) -> None:
    assert terms(one) != terms(other)


def test_stop_words_and_punctuation_are_no_terms() -> None:
    assert terms("What is the … of it?!") == []


def test_order_and_repeats_are_kept() -> None:
    assert terms("S-400, F-35, S-400") == ["s", "400", "f", "35", "s", "400"]


def test_decimals_stay_whole() -> None:
    assert terms("2.5 billion") == ["2.5", "billion"]


def test_fold_leaves_other_scripts_alone() -> None:
    assert fold("Москва 日本") == "москва 日本"


@given(st.text())
def test_fold_drops_accents_and_case_of_every_character(text: str) -> None:
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i"))
    expected = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    assert fold(text) == expected
