import random
import tracemalloc
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qa.text.terms import fold, index_terms, rules_for

LANGUAGES = [None, "en", "ar", "de", "hi", "ja", "ko", "lo", "nb", "ru", "th", "tr", "xx", "zh"]
# Marks that do not stand alone: accents, vowel signs and tone marks of several scripts.
MARKS = st.characters(categories=["Mn", "Mc", "Me"])


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
        ("5 USD", "5 dollars"),
        ("Kiev", "Kyiv"),
    ],
)
def test_spelling_variants_have_the_same_terms(one: str, other: str) -> None:
    assert index_terms(one) == index_terms(other) != []


@pytest.mark.parametrize(("one", "other"), [("four", "for"), ("2017", "2019"), ("$1.3", "$1.4")])
def test_different_words_have_different_terms(one: str, other: str) -> None:
    assert index_terms(one) != index_terms(other)


def test_stop_words_and_punctuation_are_no_terms() -> None:
    assert index_terms("What is the … of it?!") == []


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("de", "Wo ist der Hafen?", ["haf"]),
        ("es", "¿Cuándo se va el puerto?", ["va", "puert"]),
        ("fr", "Quand est-ce que le port ?", ["port"]),
        ("ru", "Где порт?", ["порт"]),
        ("tr", "Liman nerede?", ["lima"]),
        ("ar", "اين الميناء", ["ميناء"]),
    ],
)
def test_stop_words_of_other_languages(language: str, text: str, terms: list[str]) -> None:
    assert index_terms(text, language) == terms


def test_order_and_repeats_are_kept() -> None:
    assert index_terms("S-400, F-35, S-400") == ["s", "400", "f", "35", "s", "400"]


def test_decimals_are_one_term() -> None:
    assert index_terms("2.5 billion") == ["2.5", "billion"]


def test_a_pair_of_combining_marks_is_no_term() -> None:
    """In the Thai word for "group" two marks follow each other: as a pair they fold to nothing."""
    assert fold("ุ่") == ""
    assert index_terms("กลุ่ม", "th") == ["กล", "ล", "ม"]


@given(st.text(st.one_of(st.characters(), MARKS), max_size=60), st.sampled_from(LANGUAGES))
def test_no_term_is_empty(text: str, language: str | None) -> None:
    assert all(term and not term.isspace() for term in index_terms(text, language))


@given(st.text(MARKS, max_size=20), st.sampled_from(LANGUAGES))
def test_marks_alone_have_no_empty_term(text: str, language: str | None) -> None:
    assert all(index_terms(text, language))


@pytest.mark.parametrize(
    ("language", "rules"), [(None, "en"), ("en", "en"), ("nb", "no"), ("zh", ""), ("xx", "")]
)
def test_rules_of_a_language(language: str | None, rules: str) -> None:
    assert rules_for(language) == rules


def test_fold_keeps_the_letters_of_other_scripts() -> None:
    assert fold("Москва 日本") == "москва 日本"


@given(st.text())
def test_fold_removes_accents_and_case_of_every_character(text: str) -> None:
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i"))
    assume("и\u0306" not in decomposed.casefold())  # й is a letter of its own
    expected = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    assert fold(text) == expected


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_text_is_kept_in_memory(language: str) -> None:
    vocabulary = "harbour storm reopened Monday ferry Burgas noon порт шторм".split()
    index_terms(" ".join(vocabulary), language)
    choices = random.Random(0).choices
    tracemalloc.start()
    for _ in range(500):
        index_terms(" ".join(choices(vocabulary, k=300)), language)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000  # bytes; the 500 texts have 1,000,000 characters
