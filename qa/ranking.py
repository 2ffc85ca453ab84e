"""Pure functions over scores: fusion, order, and what they say about an answer."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

DENSE_WEIGHT = 0.8
"""Share of the cosine in the fused score; the rest is BM25. docs/decisions/0003-fusion.md."""

COVERAGE_WEIGHT = 0.5
"""Worth of a fully covered question beside a cosine of 1, when sentences are compared."""

# Worth of a value of the kind that is asked for: a date for "when", an amount for "how much".
_VALUE_WEIGHT = 0.15

# Worth of the best sentence's evidence beside the fused score of its passage. A question is
# answered by a sentence; a claim or key words are on a subject, which passages tell better.
_SENTENCE_WEIGHT_QUESTION, _SENTENCE_WEIGHT_OTHER = 0.4, 0.2
_QUESTION = re.compile(
    r"\W*(?:(?:and|but|so|or|in|on|at|by|for|to|from|of|with|under|since|until) )*(?:who|whom|whose"
    r"|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would"
    r"|should|may|might)\b",
    re.IGNORECASE,
)

# Logistic regression on halves of SQuAD 2 and ClapNQ, made by benchmarks/calibrate.py.
_INTERCEPT = -5.84
_WEIGHTS = (5.07, 2.72, 1.19, 1.33)
ABSTAIN_BELOW = 0.04
"""Low on purpose: to hide an answer is worse than to show what does not answer. The table behind it
is in docs/quality.md."""

# Two texts say the same if they share this part of their runs of three words.
_SAME_TEXT = 0.5
_RUN = 3


def fuse(dense: Scores, lexical: Scores, weight: float = DENSE_WEIGHT) -> Scores:
    """Fuse two scores of the same candidates into one, at most 1; higher is better.

    A convex combination of the cosine as it is and BM25 scaled to its maximum for this query; after
    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2023). It orders
    passages within one query and says nothing of whether there is an answer.

    Args:
        dense: Cosines, shape ``(n,)``.
        lexical: BM25 scores, shape ``(n,)``.
        weight: Share of `dense`, 0 to 1.

    Returns:
        Scores, float32, shape ``(n,)``.
    """
    top = float(lexical.max(initial=0))
    scaled = lexical / top if top > 0 else lexical
    return (weight * dense + (1 - weight) * scaled).astype(np.float32)


def order(scores: Sequence[float] | Scores, keys: Sequence[str]) -> list[int]:
    """Return positions by falling score; equal scores by key, so that every run agrees."""
    return sorted(range(len(keys)), key=lambda i: (-float(scores[i]), keys[i]))


def inverse_document_frequency(frequency: int, total: int) -> float:
    """Return the weight of a term in `frequency` of `total` passages (Lucene's form)."""
    return math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def coverage(wanted: Mapping[str, float], found: Iterable[str]) -> float:
    """Return the share of the question's term weight that a text covers, 0 to 1.

    Args:
        wanted: Weight of each term of the question.
        found: Terms of the text.
    """
    total = sum(wanted.values())
    held = set(found)
    # In the order of `wanted`: a set's own order, and with it the last digit, changes between runs.
    return sum(w for term, w in wanted.items() if term in held) / total if total else 0.0


def evidence(cosine: float, covered: float, *, has_value: bool = False) -> float:
    """Return how well one sentence answers, for comparison with others; higher is better.

    Args:
        cosine: Of question and sentence.
        covered: Share of the question's term weight that it covers, 0 to 1.
        has_value: Whether it states a value of the kind that is asked for.
    """
    return cosine + COVERAGE_WEIGHT * covered + _VALUE_WEIGHT * has_value


def sentence_weight(query: str) -> float:
    """Return the worth of the best sentence's evidence beside the fused score of its passage."""
    asks = query.rstrip().endswith("?") or _QUESTION.match(query)
    return _SENTENCE_WEIGHT_QUESTION if asks else _SENTENCE_WEIGHT_OTHER


def confidence(nearest: float, cosine: float, covered: float, passage_covered: float) -> float:
    """Return the calibrated probability that the articles answer, 0 to 1.

    It reads raw evidence. A score scaled within one question cannot say "nothing here": something
    is always the best of it.

    Args:
        nearest: Cosine of the question and the nearest passage.
        cosine: Cosine of the question and the best sentence.
        covered: Share of the question's term weight in that sentence, 0 to 1.
        passage_covered: The largest such share in any passage.
    """
    evidence = (nearest, cosine, covered, passage_covered)
    score = sum(w * x for w, x in zip(_WEIGHTS, evidence, strict=True))
    return 1 / (1 + math.exp(-(_INTERCEPT + score)))


def near_duplicate(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether two texts, given as their terms, are the same but for small edits.

    By the share of common runs of terms (shingles); after Broder, "On the Resemblance and
    Containment of Documents" (1997). One that states another figure says something else.
    """
    first, second = _runs(one), _runs(other)
    same = len(first & second) >= _SAME_TEXT * len(first | second) > 0
    return same and not _differ(one, other)


def repeats(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether a text, given as its terms, stands in another one, but for small edits.

    As `near_duplicate`, by the share of the first text's runs.
    """
    first = _runs(one)
    same = len(first & _runs(other)) >= _SAME_TEXT * len(first)
    return same and not _differ(one, other)


def _differ(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether each text states a figure that the other does not; "nine" for 9 is no difference."""
    ours = {term for term in one if term[0].isdigit()}
    theirs = {term for term in other if term[0].isdigit()}
    return bool(ours - theirs) and bool(theirs - ours)


def _runs(terms: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(terms[i : i + _RUN]) for i in range(max(1, len(terms) - _RUN + 1))}
