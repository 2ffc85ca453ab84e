import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.answering import ranking

FLOATS = st.floats(-1, 1, width=32)


def test_fuse_is_the_convex_combination_it_says() -> None:
    fused = ranking.fuse(np.float32([0.8, 0.2]), np.float32([1.0, 4.0]), weight=0.5)
    assert fused.tolist() == pytest.approx([0.5 * 0.8 + 0.5 * 0.25, 0.5 * 0.2 + 0.5 * 1.0])


def test_fuse_without_any_term_match_keeps_the_order_of_the_cosines() -> None:
    fused = ranking.fuse(np.float32([0.1, 0.3, 0.2]), np.zeros(3, np.float32))
    assert np.argsort(-fused).tolist() == [1, 2, 0]


def test_fuse_of_nothing_is_nothing() -> None:
    assert ranking.fuse(np.zeros(0, np.float32), np.zeros(0, np.float32)).shape == (0,)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1), st.integers(0, 50), FLOATS)
def test_more_evidence_never_ranks_lower(
    pairs: list[tuple[float, float]], which: int, more: float
) -> None:
    dense = np.float32([pair[0] for pair in pairs])
    lexical = np.abs(np.float32([pair[1] for pair in pairs]))
    which %= len(pairs)
    raised = dense.copy()
    raised[which] += abs(more)
    before = ranking.fuse(dense, lexical)
    after = ranking.fuse(raised, lexical)
    assert sum(after > after[which]) <= sum(before > before[which])


def test_order_breaks_ties_by_key() -> None:
    assert ranking.order([0.5, 0.9, 0.5], ["b", "c", "a"]) == [1, 2, 0]


def test_inverse_document_frequency_is_lucenes_and_stays_above_zero() -> None:
    assert ranking.inverse_document_frequency(1, 3) == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert ranking.inverse_document_frequency(3, 3) > 0


def test_coverage_weighs_rare_terms_more() -> None:
    wanted = {"turkey": 0.5, "expel": 1.5}
    assert ranking.coverage(wanted, ["expel", "expel", "other"]) == pytest.approx(0.75)
    assert ranking.coverage({}, ["expel"]) == 0


@given(st.dictionaries(st.text(max_size=5), st.floats(0.001, 9), min_size=1, max_size=12))
def test_whole_coverage_is_exactly_one(wanted: dict[str, float]) -> None:
    assert ranking.coverage(wanted, reversed(list(wanted))) == 1.0


@pytest.mark.parametrize("which", range(4))
def test_confidence_rises_with_each_evidence(which: int) -> None:
    low = [0.3, 0.3, 0.3, 0.3]
    high = [0.6 if i == which else x for i, x in enumerate(low)]
    assert 0 < ranking.confidence(*low) < ranking.confidence(*high) < 1


def test_a_value_of_the_kind_that_is_asked_for_speaks_for_a_sentence() -> None:
    assert ranking.sentence_score(0.5, 0.4, has_value=True) > ranking.sentence_score(0.5, 0.4)


@pytest.mark.parametrize("query", ["Who denied it?", "in what year did it end", "Is it so"])
def test_questions_weigh_sentences_more_than_claims_do(query: str) -> None:
    assert ranking.sentence_weight(query) > ranking.sentence_weight("Missiles endanger jets.")


def test_near_duplicates_differ_by_a_word_or_two_and_not_by_half() -> None:
    text = "turkey hand back the missile that it bought from russia in return for jets".split()
    assert ranking.near_duplicate(text, [*text[:6], "already", *text[6:]])
    assert ranking.near_duplicate(text, text)
    assert not ranking.near_duplicate(text, text[:6] + list("abcdefgh"))
    assert not ranking.near_duplicate(text, text[::-1])
    assert not ranking.near_duplicate([], text)
