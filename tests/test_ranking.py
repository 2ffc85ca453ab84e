import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.answering import ranking
from qa.answering.retrieval import _coverage, _term_weights
from qa.index.bm25 import inverse_document_frequency
from qa.index.rows import Term

FLOATS = st.floats(-1, 1, width=32)


def test_fuse_is_a_convex_combination() -> None:
    fused = ranking.fuse(np.float32([0.8, 0.2]), np.float32([1.0, 4.0]), weight=0.5)
    assert fused.tolist() == pytest.approx([0.5 * 0.8 + 0.5 * 0.25, 0.5 * 0.2 + 0.5 * 1.0])


def test_fuse_without_a_matching_term_keeps_the_order_of_the_cosines() -> None:
    fused = ranking.fuse(np.float32([0.1, 0.3, 0.2]), np.zeros(3, np.float32))
    assert np.argsort(-fused).tolist() == [1, 2, 0]


def test_fuse_of_no_candidates_is_empty() -> None:
    assert ranking.fuse(np.zeros(0, np.float32), np.zeros(0, np.float32)).shape == (0,)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1), st.integers(0, 50), FLOATS)
def test_a_higher_cosine_never_ranks_lower(
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
    assert ranking.order([1.0, 1.0, 1.0], ["c", "a", "b"]) == [1, 2, 0]
    assert ranking.order([], []) == []


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.text(max_size=2)), unique=True))
def test_order_does_not_depend_on_the_order_of_the_input(pairs: list[tuple[float, str]]) -> None:
    scores, keys = [score for score, _ in pairs], [key for _, key in pairs]
    found = [pairs[i] for i in ranking.order(scores, keys)]
    backwards = ranking.order(scores[::-1], keys[::-1])
    assert found == [pairs[::-1][i] for i in backwards]
    assert found == sorted(pairs, key=lambda pair: (-pair[0], pair[1]))


def test_inverse_document_frequency_is_that_of_lucene_and_above_zero() -> None:
    assert inverse_document_frequency(1, 3) == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert inverse_document_frequency(3, 3) > 0


def test_coverage_is_the_share_of_the_term_weight() -> None:
    assert _coverage({1: 0.5, 2: 1.5}, {2, 7}) == pytest.approx(0.75)
    assert _coverage({}, {2}) == 0


@given(st.dictionaries(st.integers(), st.floats(0.001, 9), min_size=1, max_size=12))
def test_full_coverage_is_exactly_one(wanted: dict[int, float]) -> None:
    assert _coverage(wanted, set(wanted)) == 1.0


def test_rare_terms_weigh_more_and_unknown_terms_count_as_not_covered() -> None:
    known = {"turkey": Term(7, 90), "expel": Term(8, 2)}
    asked = {"turkey": 1.0, "expel": 1.0, "zorvath": 1.0, "qqq": 0.4}
    weights = _term_weights(asked, known, 100)
    unknown = inverse_document_frequency(0, 100)
    assert weights[7] == inverse_document_frequency(90, 100)
    assert weights[8] == inverse_document_frequency(2, 100) > weights[7]
    assert sorted(weights[n] for n in weights if n < 0) == pytest.approx([0.4 * unknown, unknown])
    assert _coverage(weights, {7, 8}) < 0.5


@pytest.mark.parametrize("which", range(4))
def test_confidence_rises_with_each_feature(which: int) -> None:
    low = [0.3, 0.3, 0.3, 0.3]
    high = [0.6 if i == which else x for i, x in enumerate(low)]
    assert 0 < ranking.confidence(*low) < ranking.confidence(*high) < 1


def test_sentence_with_a_value_of_the_kind_that_is_asked_for_has_a_higher_score() -> None:
    without = ranking.sentence_score(0.5, 0.4)
    assert without == pytest.approx(0.5 + 0.5 * 0.4)
    assert ranking.sentence_score(0.5, 0.4, has_value=True) == pytest.approx(without + 0.15)


@pytest.mark.parametrize("query", ["Who denied it?", "in what year did it end", "Is it so"])
def test_sentences_weigh_more_for_questions_than_for_claims(query: str) -> None:
    assert ranking.sentence_weight(query) == 0.4
    assert ranking.sentence_weight("Missiles endanger jets.") == 0.2
